"""The functions that Keras asks of a backend, by the modules in which it looks for them."""

from keras_gradtape.src.ops import core as core
from keras_gradtape.src.ops import image as image
from keras_gradtape.src.ops import linalg as linalg
from keras_gradtape.src.ops import math as math
from keras_gradtape.src.ops import nn as nn
from keras_gradtape.src.ops import numpy as numpy
from keras_gradtape.src.ops.core import cast as cast
from keras_gradtape.src.ops.core import cond as cond
from keras_gradtape.src.ops.core import convert_to_numpy as convert_to_numpy
from keras_gradtape.src.ops.core import convert_to_tensor as convert_to_tensor
from keras_gradtape.src.ops.core import is_tensor as is_tensor
from keras_gradtape.src.ops.core import random_seed_dtype as random_seed_dtype
from keras_gradtape.src.ops.core import remat as remat
from keras_gradtape.src.ops.core import scatter as scatter
from keras_gradtape.src.ops.core import shape as shape
from keras_gradtape.src.ops.core import stop_gradient as stop_gradient
from keras_gradtape.src.ops.core import vectorized_map as vectorized_map
