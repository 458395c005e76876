"""The names of `tf.compat.v1`: re-exports only, and all names of `tf`.

Graphs, sessions and placeholders are here, and functions as TensorFlow 1 spells them. Names that
moved since then lead to where they are now."""

import sys
from typing import Any

from gradtape.api import initializers_v1 as initializers
from gradtape.api import logging_v1 as logging
from gradtape.api import losses_v1 as losses
from gradtape.api import nn_v1 as nn
from gradtape.api import test_v1 as test
from gradtape.api import train_v1 as train
from gradtape.graph.building import Graph as Graph
from gradtape.graph.building import disable_eager_execution as disable_eager_execution
from gradtape.graph.building import disable_eager_execution as disable_v2_behavior
from gradtape.graph.building import enable_eager_execution as enable_eager_execution
from gradtape.graph.building import enable_eager_execution as enable_v2_behavior
from gradtape.graph.building import (
    executing_eagerly_outside_functions as executing_eagerly_outside_functions,
)
from gradtape.graph.building import get_default_graph as get_default_graph
from gradtape.graph.building import reset_default_graph as reset_default_graph
from gradtape.graph.fetching import IndexedSlicesValue as IndexedSlicesValue
from gradtape.graph.initializing import add_to_collection as add_to_collection
from gradtape.graph.initializing import add_to_collections as add_to_collections
from gradtape.graph.initializing import assign as assign
from gradtape.graph.initializing import assign_add as assign_add
from gradtape.graph.initializing import assign_sub as assign_sub
from gradtape.graph.initializing import get_collection as get_collection
from gradtape.graph.initializing import get_collection_ref as get_collection_ref
from gradtape.graph.initializing import global_variables as all_variables
from gradtape.graph.initializing import global_variables as global_variables
from gradtape.graph.initializing import global_variables_initializer as global_variables_initializer
from gradtape.graph.initializing import global_variables_initializer as initialize_all_variables
from gradtape.graph.initializing import is_variable_initialized as is_variable_initialized
from gradtape.graph.initializing import local_variables as local_variables
from gradtape.graph.initializing import local_variables_initializer as initialize_local_variables
from gradtape.graph.initializing import local_variables_initializer as local_variables_initializer
from gradtape.graph.initializing import (
    report_uninitialized_variables as report_uninitialized_variables,
)
from gradtape.graph.initializing import scatter_add as scatter_add
from gradtape.graph.initializing import scatter_sub as scatter_sub
from gradtape.graph.initializing import scatter_update as scatter_update
from gradtape.graph.initializing import trainable_variables as trainable_variables
from gradtape.graph.initializing import variables_initializer as initialize_variables
from gradtape.graph.initializing import variables_initializer as variables_initializer
from gradtape.graph.older import Options as ConfigProto
from gradtape.graph.older import Options as GPUOptions
from gradtape.graph.older import Options as GraphOptions
from gradtape.graph.older import Options as OptimizerOptions
from gradtape.graph.older import Options as RunMetadata
from gradtape.graph.older import Print as Print
from gradtape.graph.older import RunOptions as RunOptions
from gradtape.graph.older import accepted as disable_control_flow_v2
from gradtape.graph.older import accepted as disable_resource_variables
from gradtape.graph.older import accepted as disable_tensor_equality
from gradtape.graph.older import accepted as disable_v2_tensorshape
from gradtape.graph.older import accepted as enable_control_flow_v2
from gradtape.graph.older import accepted as enable_resource_variables
from gradtape.graph.older import accepted as enable_tensor_equality
from gradtape.graph.older import accepted as enable_v2_tensorshape
from gradtape.graph.older import gradients as gradients
from gradtape.graph.older import hessians as hessians
from gradtape.graph.older import name_scope as name_scope
from gradtape.graph.older import py_func as py_func
from gradtape.graph.older import set_random_seed as set_random_seed
from gradtape.graph.placeholders import placeholder as placeholder
from gradtape.graph.placeholders import placeholder_with_default as placeholder_with_default
from gradtape.graph.session import InteractiveSession as InteractiveSession
from gradtape.graph.session import Session as Session
from gradtape.graph.session import get_default_session as get_default_session
from gradtape.graph.variable_scopes import AUTO_REUSE as AUTO_REUSE
from gradtape.graph.variable_scopes import VariableScope as VariableScope
from gradtape.graph.variable_scopes import get_variable as get_variable
from gradtape.graph.variable_scopes import get_variable_scope as get_variable_scope
from gradtape.graph.variable_scopes import variable_scope as variable_scope
from gradtape.graph.variables import GraphKeys as GraphKeys
from gradtape.graph.variables import VariableV1 as Variable
from gradtape.ops.clipping import clip_by_average_norm as clip_by_average_norm
from gradtape.ops.initial_v1 import Constant as constant_initializer
from gradtape.ops.initial_v1 import GlorotNormal as glorot_normal_initializer
from gradtape.ops.initial_v1 import GlorotUniform as glorot_uniform_initializer
from gradtape.ops.initial_v1 import Ones as ones_initializer
from gradtape.ops.initial_v1 import RandomNormal as random_normal_initializer
from gradtape.ops.initial_v1 import RandomUniform as random_uniform_initializer
from gradtape.ops.initial_v1 import TruncatedNormal as truncated_normal_initializer
from gradtape.ops.initial_v1 import VarianceScaling as variance_scaling_initializer
from gradtape.ops.initial_v1 import Zeros as zeros_initializer
from gradtape.ops.math_v1 import div as div
from gradtape.ops.math_v1 import multinomial as multinomial
from gradtape.ops.math_v1 import to_double as to_double
from gradtape.ops.math_v1 import to_float as to_float
from gradtape.ops.math_v1 import to_int32 as to_int32
from gradtape.ops.math_v1 import to_int64 as to_int64
from gradtape.ops.math_v1 import where as where
from gradtape.ops.older import argmax as argmax
from gradtape.ops.older import argmin as argmin
from gradtape.ops.older import count_nonzero as count_nonzero
from gradtape.ops.older import expand_dims as expand_dims
from gradtape.ops.older import reduce_all as reduce_all
from gradtape.ops.older import reduce_any as reduce_any
from gradtape.ops.older import reduce_logsumexp as reduce_logsumexp
from gradtape.ops.older import reduce_max as reduce_max
from gradtape.ops.older import reduce_mean as reduce_mean
from gradtape.ops.older import reduce_min as reduce_min
from gradtape.ops.older import reduce_prod as reduce_prod
from gradtape.ops.older import reduce_sum as reduce_sum
from gradtape.ops.older import squeeze as squeeze

