"""What Keras from 3.16 on imports of a backend."""

from keras.src.backend.common.name_scope import name_scope as name_scope

from keras_gradtape.src import ops as ops
from keras_gradtape.src import random as random
from keras_gradtape.src import rnn as rnn
from keras_gradtape.src.ops.core import IS_THREAD_SAFE as IS_THREAD_SAFE
from keras_gradtape.src.ops.core import SUPPORTS_COMPLEX_DTYPES as SUPPORTS_COMPLEX_DTYPES
from keras_gradtape.src.ops.core import SUPPORTS_GRADIENT as SUPPORTS_GRADIENT
from keras_gradtape.src.ops.core import SUPPORTS_RAGGED_TENSORS as SUPPORTS_RAGGED_TENSORS
from keras_gradtape.src.ops.core import SUPPORTS_SPARSE_TENSORS as SUPPORTS_SPARSE_TENSORS
from keras_gradtape.src.ops.core import Variable as Variable
from keras_gradtape.src.ops.core import compute_output_spec as compute_output_spec
from keras_gradtape.src.ops.core import device_scope as device_scope

distribution_lib = None
