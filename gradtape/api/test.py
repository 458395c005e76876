"""`tf.test`: public names, re-exports only."""

from gradtape.api.left_out import refusing
from gradtape.autodiff.check import compute_gradient as compute_gradient

__getattr__ = refusing("tf.test")
