"""`tf.test`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
from gradtape.autodiff.matrices import compute_gradient as compute_gradient

__getattr__ = _refusing("tf.test")
