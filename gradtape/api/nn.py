"""`tf.nn`: public names, re-exports only."""

from gradtape.ops.cross_entropies import softmax_cross_entropy_with_logits as softmax_cross_entropy_with_logits
from gradtape.ops.cross_entropies import (
    sparse_softmax_cross_entropy_with_logits as sparse_softmax_cross_entropy_with_logits,
)
from gradtape.ops.neural import relu as relu
from gradtape.ops.reductions import zero_fraction as zero_fraction
from gradtape.ops.softmax import log_softmax as log_softmax
from gradtape.ops.softmax import softmax as softmax
