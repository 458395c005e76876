"""Programs as articles and guides on differentiation show them, without graphs, layers, strategies."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.differential.topic import Topic, spread


def first_derivative(tf: Any) -> Any:
    """A variable, its square, the slope."""
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x**2
    return tape.gradient(y, x).numpy()


def list_of_sources(tf: Any) -> Any:
    """Constants watched together."""
    a, b, c = tf.constant(1.0), tf.constant(2.0), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch([a, b, c])
        y = a * b + c
    return tape.gradient(y, [a, b, c])


def python_list_times_matrix(tf: Any) -> Any:
    """A list as the left operand of @; a dictionary of sources."""
    w, b = (
        tf.Variable(spread(3, 2).astype(np.float32), name="w"),
        tf.Variable(tf.zeros(2), name="b"),
    )
    x = [[1.0, 2.0, 3.0]]
    with tf.GradientTape(persistent=True) as tape:
        y = x @ w + b
        loss = tf.reduce_mean(y**2)
    dw, db = tape.gradient(loss, [w, b])
    named = tape.gradient(loss, {"w": w, "b": b})
    return [dw, db, named["b"], [g.shape for g in (dw, db)]]


def four_kinds_of_sources(tf: Any) -> Any:
    """Trainable, not trainable, a tensor made of a variable, a constant."""
    x0 = tf.Variable(3.0, name="x0")
    x1 = tf.Variable(3.0, name="x1", trainable=False)
    x2 = tf.Variable(2.0, name="x2") + 1.0
    x3 = tf.constant(3.0, name="x3")
    with tf.GradientTape() as tape:
        y = (x0**2) + (x1**2) + (x2**2)
    return [tape.gradient(y, [x0, x1, x2, x3]), [v.name for v in tape.watched_variables()]]


def only_one_watched(tf: Any) -> Any:
    """watch_accessed_variables=False."""
    x0, x1 = tf.Variable(0.0), tf.Variable(10.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x1)
        y = tf.reduce_sum(tf.math.sin(x0) + tf.nn.softplus(x1))
    return tape.gradient(y, {"x0": x0, "x1": x1})


def persistent_two(tf: Any) -> Any:
    """Two gradients of one tape; then it is deleted."""
    x = tf.constant([1, 3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * y
    found = [tape.gradient(z, x).numpy(), tape.gradient(y, x).numpy()]
    del tape
    return found


def sums_of_targets(tf: Any) -> Any:
    """Several targets, vector targets."""
    x = tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y0, y1 = x**2, 1 / x
        y = x * [3.0, 4.0]
    return [
        tape.gradient(y0, x),
        tape.gradient(y1, x),
        tape.gradient({"y0": y0, "y1": y1}, x),
        tape.gradient(y, x),
    ]


def elementwise_sigmoid(tf: Any) -> Any:
    """The gradient of an elementwise function has the shape of its input."""
    x = tf.linspace(-10.0, 10.0, 200 + 1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.sigmoid(x)
    return tape.gradient(y, x)


def control_flow(tf: Any) -> Any:
    """Only the branch that ran."""
    x = tf.constant(1.0)
    v0, v1 = tf.Variable(2.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        result = v0 if x > 0.0 else v1**2
    return [tape.gradient(result, [v0, v1]), tape.gradient(result, x)]


def lost_variable(tf: Any) -> Any:
    """x = x + 1 makes a tensor of the variable."""
    x = tf.Variable(2.0)
    found = []
    for _ in range(2):
        with tf.GradientTape() as tape:
            y = x + 1
        found += [tape.gradient(y, x)]
        x = x + 1
    return found


def through_numpy(tf: Any) -> Any:
    """NumPy on the way."""
    x = tf.Variable([[1.0, 2.0], [3.0, 4.0]], dtype=tf.float32)
    with tf.GradientTape() as tape:
        x2 = x**2
        y = np.mean(x2, axis=0)
        y = tf.reduce_mean(y, axis=0)
    return str(tape.gradient(y, x))


def integer_constant(tf: Any) -> Any:
    """An integer is no source."""
    x = tf.constant(10)
    with tf.GradientTape() as g:
        g.watch(x)
        y = x * x
    return g.gradient(y, x)


def through_state(tf: Any) -> Any:
    """assign_add stops the gradient."""
    x0, x1 = tf.Variable(3.0), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        x1.assign_add(x0)
        y = x1**2
    return tape.gradient(y, x0)


def adjusted_contrast(tf: Any) -> Any:
    """An operation without a gradient in TensorFlow."""
    image = tf.Variable([[[0.5, 0.0, 0.0]]])
    delta = tf.Variable(0.1)
    with tf.GradientTape() as tape:
        new_image = tf.image.adjust_contrast(image, delta)
    return tape.gradient(new_image, [image, delta])


def zeros_for_none(tf: Any) -> Any:
    """unconnected_gradients."""
    x, y = tf.Variable([2.0, 2.0]), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        z = y**2
    return tape.gradient(z, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def stopped(tf: Any) -> Any:
    """stop_recording, reset, stop_gradient."""
    x, y = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as t:
        x_sq = x * x
        with t.stop_recording():
            y_sq = y * y
        z = x_sq + y_sq
    found = [t.gradient(z, {"x": x, "y": y})]
    with tf.GradientTape() as t:
        y_sq = y * y
        t.reset()
        z = x * x + y_sq
    found.append(t.gradient(z, {"x": x, "y": y}))
    with tf.GradientTape() as t:
        z = x**2 + tf.stop_gradient(y**2)
    return [*found, t.gradient(z, {"x": x, "y": y})]


def clipped_backward(tf: Any) -> Any:
    """A custom gradient that clips."""

    @tf.custom_gradient
    def clip_gradients(y: Any) -> Any:
        def backward(dy: Any) -> Any:
            return tf.clip_by_norm(dy, 0.5)

        return y, backward

    v = tf.Variable(2.0)
    with tf.GradientTape() as t:
        output = clip_gradients(v * v)
    return t.gradient(output, v)


def two_tapes(tf: Any) -> Any:
    """Two tapes at once."""
    x0, x1 = tf.constant(0.0), tf.constant(0.0)
    with tf.GradientTape() as tape0, tf.GradientTape() as tape1:
        tape0.watch(x0)
        tape1.watch(x1)
        ys = tf.reduce_sum(tf.math.sin(x0) + tf.nn.sigmoid(x1))
    return [tape0.gradient(ys, x0), tape1.gradient(ys, x1)]


def input_gradient_penalty(tf: Any) -> Any:
    """A norm of an input's gradient, differentiated by the weights."""
    x = tf.constant(spread(7, 5).astype(np.float32))
    w = tf.Variable(spread(5, 10, seed=1).astype(np.float32))
    b = tf.Variable(tf.zeros(10))
    with tf.GradientTape() as t2:
        with tf.GradientTape(watch_accessed_variables=False) as t1:
            t1.watch(x)
            out = tf.reduce_sum(tf.nn.relu(x @ w + b) ** 2)
        g1 = t1.gradient(out, x)
        magnitude = tf.norm(g1)
    return t2.gradient(magnitude, [w, b])


