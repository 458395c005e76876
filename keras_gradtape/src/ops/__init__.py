"""The functions that Keras asks of a backend, by the modules in which it looks for them."""

from keras_gradtape.src.ops import core as core
from keras_gradtape.src.ops import image as image
from keras_gradtape.src.ops import linalg as linalg
from keras_gradtape.src.ops import math as math
from keras_gradtape.src.ops import nn as nn
from keras_gradtape.src.ops import numpy as numpy
