"""gradtape: automatic differentiation behind TensorFlow's interface, on NumPy and XLA.

import gradtape as tf

x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = x**2
print(tape.gradient(y, x))  # 6
"""

from gradtape.api import debugging as debugging
from gradtape.api import linalg as linalg
from gradtape.api import math as math
from gradtape.api import nn as nn
from gradtape.api import random as random
from gradtape.api import signal as signal
from gradtape.autodiff.asking import UnconnectedGradients as UnconnectedGradients
from gradtape.autodiff.tape import GradientTape as GradientTape
from gradtape.core import errors as errors
from gradtape.core import nest as nest
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
from gradtape.core.surroundings import control_dependencies as control_dependencies
from gradtape.core.surroundings import device as device
from gradtape.core.surroundings import executing_eagerly as executing_eagerly
from gradtape.core.surroundings import get_static_value as get_static_value
from gradtape.core.surroundings import group as group
from gradtape.core.surroundings import init_scope as init_scope
from gradtape.core.surroundings import is_symbolic_tensor as is_symbolic_tensor
from gradtape.core.surroundings import is_tensor as is_tensor
from gradtape.core.surroundings import no_op as no_op
from gradtape.core.surroundings import print_ as print
from gradtape.core.surroundings import tuple_ as tuple
from gradtape.core.tensor import Tensor as Tensor
from gradtape.core.variable import Variable as Variable
from gradtape.core.variable import variable_creator_scope as variable_creator_scope
from gradtape.ops import operators as operators
from gradtape.ops.products import matmul as matmul
from gradtape.ops.reductions import reduce_all as reduce_all
from gradtape.ops.reductions import reduce_any as reduce_any
from gradtape.ops.reductions import reduce_logsumexp as reduce_logsumexp
from gradtape.ops.reductions import reduce_max as reduce_max
from gradtape.ops.reductions import reduce_mean as reduce_mean
from gradtape.ops.reductions import reduce_min as reduce_min
from gradtape.ops.reductions import reduce_sum as reduce_sum
from gradtape.ops.sparse import IndexedSlices as IndexedSlices

__version__ = "0.1.0"
newaxis = None
