"""`tf.raw_ops`: public names, re-exports only."""

from gradtape.autodiff.custom import prevent_gradient as PreventGradient
from gradtape.autodiff.custom import stop_gradient as StopGradient
