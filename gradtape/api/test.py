"""`tf.test`: public names, re-exports only."""

from gradtape.autodiff.check import compute_gradient as compute_gradient
