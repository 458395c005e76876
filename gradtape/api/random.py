"""`tf.random`: public names, re-exports only."""

from gradtape.api import random_experimental as experimental
from gradtape.api.left_out import refusing as _refusing
from gradtape.ops.random_generator import Algorithm as Algorithm
from gradtape.ops.random_generator import Generator as Generator
from gradtape.ops.random_generator import create_rng_state as create_rng_state
from gradtape.ops.random_generator import get_global_generator as get_global_generator
from gradtape.ops.random_generator import set_global_generator as set_global_generator
from gradtape.ops.random_keys import fold_in as fold_in
from gradtape.ops.random_keys import set_seed as set_seed
from gradtape.ops.random_keys import split as split
from gradtape.ops.random_stateful import beta as beta
from gradtape.ops.random_stateful import categorical as categorical
from gradtape.ops.random_stateful import dirichlet as dirichlet
from gradtape.ops.random_stateful import gamma as gamma
from gradtape.ops.random_stateful import normal as normal
from gradtape.ops.random_stateful import poisson as poisson
from gradtape.ops.random_stateful import shuffle as shuffle
from gradtape.ops.random_stateful import truncated_normal as truncated_normal
from gradtape.ops.random_stateful import uniform as uniform
from gradtape.ops.random_stateless import stateless_binomial as stateless_binomial
from gradtape.ops.random_stateless import stateless_categorical as stateless_categorical
from gradtape.ops.random_stateless import stateless_gamma as stateless_gamma
from gradtape.ops.random_stateless import stateless_normal as stateless_normal
from gradtape.ops.random_stateless import (
    stateless_parameterized_truncated_normal as stateless_parameterized_truncated_normal,
)
from gradtape.ops.random_stateless import stateless_poisson as stateless_poisson
from gradtape.ops.random_stateless import stateless_truncated_normal as stateless_truncated_normal
from gradtape.ops.random_stateless import stateless_uniform as stateless_uniform

__getattr__ = _refusing("tf.random")