def jacobians(tf: Any) -> Any:
    """Jacobians by a scalar and by a kernel, against the gradient of the sum."""
    delta = tf.Variable(0.0)
    x = tf.linspace(-10.0, 10.0, 21)
    with tf.GradientTape() as tape:
        y = tf.nn.sigmoid(x + delta)
    first = tape.jacobian(y, delta)
    w = tf.Variable(spread(5, 4).astype(np.float32))
    inputs = tf.constant(spread(3, 5, seed=1).astype(np.float32))
    with tf.GradientTape(persistent=True) as tape:
        y = tf.nn.relu(inputs @ w)
    j = tape.jacobian(y, w)
    return [first, j.shape, j, tape.gradient(y, w), tf.reduce_sum(j, axis=[0, 1])]


def newton_step(tf: Any) -> Any:
    """A Hessian as a matrix, and a step with it."""
    x = tf.constant(spread(7, 5).astype(np.float32))
    w = tf.Variable(spread(5, 2, seed=1).astype(np.float32))
    with tf.GradientTape() as t2:
        with tf.GradientTape() as t1:
            loss = tf.reduce_mean(tf.nn.softplus(x @ w) ** 2)
        g = t1.gradient(loss, w)
    h = t2.jacobian(g, w)
    n = tf.reduce_prod(w.shape)
    matrix = tf.reshape(h, [n, n]) + tf.eye(n) * 1e-3
    update = tf.linalg.solve(matrix, tf.reshape(g, [n, 1]))
    w.assign_sub(tf.reshape(update, w.shape))
    return [h, w]


def batch_jacobians(tf: Any) -> Any:
    """Per-example Jacobians by three ways."""
    x = tf.constant(spread(7, 5).astype(np.float32))
    w = tf.constant(spread(5, 6, seed=1).astype(np.float32))
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = tf.nn.elu(x @ w)
    j = tape.jacobian(y, x)
    padded = tf.pad(
        tf.transpose(j, [1, 0, 2, 3])[0], [[0, 0], [1, 0], [0, 0]], constant_values=-1.0
    )
    return [tf.reduce_sum(j, axis=2), tf.einsum("bxby->bxy", j), tape.batch_jacobian(y, x), padded]


