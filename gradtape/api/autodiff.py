"""`tf.autodiff`: public names, re-exports only."""

from gradtape.autodiff.forward import ForwardAccumulator as ForwardAccumulator
from gradtape.autodiff.tape import GradientTape as GradientTape
