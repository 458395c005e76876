"""`import gradtape.compat.v1 as tf`: what lets a program of TensorFlow 1 run as it is written.

The import puts a default graph in place, as `tf.disable_eager_execution()` does. What it gives is
the `tf.compat.v1` of `import gradtape as tf`, which leaves programs that run at once as they are.
"""

import sys
from typing import TYPE_CHECKING

from gradtape.compat import _v1
from gradtape.core.state import here

if TYPE_CHECKING:
    from gradtape.compat._v1 import *  # noqa: F403

if here.mode is None:
    _v1.disable_eager_execution()
sys.modules[__name__] = _v1