_MOVED = {
    "NoGradient": "no_gradient", "NotDifferentiable": "no_gradient",
    "ceil": "math.ceil", "cholesky": "linalg.cholesky", "cross": "linalg.cross",
    "depth_to_space": "nn.depth_to_space", "diag": "linalg.tensor_diag",
    "diag_part": "linalg.tensor_diag_part", "div_no_nan": "math.divide_no_nan",
    "floor_div": "math.floordiv", "global_norm": "linalg.global_norm", "lin_space": "linspace",
    "matrix_band_part": "linalg.band_part", "matrix_determinant": "linalg.det",
    "matrix_diag": "linalg.diag", "matrix_diag_part": "linalg.diag_part",
    "matrix_inverse": "linalg.inv", "matrix_set_diag": "linalg.set_diag",
    "matrix_solve": "linalg.solve", "matrix_solve_ls": "linalg.lstsq",
    "matrix_transpose": "linalg.matrix_transpose",
    "matrix_triangular_solve": "linalg.triangular_solve", "mod": "math.floormod",
    "random_gamma": "random.gamma", "random_normal": "random.normal",
    "random_poisson": "random.poisson", "random_shuffle": "random.shuffle",
    "random_uniform": "random.uniform", "self_adjoint_eig": "linalg.eigh",
    "self_adjoint_eigvals": "linalg.eigvalsh", "space_to_depth": "nn.space_to_depth",
    "truncated_normal": "random.truncated_normal",
    "verify_tensor_all_finite": "debugging.assert_all_finite", "where_v2": "where",
    "tensor_scatter_add": "tensor_scatter_nd_add", "tensor_scatter_sub": "tensor_scatter_nd_sub",
    "tensor_scatter_update": "tensor_scatter_nd_update", "reverse_v2": "reverse",
}  # fmt: skip
_ABOVE = ("math", "linalg", "signal", "debugging")  # their names stood in the uppermost module
OWN = frozenset(n for n in globals() if not n.startswith("_")) - {"Any", "sys"} | {*_MOVED}


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name != "__version__":
        raise AttributeError(name)
    globals()[name] = found = _looked_up(name)
    return found


def _looked_up(name: str) -> Any:
    value: Any = sys.modules["gradtape"]
    if name in _MOVED:
        for part in _MOVED[name].split("."):
            value = getattr(value, part)
        return value
    for module in (value, *[getattr(value, m) for m in _ABOVE]):
        if name in dir(module):
            return getattr(module, name)
    raise AttributeError(
        f"gradtape.compat.v1.{name} is not there. docs/limits.md tells what is left out."
    )


def __dir__() -> list[str]:
    return sorted({*OWN, *[n for n in dir(sys.modules["gradtape"]) if not n.startswith("_")]})
