"""A derivative, a model, its gradients, and a step of gradient descent."""

import numpy as np

import gradtape as tf
from gradtape.keras import Model, layers

x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = x**2
print("dy/dx:", tape.gradient(y, x).numpy())


class Classifier(Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(5, activation="relu")
        self.out = layers.Dense(2, activation="softmax")

    def call(self, inputs):
        return self.out(self.hidden(inputs))


model = Classifier()
features = tf.random.normal([8, 10])
labels = tf.random.uniform([8, 2], maxval=2, dtype=tf.int32)
print("drawn:", features.shape, features.dtype, labels.dtype, set(labels.numpy().ravel()) <= {0, 1})

loss_function = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
with tf.GradientTape() as tape:
    loss = loss_function(labels, model(features))
gradients = tape.gradient(loss, model.trainable_variables)
for variable, gradient in zip(model.trainable_variables, gradients):
    print(variable.name, gradient.shape)

# the same with numbers that are known

draw = np.random.default_rng(0)
features = tf.constant(draw.normal(size=(8, 10)).astype(np.float32))
labels = tf.constant(np.eye(2, dtype=np.int32)[draw.integers(0, 2, 8)])
model.set_weights([draw.normal(size=v.shape) for v in model.trainable_variables])
optimizer = tf.keras.optimizers.SGD(learning_rate=0.1)
for epoch in range(5):
    with tf.GradientTape() as tape:
        loss = loss_function(labels, model(features))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    print(f"epoch {epoch}: {loss:.4f}")
print([f"{tf.norm(w):.4f}" for w in model.get_weights()], int(optimizer.iterations))
