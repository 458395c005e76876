"""`tf.math`: public names, re-exports only."""

from gradtape.ops.reductions import count_nonzero as count_nonzero
from gradtape.ops.reductions import reduce_all as reduce_all
from gradtape.ops.reductions import reduce_any as reduce_any
from gradtape.ops.reductions import reduce_logsumexp as reduce_logsumexp
from gradtape.ops.reductions import reduce_max as reduce_max
from gradtape.ops.reductions import reduce_mean as reduce_mean
from gradtape.ops.reductions import reduce_min as reduce_min
from gradtape.ops.reductions import reduce_sum as reduce_sum
from gradtape.ops.reductions import zero_fraction as zero_fraction
from gradtape.ops.softmax import log_softmax as log_softmax
from gradtape.ops.softmax import softmax as softmax
