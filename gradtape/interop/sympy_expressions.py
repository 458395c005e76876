"""From a function to expressions: `to_sympy`."""

from __future__ import annotations

from typing import Any

from gradtape.interop.sympy_tracing import Traced


def to_sympy(
    function: Any, *arguments: Any, unknown: str = "error", variables: str = "symbols"
) -> Any:
    """Return what a function computes as SymPy expressions.

    Args:
        function: a Python function, a `tf.function`, a concrete function of one, a symbolic tensor
            of a graph, or a graph, whose tensors (or their names) are then the arguments.
        arguments: one for each parameter: a `tf.TensorSpec`, a tensor or array of the shape and
            dtype, or SymPy symbols, expressions, matrices and arrays, which then stand in the
            formula; a number stands for any real scalar. Without arguments all are scalars, or what
            the `tf.function` was declared for or traced with.
        unknown: "error", or "function" to keep an operation that has no counterpart as an undefined
            function of SymPy.
        variables: "symbols" shows a `tf.Variable` by its name, "values" by its present value.

    Returns:
        An expression for a scalar, a matrix for two axes, else an array of expressions; for several
        results the structure that the function returns. Symbols are named after the parameters, the
        elements of a vector x are x_0, x_1, those of a matrix x_0_0 and so on. They are real,
        integer or complex, as the dtype is: pass symbols of your own for other assumptions.

    Raises:
        NoFormulaError: an UnimplementedError that names the operation, when it has no counterpart.
        InvalidArgumentError: for sizes that are not known, or more than 4096 elements.

    Example:
        >>> import gradtape as tf
        >>> def f(x, w):
        ...     return tf.reduce_sum(tf.sin(x) * w)
        >>> vector = tf.TensorSpec([2], tf.float64)
        >>> tf.interop.sympy.to_sympy(f, vector, vector)
        w_0*sin(x_0) + w_1*sin(x_1)
    """
    return Traced(function, arguments, variables).expressions(unknown)
