"""What a tape watches, what it keeps, and control flow."""

import gc
import weakref

import numpy as np

import gradtape as tf

# trainable, not trainable, no variable, constant

x0 = tf.Variable(3.0, name="x0")
x1 = tf.Variable(3.0, name="x1", trainable=False)
x2 = tf.Variable(2.0, name="x2") + 1.0
x3 = tf.constant(3.0, name="x3")
with tf.GradientTape() as tape:
    y = x0**2 + x1**2 + x2**2 + x3**2
print([None if g is None else g.numpy() for g in tape.gradient(y, [x0, x1, x2, x3])])
print([v.name for v in tape.watched_variables()])

x = tf.constant(3.0)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = x**2
print(tape.gradient(y, x).numpy())

x0, x1 = tf.Variable(0.0), tf.Variable(10.0)
with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(x1)
    y0 = tf.math.sin(x0)
    y1 = tf.nn.softplus(x1)
    y = y0 + y1
    ys = tf.reduce_sum(y)
grad = tape.gradient(ys, {"x0": x0, "x1": x1})
print("dy/dx0:", grad["x0"])
print("dy/dx1:", f"{grad['x1']:.7f}")


# what a tape keeps goes when the gradient is there


class Kept:
    """Whether the array of a tensor is still needed by anybody."""

    def __init__(self, tensor):
        self.reference = weakref.ref(tensor)

    def __call__(self):
        gc.collect()
        return self.reference() is not None


def relu_between(persistent):
    x = tf.Variable([1.0, -2.0])
    with tf.GradientTape(persistent=persistent) as tape:
        middle = x * x
        kept = Kept(middle)
        y = tf.reduce_sum(tf.nn.relu(middle))
        del middle
    during = kept()
    gradient = tape.gradient(y, x)
    return during, gradient.numpy().tolist(), tape


during, gradient, tape = relu_between(persistent=False)
print("relu keeps its input:", during, gradient)
try:
    tape.gradient(tf.constant(1.0), tf.constant(1.0))
except RuntimeError as error:
    print("again:", "non-persistent" in str(error))
during, gradient, tape = relu_between(persistent=True)
print("relu keeps its input, persistent:", during, gradient)
del tape

x = tf.constant([1.0, 3.0])
with tf.GradientTape(persistent=True) as tape:
    tape.watch(x)
    y = x * x
    z = y * y
print(tape.gradient(z, x).numpy(), tape.gradient(y, x).numpy(), tape.gradient(z, y).numpy())
del tape


# control flow: the way that was taken

x = tf.constant(1.0)
v0, v1 = tf.Variable(2.0), tf.Variable(2.0)
with tf.GradientTape(persistent=True) as tape:
    tape.watch(x)
    if x > 0.0:
        result = v0
    else:
        result = v1**2
dv0, dv1 = tape.gradient(result, [v0, v1])
print(dv0.numpy(), dv1)
print(tape.gradient(result, x))


@tf.function
def branched(x, v0, v1):
    with tf.GradientTape() as tape:
        if x > 0.0:
            result = v0 * 1.0
        else:
            result = v1**2
    return tape.gradient(result, [v0, v1])


print([g.numpy() for g in branched(x, v0, v1)])

x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = tf.constant(1.0)
    while y < 20.0:
        y = y * x
print(y.numpy(), tape.gradient(y, x).numpy(), np.float32(5 * 2.0**4))
