"""Symbolic gradients of a graph, a session, and where derivatives are used."""

import numpy as np

import gradtape as tf

# a graph is differentiated by tf.gradients, and run by a session

with tf.Graph().as_default():
    a = tf.compat.v1.placeholder(tf.float32, [], name="a")
    b = tf.compat.v1.placeholder(tf.float32, [], name="b")
    c = tf.constant(1.5)
    y = a * b + c
    slopes = tf.gradients(y, [a, b, c])
    with tf.compat.v1.Session() as sess:
        print("session:", [float(s) for s in sess.run(slopes, {a: 3.0, b: 2.0})])

try:
    tf.gradients(tf.constant(1.0), [tf.constant(1.0)])
except RuntimeError as error:
    print("eager:", type(error).__name__, "GradientTape" in str(error))

print("tf.Session:", hasattr(tf, "Session"))


# a function is a graph


@tf.function
def product(p, q):
    return tf.gradients(p * q + p, [p, q])


print("function:", [float(s) for s in product(tf.constant(3.0), tf.constant(2.0))])


# the tape takes a list of what to watch, and of what to differentiate by

a, b, c = tf.constant(3.0), tf.constant(2.0), tf.constant(1.0)
with tf.GradientTape() as tape:
    tape.watch([a, b, c])
    y = a * b + c
print("tape:", [float(g) for g in tape.gradient(y, [a, b, c])])


# exact, where differences are not


def steep(x):
    return tf.exp(tf.sin(3.0 * x)) * x**3


x = tf.constant(1.7, tf.float64)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = steep(x)
exact = tape.gradient(y, x)
inner, outer = np.exp(np.sin(5.1)), 3 * 1.7**2 + 3 * np.cos(5.1) * 1.7**3
print("by hand:", abs(float(exact) / (inner * outer) - 1.0) < 1e-14)
for step in (1e-2, 1e-5, 1e-11):
    difference = (steep(x + step) - steep(x - step)) / (2 * step)
    print("differences:", step, 1e-13 < abs(float(difference - exact)) < 1.0)
theoretical, numeric = tf.test.compute_gradient(steep, [x])
print("checked:", np.abs(theoretical[0] - numeric[0]).max() < 2e-3, theoretical[0].shape)


# a recurrent network that is trained

draw = np.random.default_rng(0)
lstm = tf.keras.layers.LSTM(4)
sequence = draw.normal(size=(2, 6, 3)).astype(np.float32)
lstm(sequence)
lstm.set_weights([0.3 * draw.normal(size=w.shape).astype(np.float32) for w in lstm.get_weights()])
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(lstm(sequence) ** 2)
gradients = tape.gradient(loss, lstm.trainable_variables)
print(f"LSTM: {loss:.6f}", [g.shape for g in gradients])
print("LSTM:", [f"{tf.norm(g):.5f}" for g in gradients])


# a differential equation inside of a function: y' = -k y, so that dy/dk = -t exp(-k t)


@tf.function
def solved(k):
    y, h = tf.constant(1.0), 0.01
    for _ in tf.range(50):
        k1 = -k * y
        k2 = -k * (y + 0.5 * h * k1)
        k3 = -k * (y + 0.5 * h * k2)
        k4 = -k * (y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return y


k = tf.Variable(1.0)
with tf.GradientTape() as tape:
    end = solved(k)
print(f"equation: {end:.4f} {tape.gradient(end, k):.4f} {-0.5 * np.exp(-0.5):.4f}")


# a policy that is rewarded: the gradient of the logarithm of what was done, times its reward

preference = tf.Variable([0.1, -0.2, 0.3])
actions, rewards = tf.constant([0, 2, 2, 1]), tf.constant([1.0, 0.5, 2.0, -1.0])
with tf.GradientTape() as tape:
    chance = tf.nn.log_softmax(preference)
    loss = -tf.reduce_mean(tf.gather(chance, actions) * rewards)
print("policy:", tape.gradient(loss, preference).numpy().round(4).tolist())
