"""The whole catalogue inside a recorded function: the tables that are compared with TensorFlow, run
on symbolic tensors, give what they give eagerly, values, dtypes and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.differential.expressions import TOPICS
from tests.differential.topic import TOLERANCES, Topic
from tests.graph.recorded import Call, difference

# what cannot be the same inside a recorded function, by reason; everything else must be
DIFFERENT = {
    "Python or NumPy asks for a value, which comes when the function runs": """
        float(s) | int(s) | float(one) | bool(b) | bool(x) | complex(s) | bool(one) | f'{s:.2f}' | x.numpy()
        s.numpy() | np.asarray(x) | np.sum(x) | np.add(x, 1) | x and 1 | not s | [float(t) for t in x]
        range(10)[k] | [10, 20, 30][i[0]] | '%d' % i[0] | round(float(s)) | bool(v[0]) | float(v[0])
        v.numpy() | np.sum(v) | np.asarray(v) | x.__array__() | 1.0 in x | max(tf.constant(1.0), tf.constant(2.0)) | x if x[0] > 0 else None
        sorted([tf.constant(2.0), tf.constant(1.0)]) | np.maximum(x, 1) | np.dot(x, x) | np.stack([x, x])
        np.concatenate([x, x]) | np.array([x, x]) | tf.constant([x, x]) | tf.constant([s, 2.0])
        [(t.shape, t.dtype) for t in [tf.random.Generator.from_seed(1).split(2)[0].normal([3])]]""",
    "a tensor says what it is: symbolic": """
        f'{x}' | str(x) | repr(x) | repr(s) | str(s) | repr(z) | repr(b) | tf.get_static_value(s) | x.device
        x.op | x.graph | x.name""",
    "a variable is made at every call, which a function refuses": """
        tf.Variable(1.0) + 1 | tf.Variable([1, 2]).dtype | tf.Variable(1.0).name | tf.Variable(1.0, name='w').name
        tf.Variable(1.0, shape=tf.TensorShape(None)).shape | tf.Variable(x)[0] | tf.Variable(x).assign([1.0, 2.0])
        tf.Variable(x).assign_add(x) | tf.Variable(lambda: tf.ones([2])) | tf.Variable(1, dtype=tf.float64)
        bool(tf.Variable(True)) | tf.Variable(2.0) ** 2 | x * tf.Variable(2.0) | np.sqrt(tf.Variable(4.0))
        tf.Variable(1.0).trainable, tf.Variable(1.0, trainable=False).trainable
        tf.Variable([1, 2], dtype=tf.float32) | tf.Variable(2.0, trainable=False).trainable
        tf.Variable(1.0, name='a b').name | tf.Variable(np.float64(1.0)).dtype | tf.Variable(True) & False
        tf.Variable(tf.ones([2, 2]), shape=tf.TensorShape([None, 2])).assign(tf.ones([3, 2]))
        [(t.shape, t.dtype) for t in [tf.random.Generator.from_seed(1).normal([2])]]
        [(t.shape, t.dtype) for t in [tf.random.Generator.from_seed(1).uniform([2], maxval=3, dtype=tf.int32)]]
        [(t.shape, t.dtype) for t in [tf.random.Generator.from_seed(1).truncated_normal([2])]]
        [(t.shape, t.dtype) for t in [tf.random.Generator.from_seed(1).binomial([2], counts=[3.0, 4.0], probs=[0.5, 0.5])]]
        [(t.shape, t.dtype) for t in [tf.random.Generator.from_seed(1).make_seeds(2)]]
        [(t.shape, t.dtype) for t in [tf.random.Generator.from_non_deterministic_state().uniform([1])]]""",
}
# under XLA, besides: machine code raises nothing, and its special functions have other ends
COMPILED = {
    "a kernel that finds a mistake in values cannot raise: it gives NaN, or leaves something out": """
        tf.linalg.inv(one) | tf.linalg.solve(one, one) | tf.linalg.cholesky(-one) | tf.linalg.logdet(one)
        tf.linalg.slogdet(one) | tf.gather(x, 5) | tf.gather(x, [-1]) | tf.math.floordiv(i, 0) | i // 0 | i % 0
        2 ** -i | tf.histogram_fixed_width(x, [1.0, 0.0])
        tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant([0, 9, 1]), x)""",
    "XLA's special functions give another nan, infinity or sign of zero at the ends of their domain": """
        tf.math.lgamma(x) | tf.math.digamma(x) | x ** 0.5 | tf.math.special.expint(p) | tf.math.igamma(a, b)
        tf.math.igammac(a, b) | tf.math.zeta(p, tf.constant(1.0, p.dtype))
        tf.math.polygamma(tf.constant(1.0, p.dtype), p)""",
}
EVERY = 48  # one call out of so many is compiled too


def listed(table: dict[str, str]) -> set[str]:
    """The expressions of a table."""
    lines = [line for text in table.values() for line in text.splitlines()]
    joined = [[line.strip()] if " | " not in line else line.split(" | ") for line in lines]
    return {text.strip() for texts in joined for text in texts} - {""}


def dtype_of(topic: Topic) -> str:
    """The dtype in which a topic is run here."""
    return "float32" if "float32" in topic.dtypes else topic.dtypes[0]


WITH_CALLS = [t for t in TOPICS if t.expressions]
by_topic = pytest.mark.parametrize("topic", WITH_CALLS, ids=[t.name for t in WITH_CALLS])


def disagreement(topic: Topic, text: str, inside: bool, compiled: bool) -> str | None:
    """What differs between a call at once and the same call recorded."""
    tolerance = TOLERANCES[dtype_of(topic)] * topic.slack * (20 if compiled else 1)
    tf.random.set_seed(1)
    with np.errstate(all="ignore"):
        eager = Call(text, topic, dtype_of(topic)).run(lambda f: f, inside)
        tf.random.set_seed(1)
        record = tf.function(jit_compile=compiled, autograph=False)
        return difference(eager, Call(text, topic, dtype_of(topic)).run(record, inside), tolerance)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("inside", [True, False], ids=["tape inside", "tape around"])
@by_topic
def test_a_recorded_call_gives_what_it_gives_at_once(topic: Topic, inside: bool) -> None:
    different = listed(DIFFERENT)
    found = {text: disagreement(topic, text, inside, False) for text in topic.expressions}
    wrong = {text: why for text, why in found.items() if why and text not in different}
    assert not wrong, "\n".join(f"{text}\n    {why}" for text, why in wrong.items())
    gone = [text for text, why in found.items() if not why and text in different]
    assert not gone, f"listed as different, but they agree: {gone}"


SAMPLE = [(t, text) for t in WITH_CALLS for text in t.expressions][::EVERY]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("topic", "text"), SAMPLE, ids=[text for _, text in SAMPLE])
def test_a_compiled_call_gives_what_it_gives_at_once(topic: Topic, text: str) -> None:
    why = disagreement(topic, text, True, True)
    different = text in listed(DIFFERENT) | listed(COMPILED)
    assert bool(why) == different, why


def test_the_tables_are_large() -> None:
    assert sum(len(t.expressions) for t in WITH_CALLS) > 1900


# one trace for every size of the first axis

X = np.linspace(-1.3, 1.4, 20).reshape(5, 4)
OPEN: dict[str, Any] = {
    "x": X,
    "y": X[::-1] * 0.7 + 0.1,
    "p": np.abs(X) + 0.3,
    "t": np.linspace(-1, 1, 60).reshape(5, 4, 3),
    "u": np.linspace(0.5, 1.5, 60).reshape(5, 3, 4),
    "v": np.array([0.3, -0.7, 1.1, 0.2, 0.9]),
    "m": np.array([True, False, True, True, False]),
    "i": np.array([0, 2, 1, 3, 0], np.int32),
    "h": np.linspace(0, 1, 240).reshape(5, 4, 6, 2),
}
FIXED: dict[str, Any] = {
    "w": np.linspace(-0.5, 0.5, 12).reshape(4, 3),
    "b": np.array([0.1, -0.2, 0.3]),
    "k": np.linspace(-0.3, 0.4, 36).reshape(3, 3, 2, 2),
}
ON_OPEN = """
    x + y | x - 2.0 * y | x * v[:, None] | x / p | -x | x ** 2 | p ** 0.5 | tf.abs(x) | x > y | x @ w + b
    tf.exp(x) * tf.sin(y) | tf.math.log(p) | tf.nn.relu(x) | tf.nn.softmax(x) | tf.nn.log_softmax(x, axis=0)
    tf.nn.gelu(x) | tf.nn.softplus(x) | tf.sigmoid(x) | tf.tanh(x) | tf.math.lgamma(p) | tf.clip_by_value(x, -1.0, 0.5)
    tf.where(x > 0, x, y) | tf.where(m[:, None], x, 0.0) | tf.maximum(x, y) | tf.math.squared_difference(x, y)
    tf.reduce_sum(x) | tf.reduce_sum(x, 0) | tf.reduce_sum(x, 1, keepdims=True) | tf.reduce_mean(x) | tf.reduce_mean(x, 0)
    tf.reduce_mean(t, [0, 2]) | tf.reduce_max(x, 0) | tf.reduce_min(x) | tf.reduce_prod(p, 1) | tf.reduce_logsumexp(x)
    tf.math.reduce_variance(x, 0) | tf.math.reduce_std(x) | tf.reduce_any(m) | tf.math.count_nonzero(m) | tf.argmax(x, 0)
    tf.argmax(x, 1) | tf.sort(x, axis=0) | tf.argsort(v) | tf.math.top_k(x, 2)[0] | tf.cumsum(x) | tf.math.cumprod(p, 1)
    tf.shape(x) | tf.size(x) | tf.cast(tf.shape(x)[0], tf.float32) * v | tf.zeros_like(x) + x | tf.ones([tf.shape(x)[0], 2])
    tf.fill([tf.shape(x)[0]], 3.0) * v | tf.range(tf.shape(x)[0]) | tf.range(1, tf.size(x), 2) | tf.eye(tf.shape(x)[0])
    tf.reshape(x, [-1]) | tf.reshape(t, [-1, 3]) | tf.reshape(t, [tf.shape(t)[0], 12]) | tf.reshape(x, [2, -1, 2])
    tf.transpose(x) | tf.transpose(t, [1, 0, 2]) | tf.expand_dims(x, 0) | x[:, None, :] * y[None] | tf.squeeze(v[:, None], 1)
    x[1:] | x[:-1, 1] | x[::2] | x[-1] | x[..., 0] | x[1:3, ::-1] | tf.slice(x, [1, 0], [-1, 2]) | tf.gather(x, [0, 1])
    tf.gather(w, i, axis=0) | tf.gather(x, i, axis=1, batch_dims=1) | tf.gather_nd(x, tf.stack([tf.range(tf.shape(x)[0]), i], 1))
    tf.concat([x, y], 0) | tf.concat([x, y, x], 1) | tf.stack([x, y]) | tf.stack([x, y], 1) | tf.unstack(x, axis=1)[1]
    tf.split(x, 2, 1)[0] | tf.split(x, [1, -1], 0)[1] | tf.tile(x, [2, 1]) | tf.tile(x, [1, 3]) | tf.repeat(x, 2, 0)
    tf.pad(x, [[1, 0], [0, 2]]) | tf.pad(x, [[0, 1], [1, 1]], constant_values=2.0) | tf.broadcast_to(b, [tf.shape(x)[0], 3]) * 2.0
    tf.roll(x, 1, 0) | tf.reverse(x, [0]) | tf.one_hot(i, 4) | tf.boolean_mask(x, m) | tf.where(m) | tf.unique(i)[0]
    tf.dynamic_partition(x, i % 2, 2)[1] | tf.math.segment_sum(x, tf.range(tf.shape(x)[0]) // 2) | tf.math.bincount(i)
    tf.math.unsorted_segment_mean(x, i, 4) | tf.tensor_scatter_nd_add(x, [[0], [1]], x[:2]) | tf.linalg.matvec(t, b)
    tf.matmul(x, y, transpose_b=True) | tf.matmul(t, u) | tf.einsum('ij,jk->ik', x, w) | tf.einsum('bij,bjk->bik', t, u)
    tf.einsum('bij->bj', t) | tf.tensordot(t, w, [[1], [0]]) | tf.norm(x) | tf.norm(x, axis=1) | tf.nn.l2_normalize(x, 1)
    tf.linalg.norm(x, axis=0) | tf.linalg.inv(tf.matmul(u, t) + 3.0 * tf.eye(3)) | tf.linalg.solve(tf.matmul(t, u) + 4.0 * tf.eye(4), t)
    tf.linalg.cholesky(tf.matmul(u, u, transpose_b=True) + tf.eye(3)) | tf.linalg.det(tf.matmul(u, t) + 2.0 * tf.eye(3))
    tf.linalg.svd(u ** 3 + tf.sin(7.0 * u), compute_uv=False) | tf.linalg.diag_part(tf.matmul(u, t)) | tf.linalg.trace(tf.matmul(u, t))
    tf.nn.conv2d(h, k, 1, 'SAME') | tf.nn.conv2d(h, k, 2, 'VALID') | tf.nn.max_pool2d(h, 2, 2, 'SAME') | tf.nn.avg_pool2d(h, 2, 1, 'VALID')
    tf.nn.conv2d_transpose(h, k, [tf.shape(h)[0], 8, 12, 2], 2) | tf.nn.bias_add(x @ w, b) | tf.nn.moments(x, [0])
    tf.nn.batch_normalization(x, *tf.nn.moments(x, [0]), None, None, 1e-3) | tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(y), x)
    tf.nn.sparse_softmax_cross_entropy_with_logits(i, x) | tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(y), x)
    tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(i, x)) | tf.nn.embedding_lookup(w, i) | tf.nn.in_top_k(i, x, 2)
    tf.nn.compute_average_loss(v) | tf.nn.l2_loss(x) | tf.sequence_mask(i, 4) | tf.image.rgb_to_grayscale(t) | tf.image.resize(h, [3, 3])
    tf.vectorized_map(lambda a: a * tf.reduce_sum(a), x) | tf.stop_gradient(x) * x | tf.map_fn(lambda a: a * 2.0, x)
    tf.clip_by_norm(x, 1.0) | tf.clip_by_norm(x, 1.0, axes=[1]) | tf.math.softsign(x) | tf.cast(x, tf.float64) | tf.identity(x)
"""


@pytest.mark.parametrize("text", sorted(listed({"": ON_OPEN})))
def test_one_trace_serves_every_size(text: str) -> None:
    topic = Topic("open", {**OPEN, **FIXED})
    call = Call(text, topic, "float32")
    specs = [
        tf.TensorSpec([None if n in OPEN else t.shape[0], *t.shape[1:]], t.dtype)
        for n, t in zip(call.names, call.tensors, strict=True)
    ]
    for inside in (True, False):
        made: list[Any] = []

        def record(f: Any, made: list[Any] = made) -> Any:
            if not made:
                made.append(tf.function(f, specs, jit_compile=False, autograph=False))
            return made[0]

        for size in (5, 3):
            cut = [
                t[:size] if n in OPEN else t for n, t in zip(call.names, call.tensors, strict=True)
            ]
            eager = call.run(lambda f: f, inside, cut)
            assert eager.error is None, eager.error
            assert difference(eager, call.run(record, inside, cut), 1e-5) is None
        assert made[0].experimental_get_tracing_count() == 1
