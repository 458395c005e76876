"""`tf.random.experimental`: public names, re-exports only."""

from gradtape.ops.random_generator import Algorithm as Algorithm
from gradtape.ops.random_generator import Generator as Generator
from gradtape.ops.random_generator import create_rng_state as create_rng_state
from gradtape.ops.random_generator import get_global_generator as get_global_generator
from gradtape.ops.random_generator import set_global_generator as set_global_generator
from gradtape.ops.random_keys import fold_in as stateless_fold_in
from gradtape.ops.random_keys import split as stateless_split
from gradtape.ops.random_stateless import stateless_shuffle as stateless_shuffle
