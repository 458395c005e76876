"""`tf.compat.v1.train`: public names, re-exports only; other names raise an error that says why."""

from typing import Any

from gradtape.train.optimizer_v1 import OptimizerV1 as Optimizer
from gradtape.train.optimizers_v1 import AdadeltaOptimizer as AdadeltaOptimizer
from gradtape.train.optimizers_v1 import AdagradDAOptimizer as AdagradDAOptimizer
from gradtape.train.optimizers_v1 import AdagradOptimizer as AdagradOptimizer
from gradtape.train.optimizers_v1 import AdamOptimizer as AdamOptimizer
from gradtape.train.optimizers_v1 import FtrlOptimizer as FtrlOptimizer
from gradtape.train.optimizers_v1 import GradientDescentOptimizer as GradientDescentOptimizer
from gradtape.train.optimizers_v1 import MomentumOptimizer as MomentumOptimizer
from gradtape.train.optimizers_v1 import ProximalAdagradOptimizer as ProximalAdagradOptimizer
from gradtape.train.optimizers_v1 import (
    ProximalGradientDescentOptimizer as ProximalGradientDescentOptimizer,
)
from gradtape.train.optimizers_v1 import RMSPropOptimizer as RMSPropOptimizer
from gradtape.train.steps_v1 import assert_global_step as assert_global_step
from gradtape.train.steps_v1 import cosine_decay as cosine_decay
from gradtape.train.steps_v1 import cosine_decay_restarts as cosine_decay_restarts
from gradtape.train.steps_v1 import create_global_step as create_global_step
from gradtape.train.steps_v1 import exponential_decay as exponential_decay
from gradtape.train.steps_v1 import get_global_step as get_global_step
from gradtape.train.steps_v1 import get_or_create_global_step as get_or_create_global_step
from gradtape.train.steps_v1 import inverse_time_decay as inverse_time_decay
from gradtape.train.steps_v1 import natural_exp_decay as natural_exp_decay
from gradtape.train.steps_v1 import piecewise_constant as piecewise_constant
from gradtape.train.steps_v1 import piecewise_constant_decay as piecewise_constant_decay
from gradtape.train.steps_v1 import polynomial_decay as polynomial_decay


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"gradtape.compat.v1.train.{name} is not there (docs/limits.md). Checkpoints: save what"
        " session.run(tf.global_variables()) gives with NumPy, and v.load(value, session) it again."
    )
