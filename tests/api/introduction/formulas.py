"""Formulas of SymPy as programs, and their derivatives both ways."""

import sympy

import gradtape as tf

x = sympy.Symbol("x")
formula = sympy.exp(-(x**2)) * sympy.sin(3 * x)
value = sympy.lambdify(x, formula, tf)
slope = sympy.lambdify(x, sympy.diff(formula, x), tf)
at = tf.Variable([0.2, 0.7, 1.3])
with tf.GradientTape() as tape:
    y = value(at)
print(type(y).__name__ in ("Tensor", "EagerTensor"))
print(tape.gradient(y, at).numpy().round(5).tolist())
print(slope(at).numpy().round(5).tolist())
