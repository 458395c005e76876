"""`tf.optimizers`: public names, re-exports only."""

from gradtape.api import schedules as schedules
from gradtape.train.descent import SGD as SGD
from gradtape.train.descent import Adadelta as Adadelta
from gradtape.train.descent import Adagrad as Adagrad
from gradtape.train.descent import Ftrl as Ftrl
from gradtape.train.descent import RMSprop as RMSprop
from gradtape.train.moments import Adam as Adam
from gradtape.train.moments import Adamax as Adamax
from gradtape.train.moments import AdamW as AdamW
from gradtape.train.moments import Lion as Lion
from gradtape.train.moments import Nadam as Nadam
from gradtape.train.optimizer import Optimizer as Optimizer
