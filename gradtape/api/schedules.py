"""`tf.optimizers.schedules`: public names, re-exports only."""

from gradtape.train.schedules import CosineDecay as CosineDecay
from gradtape.train.schedules import CosineDecayRestarts as CosineDecayRestarts
from gradtape.train.schedules import ExponentialDecay as ExponentialDecay
from gradtape.train.schedules import InverseTimeDecay as InverseTimeDecay
from gradtape.train.schedules import LearningRateSchedule as LearningRateSchedule
from gradtape.train.schedules import PiecewiseConstantDecay as PiecewiseConstantDecay
from gradtape.train.schedules import PolynomialDecay as PolynomialDecay
from gradtape.train.schedules import deserialize as deserialize
from gradtape.train.schedules import serialize as serialize
