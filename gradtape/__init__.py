"""gradtape: automatic differentiation behind TensorFlow's interface, on NumPy and XLA.

    import gradtape as tf

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x**2
    print(tape.gradient(y, x))  # 6

The names are in `gradtape.api`: those at the top in `api.root`, `tf.math` and its like in modules of
their names. They are loaded when they are first asked for, so that the import costs nothing
(docs/design/005-lazy-names.md).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradtape import compat as compat
    from gradtape.api import autodiff as autodiff
    from gradtape.api import bitwise as bitwise
    from gradtape.api import debugging as debugging
    from gradtape.api import dtypes as dtypes
    from gradtape.api import errors as errors
    from gradtape.api import image as image
    from gradtape.api import keras as keras
    from gradtape.api import linalg as linalg
    from gradtape.api import math as math
    from gradtape.api import nest as nest
    from gradtape.api import nn as nn
    from gradtape.api import optimizers as optimizers
    from gradtape.api import random as random
    from gradtape.api import raw_ops as raw_ops
    from gradtape.api import signal as signal
    from gradtape.api import test as test
    from gradtape.api import train as train
    from gradtape.api.root import *  # noqa: F403
    from gradtape.autodiff import numerical as numerical

__version__ = "0.1.0"
newaxis = None
TOPICS = (
    "autodiff", "bitwise", "debugging", "dtypes", "errors", "image", "keras", "linalg", "math", "nest", "nn",
    "optimizers", "random", "raw_ops", "signal", "test", "train",
)  # fmt: skip
ELSEWHERE = {"compat": "gradtape.compat", "numerical": "gradtape.autodiff.numerical"}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'gradtape' has no attribute {name!r}")
    root = import_module("gradtape.api.root")
    if name in TOPICS:
        value = import_module(f"gradtape.api.{name}")
    elif name in ELSEWHERE:
        value = import_module(ELSEWHERE[name])
    else:
        value = getattr(root, name)
    globals()[name] = value
    for topic in ("autodiff", "train"):  # rooms have these names too: the public ones win
        globals()[topic] = import_module(f"gradtape.api.{topic}")
    return value


def __dir__() -> list[str]:
    names = [n for n in vars(import_module("gradtape.api.root")) if not n.startswith("_")]
    return sorted({*names, *TOPICS, *ELSEWHERE, "newaxis", "__version__"})
