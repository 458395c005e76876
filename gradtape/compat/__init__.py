"""`tf.compat`: older interfaces."""

from gradtape.compat import v1 as v1
