"""gradtape: automatic differentiation behind TensorFlow's interface, on NumPy and XLA.

import gradtape as tf

x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = x**2
print(tape.gradient(y, x))  # 6

Topics that many programs never use are loaded when they are first asked for: with them the import
would take more than twice NumPy's time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradtape.api import autodiff as autodiff
from gradtape.api import bitwise as bitwise
from gradtape.api import debugging as debugging
from gradtape.api import dtypes as dtypes
from gradtape.api import errors as errors
from gradtape.api import linalg as linalg
from gradtape.api import math as math
from gradtape.api import nest as nest
from gradtape.api import nn as nn
from gradtape.api import random as random
from gradtape.api import train as train
from gradtape.api.left_out import LEFT_OUT as _LEFT_OUT
from gradtape.api.left_out import refusing as _refusing
from gradtape.autodiff.asking import UnconnectedGradients as UnconnectedGradients
from gradtape.autodiff.custom import custom_gradient as custom_gradient
from gradtape.autodiff.custom import grad_pass_through as grad_pass_through
from gradtape.autodiff.custom import stop_gradient as stop_gradient
from gradtape.autodiff.extend import RegisterGradient as RegisterGradient
from gradtape.autodiff.extend import no_gradient as no_gradient
from gradtape.autodiff.extend import primitive as primitive
from gradtape.autodiff.finite import debug_nans as debug_nans
from gradtape.autodiff.history import debug_gradients as debug_gradients
from gradtape.autodiff.mapping import vectorized_map as vectorized_map
from gradtape.autodiff.recompute import recompute_grad as recompute_grad
from gradtape.autodiff.tape import GradientTape as GradientTape
from gradtape.core.convert import constant as constant
from gradtape.core.convert import convert_to_tensor as convert_to_tensor
from gradtape.core.dtypes import DType as DType
from gradtape.core.dtypes import as_dtype as as_dtype
from gradtape.core.dtypes import bfloat16 as bfloat16
from gradtape.core.dtypes import bool_ as bool
from gradtape.core.dtypes import complex64 as complex64
from gradtape.core.dtypes import complex128 as complex128
from gradtape.core.dtypes import double as double
from gradtape.core.dtypes import float16 as float16
from gradtape.core.dtypes import float32 as float32
from gradtape.core.dtypes import float64 as float64
from gradtape.core.dtypes import half as half
from gradtape.core.dtypes import int8 as int8
from gradtape.core.dtypes import int16 as int16
from gradtape.core.dtypes import int32 as int32
from gradtape.core.dtypes import int64 as int64
from gradtape.core.dtypes import uint8 as uint8
from gradtape.core.dtypes import uint16 as uint16
from gradtape.core.dtypes import uint32 as uint32
from gradtape.core.dtypes import uint64 as uint64
from gradtape.core.module import Module as Module
from gradtape.core.module import name_scope as name_scope
from gradtape.core.shapes import TensorShape as TensorShape
from gradtape.core.shapes import TensorSpec as TensorSpec
from gradtape.core.surroundings import VariableAggregation as VariableAggregation
from gradtape.core.surroundings import VariableSynchronization as VariableSynchronization
from gradtape.core.surroundings import control_dependencies as control_dependencies
from gradtape.core.surroundings import device as device
from gradtape.core.surroundings import executing_eagerly as executing_eagerly
from gradtape.core.surroundings import get_current_name_scope as get_current_name_scope
from gradtape.core.surroundings import get_logger as get_logger
from gradtape.core.surroundings import get_static_value as get_static_value
from gradtape.core.surroundings import group as group
from gradtape.core.surroundings import init_scope as init_scope
from gradtape.core.surroundings import inside_function as inside_function
from gradtape.core.surroundings import is_symbolic_tensor as is_symbolic_tensor
from gradtape.core.surroundings import is_tensor as is_tensor
from gradtape.core.surroundings import no_op as no_op
from gradtape.core.surroundings import timestamp as timestamp
from gradtape.core.surroundings import tuple_ as tuple
from gradtape.core.surroundings import type_spec_from_value as type_spec_from_value
from gradtape.core.tensor import Tensor as Tensor
from gradtape.core.variable import Variable as Variable
from gradtape.core.variable import variable_creator_scope as variable_creator_scope

if TYPE_CHECKING:
    from gradtape.graph.function import function as function
from gradtape.ops import operators as operators
from gradtape.ops.arithmetic import absolute as abs
from gradtape.ops.arithmetic import add_n as add_n
from gradtape.ops.arithmetic import maximum as maximum
from gradtape.ops.arithmetic import minimum as minimum
from gradtape.ops.arithmetic import scalar_mul as scalar_mul
from gradtape.ops.arithmetic import signum as sign
from gradtape.ops.assertions import Assert as Assert
from gradtape.ops.assertions import assert_equal as assert_equal
from gradtape.ops.assertions import assert_greater as assert_greater
from gradtape.ops.assertions import assert_less as assert_less
from gradtape.ops.basis import add as add
from gradtape.ops.basis import multiply as multiply
from gradtape.ops.basis import negative as negative
from gradtape.ops.basis import subtract as subtract
from gradtape.ops.casting import bitcast as bitcast
from gradtape.ops.casting import cast as cast
from gradtape.ops.casting import saturate_cast as saturate_cast
from gradtape.ops.choosing import where as where
from gradtape.ops.clipping import clip_by_global_norm as clip_by_global_norm
from gradtape.ops.clipping import clip_by_norm as clip_by_norm
from gradtape.ops.clipping import clip_by_value as clip_by_value
from gradtape.ops.complexes import complex_of as complex
from gradtape.ops.counting import histogram_fixed_width as histogram_fixed_width
from gradtape.ops.counting import histogram_fixed_width_bins as histogram_fixed_width_bins
from gradtape.ops.counting import unique as unique
from gradtape.ops.counting import unique_with_counts as unique_with_counts
from gradtape.ops.creation import fill as fill
from gradtape.ops.creation import linspace as linspace
from gradtape.ops.creation import one_hot as one_hot
from gradtape.ops.creation import ones as ones
from gradtape.ops.creation import ones_like as ones_like
from gradtape.ops.creation import range_ as range
from gradtape.ops.creation import rank as rank
from gradtape.ops.creation import shape as shape
from gradtape.ops.creation import shape_n as shape_n
from gradtape.ops.creation import size as size
from gradtape.ops.creation import zeros as zeros
from gradtape.ops.creation import zeros_like as zeros_like
from gradtape.ops.einsum import einsum as einsum
from gradtape.ops.exponential import cosh as cosh
from gradtape.ops.exponential import exp as exp
from gradtape.ops.exponential import expm1 as expm1
from gradtape.ops.exponential import log as log
from gradtape.ops.exponential import log1p as log1p
from gradtape.ops.exponential import sigmoid as sigmoid
from gradtape.ops.exponential import sinh as sinh
from gradtape.ops.exponential import tanh as tanh
from gradtape.ops.extremes import reduce_logsumexp as reduce_logsumexp
from gradtape.ops.extremes import reduce_max as reduce_max
from gradtape.ops.extremes import reduce_min as reduce_min
from gradtape.ops.gamma import factorial as factorial
from gradtape.ops.gamma import gamma as gamma
from gradtape.ops.indexing import gather as gather
from gradtape.ops.indexing import gather_nd as gather_nd
from gradtape.ops.indexing import scatter_nd as scatter_nd
from gradtape.ops.indexing import tensor_scatter_nd_add as tensor_scatter_nd_add
from gradtape.ops.indexing import tensor_scatter_nd_max as tensor_scatter_nd_max
from gradtape.ops.indexing import tensor_scatter_nd_min as tensor_scatter_nd_min
from gradtape.ops.indexing import tensor_scatter_nd_sub as tensor_scatter_nd_sub
from gradtape.ops.indexing import tensor_scatter_nd_update as tensor_scatter_nd_update
from gradtape.ops.initial import ConstantInitializer as constant_initializer
from gradtape.ops.initial import OnesInitializer as ones_initializer
from gradtape.ops.initial import RandomNormalInitializer as random_normal_initializer
from gradtape.ops.initial import RandomUniformInitializer as random_uniform_initializer
from gradtape.ops.initial import ZerosInitializer as zeros_initializer
from gradtape.ops.joining import concat as concat
from gradtape.ops.joining import meshgrid as meshgrid
from gradtape.ops.joining import parallel_stack as parallel_stack
from gradtape.ops.joining import split as split
from gradtape.ops.joining import stack as stack
from gradtape.ops.joining import unstack as unstack
from gradtape.ops.linalg_diagonals_public import eye as eye
from gradtape.ops.linalg_functions import sqrtm as matrix_square_root
from gradtape.ops.linalg_spectra import eig as eig
from gradtape.ops.linalg_spectra import eigvals as eigvals
from gradtape.ops.norms_public import norm as norm
from gradtape.ops.ordering import unravel_index as unravel_index
from gradtape.ops.padding import pad as pad
from gradtape.ops.partitioning import boolean_mask as boolean_mask
from gradtape.ops.partitioning import dynamic_partition as dynamic_partition
from gradtape.ops.partitioning import dynamic_stitch as dynamic_stitch
from gradtape.ops.powers import power as pow
from gradtape.ops.powers import sqrt as sqrt
from gradtape.ops.powers import square as square
from gradtape.ops.printing import print_ as print
from gradtape.ops.products import matmul as matmul
from gradtape.ops.quotients import divide as divide
from gradtape.ops.quotients import divide as realdiv
from gradtape.ops.quotients import truediv as truediv
from gradtape.ops.rearranging import batch_to_space as batch_to_space
from gradtape.ops.rearranging import (
    required_space_to_batch_paddings as required_space_to_batch_paddings,
)
from gradtape.ops.rearranging import reverse_sequence as reverse_sequence
from gradtape.ops.rearranging import sequence_mask as sequence_mask
from gradtape.ops.rearranging import space_to_batch as space_to_batch
from gradtape.ops.rearranging import space_to_batch_nd as space_to_batch_nd
from gradtape.ops.reductions import reduce_all as reduce_all
from gradtape.ops.reductions import reduce_any as reduce_any
from gradtape.ops.reductions import reduce_mean as reduce_mean
from gradtape.ops.reductions import reduce_sum as reduce_sum
from gradtape.ops.remainders import truncatediv as truncatediv
from gradtape.ops.remainders import truncatemod as truncatemod
from gradtape.ops.repeating import broadcast_dynamic_shape as broadcast_dynamic_shape
from gradtape.ops.repeating import broadcast_static_shape as broadcast_static_shape
from gradtape.ops.repeating import broadcast_to as broadcast_to
from gradtape.ops.repeating import repeat as repeat
from gradtape.ops.repeating import reverse as reverse
from gradtape.ops.repeating import roll as roll
from gradtape.ops.repeating import tile as tile
from gradtape.ops.scans import cumsum as cumsum
from gradtape.ops.scans import reduce_prod as reduce_prod
from gradtape.ops.selection import argmax as argmax
from gradtape.ops.selection import argmin as argmin
from gradtape.ops.selection import argsort as argsort
from gradtape.ops.selection import searchsorted as searchsorted
from gradtape.ops.selection import sort as sort
from gradtape.ops.shape_assertions import assert_rank as assert_rank
from gradtape.ops.shaping import ensure_shape as ensure_shape
from gradtape.ops.shaping import expand_dims as expand_dims
from gradtape.ops.shaping import identity as identity
from gradtape.ops.shaping import identity_n as identity_n
from gradtape.ops.shaping import reshape as reshape
from gradtape.ops.shaping import squeeze as squeeze
from gradtape.ops.shaping import transpose as transpose
from gradtape.ops.slicing import slice_ as slice
from gradtape.ops.slicing import strided_slice as strided_slice
from gradtape.ops.sparse import IndexedSlices as IndexedSlices
from gradtape.ops.special import erf as erf
from gradtape.ops.special import erfc as erfc
from gradtape.ops.special import lgamma as lgamma
from gradtape.ops.stepwise import ceil as ceil
from gradtape.ops.stepwise import equal as equal
from gradtape.ops.stepwise import floor as floor
from gradtape.ops.stepwise import greater as greater
from gradtape.ops.stepwise import greater_equal as greater_equal
from gradtape.ops.stepwise import less as less
from gradtape.ops.stepwise import less_equal as less_equal
from gradtape.ops.stepwise import logical_and as logical_and
from gradtape.ops.stepwise import logical_not as logical_not
from gradtape.ops.stepwise import logical_or as logical_or
from gradtape.ops.stepwise import not_equal as not_equal
from gradtape.ops.stepwise import rounded as round
from gradtape.ops.tensordot import tensordot as tensordot
from gradtape.ops.trigonometric import acos as acos
from gradtape.ops.trigonometric import acosh as acosh
from gradtape.ops.trigonometric import asin as asin
from gradtape.ops.trigonometric import asinh as asinh
from gradtape.ops.trigonometric import atan as atan
from gradtape.ops.trigonometric import atan2 as atan2
from gradtape.ops.trigonometric import atanh as atanh
from gradtape.ops.trigonometric import cos as cos
from gradtape.ops.trigonometric import sin as sin
from gradtape.ops.trigonometric import tan as tan

if TYPE_CHECKING:
    from gradtape import compat as compat
    from gradtape import interop as interop
    from gradtape import keras as keras  # type: ignore[attr-defined]
    from gradtape.api import autograph as autograph
    from gradtape.api import config as config
    from gradtape.api import data as data
    from gradtape.api import image as image
    from gradtape.api import optimizers as optimizers
    from gradtape.api import raw_ops as raw_ops
    from gradtape.api import signal as signal
    from gradtape.api import test as test
    from gradtape.api.graphs import AggregationMethod as AggregationMethod
    from gradtape.api.graphs import Graph as Graph
    from gradtape.api.graphs import Operation as Operation
    from gradtape.api.graphs import TensorArray as TensorArray
    from gradtape.api.graphs import case as case
    from gradtape.api.graphs import cond as cond
    from gradtape.api.graphs import foldl as foldl
    from gradtape.api.graphs import foldr as foldr
    from gradtape.api.graphs import function as function
    from gradtape.api.graphs import gradients as gradients
    from gradtape.api.graphs import hessians as hessians
    from gradtape.api.graphs import map_fn as map_fn
    from gradtape.api.graphs import numpy_function as numpy_function
    from gradtape.api.graphs import py_function as py_function
    from gradtape.api.graphs import scan as scan
    from gradtape.api.graphs import switch_case as switch_case
    from gradtape.api.graphs import while_loop as while_loop
    from gradtape.api.transforms import ggn as ggn
    from gradtape.api.transforms import grad as grad
    from gradtape.api.transforms import hessian as hessian
    from gradtape.api.transforms import hvp as hvp
    from gradtape.api.transforms import jacobian as jacobian
    from gradtape.api.transforms import jvp as jvp
    from gradtape.api.transforms import laplacian as laplacian
    from gradtape.api.transforms import linearize as linearize
    from gradtape.api.transforms import value_and_grad as value_and_grad
    from gradtape.api.transforms import vjp as vjp
    from gradtape.autodiff import numerical as numerical
    from gradtape.autodiff.check import check_gradients as check_gradients
    from gradtape.ops.signal_fft import fftnd as fftnd
    from gradtape.ops.signal_fft import ifftnd as ifftnd
    from gradtape.ops.signal_fft import irfftnd as irfftnd
    from gradtape.ops.signal_fft import rfftnd as rfftnd

__version__ = "0.1.0"
newaxis = None

_TOPICS = {
    "autograph": "gradtape.api.autograph",
    "config": "gradtape.api.config",
    "data": "gradtape.api.data",
    "compat": "gradtape.compat",
    "image": "gradtape.api.image",
    "interop": "gradtape.interop",
    "keras": "gradtape.keras",
    "numerical": "gradtape.autodiff.numerical",
    "optimizers": "gradtape.api.optimizers",
    "raw_ops": "gradtape.api.raw_ops",
    "signal": "gradtape.api.signal",
    "test": "gradtape.api.test",
}
_RECORDED = (
    "AggregationMethod", "Graph", "Operation", "TensorArray", "case", "cond", "foldl", "foldr",
    "function", "gradients", "hessians", "map_fn", "numpy_function", "py_function", "scan",
    "switch_case", "while_loop",
)  # fmt: skip
_DERIVATIVES = (
    "ggn", "grad", "hessian", "hvp", "jacobian", "jvp", "laplacian", "linearize", "value_and_grad",
    "vjp",
)  # fmt: skip
_FUNCTIONS = {
    "check_gradients": "gradtape.autodiff.check",
    "fftnd": "gradtape.api.signal",
    "ifftnd": "gradtape.api.signal",
    "irfftnd": "gradtape.api.signal",
    "rfftnd": "gradtape.api.signal",
    **dict.fromkeys(_DERIVATIVES, "gradtape.api.transforms"),
    **dict.fromkeys(_RECORDED, "gradtape.api.graphs"),
}


def __getattr__(name: str) -> Any:
    if name in _TOPICS:
        value: Any = import_module(_TOPICS[name])
    elif name in _FUNCTIONS:
        value = getattr(import_module(_FUNCTIONS[name]), name)
    elif name.startswith("_") or f"tf.{name}" in _LEFT_OUT:
        return _refuse(name)
    else:
        return _of_version_1(name)
    globals()[name] = value
    globals()["train"] = import_module("gradtape.api.train")  # the room `train` takes the name
    return value


def _of_version_1(name: str) -> Any:
    """A name of TensorFlow 1's in a program that fills graphs, else an error: where it is."""
    older = import_module("gradtape.compat._v1")
    if name not in older.OWN:
        return _refuse(name)
    if executing_eagerly():
        raise AttributeError(
            f"tf.{name} is TensorFlow 1's: write tf.compat.v1.{name}, or `import"
            " gradtape.compat.v1 as tf`. In a graph, and after"
            f" tf.compat.v1.disable_eager_execution(), tf.{name} works."
        )
    return getattr(older, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_TOPICS, *_FUNCTIONS})


_refuse = _refusing("tf")
