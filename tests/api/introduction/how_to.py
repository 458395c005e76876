"""How to train: variables, forward, loss, gradients, application; optimizers, data and metrics."""

import warnings

import numpy as np

import gradtape as tf
from gradtape import keras

draw = np.random.default_rng(0)


# by hand: define, forward, loss, gradients, apply, repeat

w, b = tf.Variable(0.0), tf.Variable(0.0)
inputs = tf.constant([0.0, 1.0, 2.0, 3.0])
targets = tf.constant([1.0, 3.0, 5.0, 7.0])
for _ in range(200):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(w * inputs + b - targets))
    dw, db = tape.gradient(loss, [w, b])
    w.assign_sub(0.1 * dw)
    b.assign_sub(0.1 * db)
print(f"line: {w.numpy():.4f} {b.numpy():.4f}")


# every optimizer, three steps

GRADIENT_DESCENT = ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "Adamax", "Nadam"]
for name in [*GRADIENT_DESCENT, "Ftrl", "Lion", "Adafactor", "Lamb", "Muon"]:
    v = tf.Variable([1.0, 2.0])
    optimizer = getattr(tf.keras.optimizers, name)()
    for _ in range(3):
        optimizer.apply_gradients([(tf.constant([0.1, 0.2]), v)])
    print(name, [f"{n:.4f}" for n in v.numpy()])

older = tf.compat.v1.train
step = tf.constant(0, tf.int64)
made = {
    "GradientDescent": older.GradientDescentOptimizer(0.1),
    "Momentum": older.MomentumOptimizer(0.1, 0.9),
    "Adadelta": older.AdadeltaOptimizer(0.1),
    "Adagrad": older.AdagradOptimizer(0.1),
    "Adam": older.AdamOptimizer(0.1),
    "RMSProp": older.RMSPropOptimizer(0.1),
    "Ftrl": older.FtrlOptimizer(0.1, l1_regularization_strength=0.01),
    "ProximalGradientDescent": older.ProximalGradientDescentOptimizer(
        0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.1
    ),
    "ProximalAdagrad": older.ProximalAdagradOptimizer(0.1, l1_regularization_strength=0.01),
}
for name, optimizer in made.items():
    v = tf.Variable([1.0, 2.0])
    for _ in range(3):
        optimizer.minimize(lambda v=v: tf.reduce_sum(v * v), var_list=[v])
    print(name, [f"{n:.4f}" for n in v.numpy()])
v = tf.Variable([1.0, 2.0])
steps = tf.Variable(0, dtype=tf.int64)
dual = older.AdagradDAOptimizer(0.1, steps, l1_regularization_strength=0.01)
for _ in range(3):
    pairs = dual.compute_gradients(lambda: tf.reduce_sum(v * v), [v])
    dual.apply_gradients(pairs)
    steps.assign_add(1)
print("AdagradDA", [f"{n:.4f}" for n in v.numpy()])


# a sequential model; Keras warns twice, of input_shape and of logits that are none

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model = keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", input_shape=(4,)),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.set_weights([0.5 * draw.normal(size=v.shape) for v in model.trainable_variables])
    loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(learning_rate=0.05)

    x_train = draw.normal(size=(60, 4)).astype(np.float32)
    y_train = np.argmax(x_train[:, :3], axis=1)
    train_dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train)).batch(20)

    @tf.function
    def forward_pass(x, y):
        with tf.GradientTape() as tape:
            predictions = model(x, training=True)
            loss = loss_function(y, predictions)
        return loss, predictions, tape.gradient(loss, model.trainable_variables)

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss, predictions, _ = forward_pass(x, y)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        accuracy = tf.keras.metrics.sparse_categorical_accuracy(y, predictions)
        return loss, tf.reduce_mean(accuracy)

    for epoch in range(4):
        for x, y in train_dataset:
            loss, accuracy = train_step(x, y)
        print(f"Epoch {epoch}, Loss: {loss:.4f}, Accuracy: {accuracy:.4f}")
    x, y = next(iter(train_dataset))
    inner = forward_pass(x, y)[2]
    with tf.GradientTape() as tape:
        loss = forward_pass(x, y)[0]
    outer = tape.gradient(loss, model.trainable_variables)
    print("inner = outer:", all([np.allclose(a, b, 1e-4, 1e-6) for a, b in zip(inner, outer)]))
said = [str(w.message) for w in caught if w.category is UserWarning]
print(sum("input_shape" in text for text in said), sum("from_logits=True" in text for text in said))

metric = tf.keras.metrics.SparseCategoricalAccuracy()
for x, y in train_dataset:
    metric.update_state(y, model(x))
print(f"accuracy: {metric.result():.4f}")
metric.reset_state()
print(f"accuracy: {metric.result():.4f}")


# data stops gradients

v = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum([e * e for e in tf.data.Dataset.from_tensor_slices(v)])
print("through data:", float(y), tape.gradient(y, v))


# gradients that explode are clipped

gradients = [tf.constant([3.0, 4.0]), None, tf.constant([12.0])]
clipped, norm = tf.clip_by_global_norm(gradients, 6.5)
print([None if g is None else g.numpy().tolist() for g in clipped], norm.numpy())
print(
    tf.clip_by_norm(tf.constant([3.0, 4.0]), 1.0).numpy(),
    tf.clip_by_value([-2.0, 5.0], 0.0, 1.0).numpy(),
)
for argument in ("clipnorm", "clipvalue", "global_clipnorm"):
    v = tf.Variable([1.0, 1.0])
    keras.optimizers.SGD(1.0, **{argument: 0.5}).apply_gradients([(tf.constant([3.0, 4.0]), v)])
    print(argument, v.numpy())


# numerically, and by another library's symbols

slope, difference = tf.test.compute_gradient(tf.sin, [tf.constant([0.5, 1.0])])
print("numerical:", np.allclose(slope[0], difference[0], atol=1e-3))
