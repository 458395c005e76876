"""`tf.linalg.experimental`: public names, re-exports only."""

from gradtape.ops.linalg_least_squares import conjugate_gradient as conjugate_gradient
