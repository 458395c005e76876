"""Whole programs in the style of TensorFlow 1, as they stand in its tutorials, and its optimizers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape
from gradtape.compat import v1 as tf

ROOT = Path(__file__).resolve().parents[2]
SYMBOLIC = """
{first}
{off}
a = tf.constant(2.0)
b = tf.constant(3.0)
c = tf.constant(1.0)
y = a * b + c
grads = tf.gradients(y, [a, b, c])
with tf.Session() as sess:
    print([float(g) for g in sess.run(grads)])
"""


@pytest.fixture(autouse=True)
def graph() -> Iterator[Any]:
    """Every test fills a graph of its own."""
    with tf.Graph().as_default() as made:
        yield made


@pytest.mark.parametrize(
    ("first", "off"),
    [
        ("import gradtape.compat.v1 as tf", ""),
        ("import gradtape.compat.v1 as tf", "tf.disable_eager_execution()"),
        ("import gradtape.compat.v1 as tf", "tf.disable_v2_behavior()"),
        ("import gradtape as tf", "tf.compat.v1.disable_eager_execution()"),
    ],
)
def test_symbolic_differentiation_as_it_is_written(first: str, off: str) -> None:
    code = SYMBOLIC.format(first=first, off=off)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.stdout, done.stderr) == ("[3.0, 2.0, 1.0]\n", "")


@pytest.mark.parametrize(
    "program",
    [
        "import gradtape as tf; tf.compat.v1.Session",
        "from gradtape.compat import v1 as tf",
        "import gradtape.compat.v1 as tf; tf.enable_eager_execution()",
        "import gradtape as tf\n@tf.function\ndef f():\n    import gradtape.compat.v1\nf()",
    ],
)
def test_other_programs_go_on_at_once(program: str) -> None:
    code = f"{program}\nprint(float(tf.constant(2.0) + 1))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.stdout, done.stderr) == ("3.0\n", "")


def test_linear_regression_one_point_at_a_time() -> None:
    xs = np.array([3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791])
    ys = np.array([1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465])
    X, Y = tf.placeholder("float"), tf.placeholder("float")
    W, b = tf.Variable(0.5, name="weight"), tf.Variable(-0.5, name="bias")
    prediction = tf.add(tf.multiply(X, W), b)
    cost = tf.reduce_sum(tf.pow(prediction - Y, 2)) / (2 * len(xs))
    optimizer = tf.train.GradientDescentOptimizer(0.01).minimize(cost)
    init = tf.global_variables_initializer()
    w, c = 0.5, -0.5
    with tf.Session() as session:
        session.run(init)
        for _ in range(20):
            for x, y in zip(xs, ys, strict=True):
                session.run(optimizer, feed_dict={X: x, Y: y})
                error = (x * w + c - y) / len(xs)
                w, c = w - 0.01 * error * x, c - 0.01 * error
        wanted = ((xs * w + c - ys) ** 2).sum() / (2 * len(xs))
        assert session.run(cost, feed_dict={X: xs, Y: ys}) == pytest.approx(wanted, rel=1e-4)
        np.testing.assert_allclose(session.run([W, b]), [w, c], rtol=1e-4)


def test_linear_regression_with_open_batches_reaches_the_answer() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(64, 3))
    targets = data @ [[1.0], [-2.0], [0.5]] + 3.0
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y = tf.placeholder(tf.float32, [None, 1], name="y")
    w = tf.Variable(tf.zeros([3, 1]), name="w")
    b = tf.Variable(tf.zeros([1]), name="b")
    loss = tf.losses.mean_squared_error(y, tf.matmul(x, w) + b)
    step = tf.train.get_or_create_global_step()
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(60):
            for batch in np.array_split(rng.permutation(64), 3):
                session.run(train, {x: data[batch], y: targets[batch]})
        assert session.run(step) == 180
        assert session.run(loss, {x: data, y: targets}) < 1e-4
        np.testing.assert_allclose(session.run(w)[:, 0], [1.0, -2.0, 0.5], atol=0.01)
        np.testing.assert_allclose(session.run(b), [3.0], atol=0.01)


def test_logistic_regression_in_minibatches() -> None:
    rng = np.random.default_rng(1)
    data = rng.normal(size=(90, 4)).astype(np.float32)
    labels = np.eye(3)[np.argmax(data[:, :3], axis=1)]
    x = tf.placeholder(tf.float32, [None, 4])
    y = tf.placeholder(tf.float32, [None, 3])
    W = tf.Variable(tf.zeros([4, 3]))
    b = tf.Variable(tf.zeros([3]))
    scores = tf.nn.softmax(tf.matmul(x, W) + b)
    cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(scores), reduction_indices=1))
    optimizer = tf.train.GradientDescentOptimizer(0.5).minimize(cost)
    correct = tf.equal(tf.argmax(scores, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init)
        costs = []
        for _ in range(40):
            average = 0.0
            for batch in np.array_split(rng.permutation(90), 3):
                feed = {x: data[batch], y: labels[batch]}
                _, c = session.run([optimizer, cost], feed_dict=feed)
                average += c / 3
            costs.append(average)
        assert costs[0] > 0.7 and costs[-1] < 0.3
        assert accuracy.eval({x: data, y: labels}) > 0.95


def test_a_network_with_dropout_adam_and_a_decaying_rate() -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(size=(60, 10)).astype(np.float32)
    labels = (data[:, 0] * data[:, 1] > 0).astype(np.int64)
    tf.set_random_seed(1)
    x = tf.placeholder(tf.float32, [None, 10], name="x")
    y = tf.placeholder(tf.int64, [None], name="y")
    keep_prob = tf.placeholder(tf.float32)
    with tf.variable_scope("hidden", initializer=tf.glorot_uniform_initializer(seed=2)):
        w = tf.get_variable("w", [10, 32])
        b = tf.get_variable("b", [32], initializer=tf.zeros_initializer())
        h = tf.nn.dropout(tf.nn.relu(tf.nn.bias_add(tf.matmul(x, w), b)), keep_prob)
    with tf.variable_scope("output"):
        v = tf.get_variable("w", [32, 2], initializer=tf.truncated_normal_initializer(stddev=0.1))
    logits = tf.matmul(h, v)
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits), name="loss"
    )
    step = tf.train.create_global_step()
    rate = tf.train.exponential_decay(0.05, step, 50, 0.5, staircase=True)
    train = tf.train.AdamOptimizer(rate).minimize(loss, global_step=step)
    names = [n.name for n in tf.global_variables()]
    assert names[:3] == ["hidden/w:0", "hidden/b:0", "output/w:0"]
    assert {"hidden/w/Adam:0", "hidden/w/Adam_1:0", "beta1_power:0"} <= set(names)
    assert train.name == "Adam"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = {x: data, y: labels}
        first = session.run(loss, {**feed, keep_prob: 1.0})
        for _ in range(100):
            session.run(train, {**feed, keep_prob: 0.9})
        last, count, now = session.run([loss, step, rate], {**feed, keep_prob: 1.0})
        assert count == 100 and now == pytest.approx(0.0125)
        assert last < 0.1 < first


def test_two_sessions_train_apart() -> None:
    w = tf.Variable(5.0)
    target = tf.placeholder(tf.float32, [])
    train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.square(w - target))
    init = tf.global_variables_initializer()
    one, other = tf.Session(), tf.Session()
    for session, goal in ((one, 1.0), (other, -3.0)):
        session.run(init)
        for _ in range(200):
            session.run(train, {target: goal})
    assert one.run(w) == pytest.approx(1.0, abs=1e-3)
    assert other.run(w) == pytest.approx(-3.0, abs=1e-3)


def test_recurrent_sums_by_a_loop() -> None:
    n = tf.placeholder(tf.int32, [])
    w = tf.Variable(2.0)
    _, total = tf.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s * w), [0, tf.constant(1.0)])
    (g,) = tf.gradients(total, w)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([total, g], {n: 3}) == [8.0, 12.0]
        assert session.run([total, g], {n: 5}) == [32.0, 80.0]


def test_counting_as_in_the_first_tutorial() -> None:
    state = tf.Variable(0, name="counter")
    update = tf.assign(state, tf.add(state, tf.constant(1)))
    with tf.Session() as session:
        session.run(tf.initialize_all_variables())
        seen = [session.run(state)]
        for _ in range(3):
            session.run(update)
            seen.append(session.run(state))
    assert seen == [0, 1, 2, 3]


def test_physics_by_second_derivatives() -> None:
    t = tf.placeholder(tf.float64, [None, 1])
    u = tf.exp(-0.5 * t) * tf.sin(2.0 * t)
    (u_t,) = tf.gradients(u, t)
    (u_tt,) = tf.gradients(u_t, t)
    residual = u_tt + u_t + 4.25 * u
    with tf.Session() as session:
        found = session.run(residual, {t: np.linspace(0.0, 3.0, 7)[:, None]})
    np.testing.assert_allclose(found, np.zeros((7, 1)), atol=1e-13)


# optimizers

MAKERS: dict[str, Any] = {
    "GradientDescentOptimizer": lambda: tf.train.GradientDescentOptimizer(0.1),
    "MomentumOptimizer": lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
    "AdamOptimizer": lambda: tf.train.AdamOptimizer(0.1),
    "AdagradOptimizer": lambda: tf.train.AdagradOptimizer(0.1),
    "RMSPropOptimizer": lambda: tf.train.RMSPropOptimizer(0.1, momentum=0.9, centered=True),
    "AdadeltaOptimizer": lambda: tf.train.AdadeltaOptimizer(0.1),
    "FtrlOptimizer": lambda: tf.train.FtrlOptimizer(0.1),
    "ProximalGradientDescentOptimizer": lambda: tf.train.ProximalGradientDescentOptimizer(
        0.1, 0.1, 0.1
    ),
    "ProximalAdagradOptimizer": lambda: tf.train.ProximalAdagradOptimizer(0.1),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_an_optimizer_takes_the_steps_that_it_takes_eagerly(kind: str) -> None:
    start = np.array([1.0, -2.0, 3.0])
    with gradtape.init_scope():
        pass
    w = tf.Variable(start)
    x = tf.placeholder(tf.float64, [3])
    loss = tf.reduce_sum(tf.square(w - x)) + tf.reduce_sum(tf.sin(w))
    train = MAKERS[kind]().minimize(loss)
    goal = np.array([0.5, 0.0, 1.0])
    graph_values = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(5):
            session.run(train, {x: goal})
            graph_values.append(session.run(w))
    np.testing.assert_allclose(graph_values, eagerly(kind, start, goal), rtol=1e-12)


def eagerly(kind: str, start: Any, goal: Any) -> list[Any]:
    """The values of five steps where operations run at once, in a process without a graph."""
    from concurrent.futures import ThreadPoolExecutor

    def steps() -> list[Any]:
        w = gradtape.Variable(start)
        optimizer = MAKERS[kind]()
        found = []
        for _ in range(5):
            optimizer.minimize(
                lambda: tf.reduce_sum(tf.square(w - goal)) + tf.reduce_sum(tf.sin(w)), var_list=[w]
            )
            found.append(w.numpy())
        return found

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(steps).result()


def test_gradients_may_be_changed_before_they_are_applied() -> None:
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    loss = 100.0 * a + b * b
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(loss, [a, b])
    assert [v.name for _, v in pairs] == ["a:0", "b:0"]
    clipped, norm = tf.clip_by_global_norm([g for g, _ in pairs], 1.0)
    step = tf.train.get_or_create_global_step()
    train = optimizer.apply_gradients(
        zip(clipped, [a, b], strict=True), global_step=step, name="train"
    )
    assert train.name == "train" and train.type == "NoOp"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        size = session.run(norm)
        assert session.run(train) is None
        assert size == pytest.approx(np.hypot(100.0, 4.0))
        np.testing.assert_allclose(session.run([a, b]), [1 - 100 / size, 2 - 4 / size], atol=1e-6)
        assert session.run(step) == 1


def test_rows_of_a_table_are_trained_alone() -> None:
    table = tf.Variable(np.ones((5, 2)), dtype=tf.float32)
    ids = tf.placeholder(tf.int32, [None])
    loss = tf.reduce_sum(tf.nn.embedding_lookup(table, ids))
    train = tf.train.AdagradOptimizer(0.5, initial_accumulator_value=1.0).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train, {ids: [1, 1, 4]})
        found = session.run(table)
    assert (found[[0, 2, 3]] == 1.0).all()
    np.testing.assert_allclose(found[1], 1 - 0.5 * 2 / np.sqrt(5), rtol=1e-6)
    np.testing.assert_allclose(found[4], 1 - 0.5 / np.sqrt(2), rtol=1e-6)


def test_training_in_parts_and_after_updates() -> None:
    with tf.variable_scope("g"):
        w = tf.get_variable("w", initializer=tf.constant(1.0))
    with tf.variable_scope("d"):
        v = tf.get_variable("w", initializer=tf.constant(1.0))
    mean = tf.Variable(0.0, trainable=False)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, mean.assign_add(1.0))
    loss = w * w + v * v
    rate = tf.placeholder(tf.float32)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        of_g = tf.train.GradientDescentOptimizer(rate).minimize(
            loss, var_list=tf.trainable_variables("g/")
        )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(of_g, {rate: 0.25})
        assert session.run([w, v, mean]) == [0.5, 1.0, 1.0]


def test_an_optimizer_says_what_is_missing() -> None:
    w = tf.Variable(1.0)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        optimizer.minimize(tf.constant(1.0))
    with pytest.raises(ValueError, match="gate_gradients must be one of"):
        optimizer.compute_gradients(w * w, gate_gradients=7)
    with tf.Graph().as_default(), pytest.raises(ValueError, match="No variables to optimize"):
        optimizer.minimize(tf.constant(1.0))
    tf.train.create_global_step()
    with pytest.raises(ValueError, match='"global_step" already exists'):
        tf.train.create_global_step()
    assert tf.train.get_global_step() is tf.train.get_or_create_global_step()
    with tf.Graph().as_default():
        assert tf.train.get_global_step() is None


def test_a_loss_may_be_a_function_in_a_graph_too() -> None:
    w = tf.Variable(3.0)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(lambda: w * w)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(w) == 0.0


def test_todays_optimizers_take_steps_in_a_graph() -> None:
    w = tf.Variable(3.0)
    optimizer = gradtape.optimizers.SGD(0.25)
    slope = tf.gradients(w * w, w)[0]
    optimizer.build([w])
    step = optimizer.apply([slope], [w])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        assert session.run(w) == 1.5
        assert session.run(optimizer.iterations) == 1


# losses and functions under older names

LOSSES: dict[str, Any] = {
    "absolute_difference": (np.abs, {}),
    "mean_squared_error": (np.square, {}),
    "huber_loss": (lambda e: np.where(abs(e) <= 1, e**2 / 2, abs(e) - 0.5), {}),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_errors_with_weights(name: str) -> None:
    of_error, options = LOSSES[name]
    labels, predictions = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.5, 2.0], [0.0, 9.0]])
    e = of_error(predictions - labels)
    weights = np.array([[1.0], [0.0]])
    R = tf.losses.Reduction
    loss = getattr(tf.losses, name)
    cases = [
        (loss(labels, predictions, **options), e.mean()),
        (loss(labels, predictions, 2.0), 2 * e.mean()),
        (loss(labels, predictions, 0.0), 0.0),
        (loss(labels, predictions, weights), e[0].mean()),
        (loss(labels, predictions, weights, reduction=R.SUM), e[0].sum()),
        (loss(labels, predictions, weights, reduction=R.MEAN), e[0].mean()),
        (loss(labels, predictions, weights, reduction=R.SUM_OVER_BATCH_SIZE), e[0].sum() / 4),
        (loss(labels, predictions, 3.0, reduction=R.MEAN), e.mean()),
    ]
    assert tf.losses.get_losses() == [c for c, _ in cases]
    with tf.Session() as session:
        found = session.run([c for c, _ in cases])
        np.testing.assert_allclose(found, [w for _, w in cases], rtol=1e-6)
        assert session.run(tf.losses.get_total_loss()) == pytest.approx(sum(found))
        each = session.run(loss(labels, predictions, weights, reduction=R.NONE))
        np.testing.assert_allclose(each, e * weights, rtol=1e-6)


def test_losses_of_classes() -> None:
    onehot = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 0.5, 1.0]])
    log_softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    smooth = onehot * 0.9 + 0.1 / 3
    sigmoid = np.log1p(np.exp(logits)) - onehot * logits
    cases = [
        (tf.losses.softmax_cross_entropy(onehot, logits), -(onehot * log_softmax).sum(1).mean()),
        (tf.losses.softmax_cross_entropy(onehot, logits, label_smoothing=0.1),
         -(smooth * log_softmax).sum(1).mean()),
        (tf.losses.sparse_softmax_cross_entropy([[0], [2]], logits),
         -(onehot * log_softmax).sum(1).mean()),
        (tf.losses.sigmoid_cross_entropy(onehot, logits), sigmoid.mean()),
        (tf.losses.sigmoid_cross_entropy(onehot, logits, label_smoothing=1.0),
         (np.log1p(np.exp(logits)) - 0.5 * logits).mean()),
        (tf.losses.hinge_loss(onehot, logits), np.maximum(0, 1 - (2 * onehot - 1) * logits).mean()),
        (tf.losses.log_loss(onehot, np.full((2, 3), 0.25)),
         -np.where(onehot, np.log(0.25), np.log(0.75)).mean()),
        (tf.losses.cosine_distance(onehot, onehot * 0.5, axis=1), 0.5),
    ]  # fmt: skip
    with tf.Session() as session:
        found = session.run([c for c, _ in cases])
    np.testing.assert_allclose(found, [w for _, w in cases], rtol=1e-5)
    with pytest.raises(ValueError, match="specify argument `axis`"):
        tf.losses.cosine_distance(onehot, onehot)
    with pytest.raises(ValueError, match="both labels and predictions"):
        tf.losses.mean_squared_error(None, logits)


def test_cross_entropies_by_keyword() -> None:
    labels, logits = tf.constant([[0.5, 0.5]]), tf.constant([[1.0, 2.0]])
    for name in ("softmax", "sigmoid", "sparse_softmax"):
        function = getattr(tf.nn, f"{name}_cross_entropy_with_logits")
        with pytest.raises(ValueError, match="named arguments"):
            function(logits, labels)
        with pytest.raises(ValueError, match="must be provided"):
            function(logits=logits)
    old = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    new = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
    assert tf.gradients(old, labels) == [None]
    assert tf.gradients(new, labels) != [None]
    with tf.Session() as session:
        a, b = session.run([old, new])
    np.testing.assert_allclose(a, b)


def test_functions_take_older_names_of_arguments() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 5.0]])
    cases = [
        (tf.reduce_sum(x, reduction_indices=[0]), [4.0, 7.0]),
        (tf.reduce_mean(x, 1, keep_dims=True), [[1.5], [4.0]]),
        (tf.reduce_max(x, keepdims=None), 5.0),
        (tf.argmax(x, dimension=1), [1, 1]),
        (tf.expand_dims(x, dim=0), [[[1.0, 2.0], [3.0, 5.0]]]),
        (tf.div(tf.constant([7, -7]), 2), [3, -4]),
        (tf.div(7.0, 2.0), 3.5),
        (tf.where([True, False], x, -x), [[1.0, 2.0], [-3.0, -5.0]]),
        (tf.where([False, True]), [[1]]),
        (tf.count_nonzero(x, keep_dims=True), [[4]]),
        (tf.to_int32(x), [[1, 2], [3, 5]]),
        (tf.squeeze(tf.ones([1, 2]), squeeze_dims=[0]), [1.0, 1.0]),
    ]
    with tf.Session() as session:
        for tensor, value in cases:
            assert session.run(tensor).tolist() == value
    with pytest.raises(ValueError, match="Cannot specify both 'axis' and 'reduction_indices'"):
        tf.reduce_sum(x, axis=0, reduction_indices=0)
    with pytest.raises(ValueError, match="give one of keep_prob and rate"):
        tf.nn.dropout(x)
    assert tf.reduce_sum(x, reduction_indices=0, name="s").name == "s:0"


def test_moving_averages_that_a_branch_updates() -> None:
    x, train = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.bool, [])
    mean = tf.get_variable("mean", [2], initializer=tf.zeros_initializer(), trainable=False)
    now = tf.reduce_mean(x, 0)

    def updated() -> Any:
        with tf.control_dependencies([tf.assign(mean, 0.5 * mean + 0.5 * now)]):
            return tf.identity(now)

    used = tf.cond(train, updated, lambda: mean.read_value())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            found = session.run(x - used, {x: [[1.0, 2.0], [3.0, 6.0]], train: True})
            np.testing.assert_array_equal(found, [[-1.0, -2.0], [1.0, 2.0]])
        np.testing.assert_array_equal(
            session.run(used, {x: [[0.0, 0.0]], train: False}), [1.5, 3.0]
        )
