"""Keras's functions of NumPy, gathered."""

from keras_gradtape.src.ops.numpy_elementwise import *
from keras_gradtape.src.ops.numpy_products import *
from keras_gradtape.src.ops.numpy_reductions import *
from keras_gradtape.src.ops.numpy_shaping import *
