"""`tf.compat`: older interfaces."""

from gradtape.compat import _v1 as v1

__all__ = ["v1"]
