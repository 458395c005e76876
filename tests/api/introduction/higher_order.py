"""Derivatives of derivatives, and what they are for."""

import math

import numpy as np

import gradtape as tf

# both tapes have to see x: a constant that one of them watches has no second derivative

x = tf.constant(3.0)
with tf.GradientTape() as tape2:
    with tf.GradientTape() as tape1:
        tape1.watch(x)
        y = x**3
    dy_dx = tape1.gradient(y, x)
print("one tape watches:", dy_dx.numpy(), tape2.gradient(dy_dx, x))

for x in (tf.Variable(3.0), tf.constant(3.0)):
    with tf.GradientTape() as tape2:
        tape2.watch(x)
        with tf.GradientTape() as tape1:
            tape1.watch(x)
            y = x**3
        dy_dx = tape1.gradient(y, x)
    print("both:", dy_dx.numpy(), tape2.gradient(dy_dx, x).numpy())


# five orders, where rounding would have eaten differences


def derivatives(f, x, order):
    if order == 0:
        return [f(x)]
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = derivatives(f, x, order - 1)
    return [*found, tape.gradient(found[-1], x)]


found = derivatives(lambda x: tf.sin(x) * tf.exp(x), tf.constant(1.0, tf.float64), 5)
print("orders:", [f"{d:.5f}" for d in found])

x = tf.Variable(2.0)
with tf.GradientTape(persistent=True) as tape:
    with tf.GradientTape() as inner:
        y = x**4
    first = inner.gradient(y, x)
    second = tape.gradient(first, x)
print("persistent:", first.numpy(), second.numpy(), tape.gradient(second, x).numpy())


# learning to learn: a step of learning that is differentiated

w, lr, data = tf.Variable(2.0), tf.Variable(0.1), tf.constant(1.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        loss = (w - data) ** 2 * 2.0
    w2 = w - lr * inner.gradient(loss, w)
    after = (w2 - data) ** 2
print("meta:", [f"{g:.4f}" for g in outer.gradient(after, [w, lr])])

with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        loss = (w - data) ** 2 * 2.0
    slope = inner.gradient(loss, w)
    w.assign_sub(lr * slope)
    after = (w - data) ** 2
print("meta, by assignment:", outer.gradient(after, lr))


# physics: the residual u_xx + u of a network, and its gradient by the weights

draw = np.random.default_rng(0)
hidden = tf.Variable(draw.normal(size=(1, 6)).astype(np.float32))
bias = tf.Variable(draw.normal(size=6).astype(np.float32))
out = tf.Variable(draw.normal(size=(6, 1)).astype(np.float32))
x = tf.constant(np.linspace(0.0, 1.0, 7, dtype=np.float32)[:, None])
with tf.GradientTape() as third:
    with tf.GradientTape() as second:
        second.watch(x)
        with tf.GradientTape() as first:
            first.watch(x)
            u = tf.tanh(x @ hidden + bias) @ out
        u_x = first.gradient(u, x)
    u_xx = second.gradient(u_x, x)
    loss = tf.reduce_mean((u_xx + u) ** 2)
print(
    f"physics: {loss:.4f}", [f"{tf.norm(g):.4f}" for g in third.gradient(loss, [hidden, bias, out])]
)


# finance: an option's price and its Greeks


def price(spot, strike, rate, sigma, years):
    root = sigma * tf.sqrt(years)
    d1 = (tf.math.log(spot / strike) + (rate + sigma**2 / 2.0) * years) / root
    normal = lambda z: 0.5 * (1.0 + tf.math.erf(z / math.sqrt(2.0)))
    return spot * normal(d1) - strike * tf.exp(-rate * years) * normal(d1 - root)


spot, rate, sigma, years = [tf.constant(v, tf.float64) for v in (100.0, 0.05, 0.2, 1.0)]
with tf.GradientTape() as outer:
    outer.watch(spot)
    with tf.GradientTape() as inner:
        inner.watch([spot, rate, sigma, years])
        value = price(spot, 100.0, rate, sigma, years)
    delta, rho, vega, theta = inner.gradient(value, [spot, rate, sigma, years])
gamma = outer.gradient(delta, spot)
print(f"option: {value:.5f} {delta:.5f} {gamma:.5f} {vega:.5f} {rho:.5f} {theta:.5f}")
