"""gradtape: automatic differentiation behind TensorFlow's interface, on NumPy and XLA."""

from gradtape.core.convert import constant, convert_to_tensor
from gradtape.core.dtypes import *
from gradtape.core.variable import Variable
from gradtape.autodiff.tape import GradientTape, UnconnectedGradients
from gradtape.ops import operators
from gradtape.ops.exponential import *
from gradtape.ops.products import matmul