def third_derivatives(tf: Any) -> Any:
    """Nested tapes over a variable."""
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape2:
        with tf.GradientTape() as tape1:
            y = x**3
        dy_dx = tape1.gradient(y, x)
    return [dy_dx, tape2.gradient(dy_dx, x)]


def option_greeks(tf: Any) -> Any:
    """Black and Scholes: price, delta, gamma."""
    s = tf.Variable(100.0, dtype=tf.float64)
    k, r, sigma, t = (tf.constant(value, tf.float64) for value in (100.0, 0.05, 0.2, 1.0))

    def cdf(x: Any) -> Any:
        return 0.5 * (1 + tf.math.erf(x / tf.sqrt(tf.constant(2.0, tf.float64))))

    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            d1 = (tf.math.log(s / k) + (r + sigma**2 / 2) * t) / (sigma * tf.sqrt(t))
            price = s * cdf(d1) - k * tf.exp(-r * t) * cdf(d1 - sigma * tf.sqrt(t))
        delta = inner.gradient(price, s)
    return [price, delta, outer.gradient(delta, s)]


def meta_step(tf: Any) -> Any:
    """Through one step of descent, by hand and by assign_sub."""
    w, rate = tf.Variable(2.0), tf.Variable(0.1)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = w**2
        g = inner.gradient(loss, w)
        after = (w - rate * g) ** 2
    by_hand = outer.gradient(after, [w, rate])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = w**2
        w.assign_sub(rate * inner.gradient(loss, w))
        after = w**2
    return [by_hand, outer.gradient(after, rate)]


def physics(tf: Any) -> Any:
    """u_xx of a small network, differentiated by its weights."""
    w1, w2 = (
        tf.Variable(spread(*s, seed=i).astype(np.float32)) for i, s in enumerate(((1, 6), (6, 1)))
    )
    x = tf.constant(spread(5, 1, seed=4).astype(np.float32))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as middle:
            middle.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                u = tf.tanh(x @ w1) @ w2
            u_x = inner.gradient(u, x)
        u_xx = middle.gradient(u_x, x)
        loss = tf.reduce_mean((u_xx + u) ** 2)
    return [u_xx, outer.gradient(loss, [w1, w2])]


def ode_and_policy(tf: Any) -> Any:
    """Runge-Kutta steps, and the score function of a policy."""
    k = tf.Variable(1.0)
    y = tf.constant(1.0)
    with tf.GradientTape() as tape:
        for _ in range(10):
            a = -k * y
            b = -k * (y + 0.05 * a)
            c = -k * (y + 0.05 * b)
            d = -k * (y + 0.1 * c)
            y = y + 0.1 * (a + 2 * b + 2 * c + d) / 6
    logits = tf.Variable([0.1, 0.2, 0.3])
    with tf.GradientTape() as policy:
        loss = -tf.reduce_mean(tf.gather(tf.nn.log_softmax(logits), [0, 2, 2]) * [1.0, -1.0, 2.0])
    return [tape.gradient(y, k), policy.gradient(loss, logits)]


def linear_regression(tf: Any) -> Any:
    """The training loop, without an optimizer."""
    w, b = tf.Variable(5.0), tf.Variable(0.0)
    x = tf.linspace(-2.0, 2.0, 21)
    y = x * 3.0 + 2.0
    losses = []
    for _ in range(10):
        with tf.GradientTape() as t:
            loss = tf.reduce_mean(tf.square(y - (w * x + b)))
        dw, db = t.gradient(loss, [w, b])
        w.assign_sub(0.1 * dw)
        b.assign_sub(0.1 * db)
        losses.append(f"Loss: {loss:.4f}")
    return [w, b, losses]


def softmax_classifier(tf: Any) -> Any:
    """Two layers and a softmax, as the articles train them."""
    x = tf.constant(spread(8, 10).astype(np.float32))
    labels = tf.constant([0, 1, 1, 0, 1, 0, 0, 1])
    w1 = tf.Variable(spread(10, 5, seed=1).astype(np.float32) * 0.3, name="w1")
    b1 = tf.Variable(tf.zeros([5]))
    w2 = tf.Variable(spread(5, 2, seed=2).astype(np.float32) * 0.3)
    losses = []
    for _ in range(5):
        with tf.GradientTape() as tape:
            logits = tf.nn.relu(tf.matmul(x, w1) + b1) @ w2
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients, norm = tf.clip_by_global_norm(tape.gradient(loss, [w1, b1, w2]), 1.0)
        for variable, gradient in zip([w1, b1, w2], gradients):
            variable.assign_sub(0.5 * gradient)
        losses += [loss, norm]
    return [losses, w1, w2]


TOPICS = [
    Topic(
        "articles and guides",
        programs=[
            f
            for f in list(globals().values())
            if getattr(f, "__module__", "") == __name__ and callable(f)
        ],
    )
]
