"""`tf.compat.v1.initializers`: public names, re-exports only."""

from gradtape.graph.initializing import global_variables_initializer as global_variables
from gradtape.graph.initializing import local_variables_initializer as local_variables
from gradtape.graph.initializing import variables_initializer as variables
from gradtape.ops.initial_v1 import Constant as constant
from gradtape.ops.initial_v1 import GlorotNormal as glorot_normal
from gradtape.ops.initial_v1 import GlorotUniform as glorot_uniform
from gradtape.ops.initial_v1 import Ones as ones
from gradtape.ops.initial_v1 import RandomNormal as random_normal
from gradtape.ops.initial_v1 import RandomUniform as random_uniform
from gradtape.ops.initial_v1 import TruncatedNormal as truncated_normal
from gradtape.ops.initial_v1 import VarianceScaling as variance_scaling
from gradtape.ops.initial_v1 import Zeros as zeros
