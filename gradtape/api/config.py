"""`tf.config`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
from gradtape.graph.function import functions_run_eagerly as experimental_functions_run_eagerly
from gradtape.graph.function import functions_run_eagerly as functions_run_eagerly
from gradtape.graph.function import run_functions_eagerly as experimental_run_functions_eagerly
from gradtape.graph.function import run_functions_eagerly as run_functions_eagerly

__getattr__ = _refusing("tf.config")
