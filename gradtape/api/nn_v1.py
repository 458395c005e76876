"""`tf.compat.v1.nn`: public names, re-exports only."""

from gradtape.ops.normalising import fused_batch_norm as fused_batch_norm
