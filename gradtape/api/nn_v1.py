"""`tf.compat.v1.nn`: public names, re-exports only; other names are those of `tf.nn`."""

from typing import Any

from gradtape.api import nn as _nn
from gradtape.ops.math_v1 import dropout as dropout
from gradtape.ops.normalising import fused_batch_norm as fused_batch_norm
from gradtape.ops.older import avg_pool as avg_pool
from gradtape.ops.older import conv2d as conv2d
from gradtape.ops.older import log_softmax as log_softmax
from gradtape.ops.older import max_pool as max_pool
from gradtape.ops.older import moments as moments
from gradtape.ops.older import softmax as softmax
from gradtape.train.losses_v1 import (
    sigmoid_cross_entropy_with_logits as sigmoid_cross_entropy_with_logits,
)
from gradtape.train.losses_v1 import (
    softmax_cross_entropy_with_logits as softmax_cross_entropy_with_logits,
)
from gradtape.train.losses_v1 import (
    softmax_cross_entropy_with_logits_v2 as softmax_cross_entropy_with_logits_v2,
)
from gradtape.train.losses_v1 import (
    sparse_softmax_cross_entropy_with_logits as sparse_softmax_cross_entropy_with_logits,
)


def __getattr__(name: str) -> Any:
    return getattr(_nn, name)
