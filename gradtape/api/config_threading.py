"""`tf.config.threading`: public names, re-exports only."""

from gradtape.graph.parallelism import (
    get_inter_op_parallelism_threads as get_inter_op_parallelism_threads,
)
from gradtape.graph.parallelism import (
    get_intra_op_parallelism_threads as get_intra_op_parallelism_threads,
)
from gradtape.graph.parallelism import (
    set_inter_op_parallelism_threads as set_inter_op_parallelism_threads,
)
from gradtape.graph.parallelism import (
    set_intra_op_parallelism_threads as set_intra_op_parallelism_threads,
)
