"""Operations of one's own: `primitive`, `RegisterGradient`, `no_gradient`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.primitive import registry
from gradtape.core.shapes import Spec


@tf.primitive(
    name="extend_cube",
    vjp=lambda ct, x: 3.0 * ct * x * x,
    batch=lambda mask, x: cube(x),
    shape=lambda x: Spec(x._shape, x._dtype),
)
def cube(xp: Any, x: Any) -> Any:
    """The third power."""
    return x**3


@tf.primitive(
    name="extend_affine",
    vjp=[lambda ct, b, scale: ct * b * scale, lambda ct, a, scale: ct * a * scale, None],
    broadcasts=True,
)
def affine(xp: Any, a: Any, b: Any, n: Any, *, scale: float = 1.0) -> Any:
    return a * b * scale + n


def test_value_and_name() -> None:
    y = cube([1.0, 2.0])
    assert y.numpy().tolist() == [1.0, 8.0]
    assert cube.__doc__ == "The third power."
    assert "extend_cube" not in registry


def test_all_modes_from_one_rule() -> None:
    verdict = tf.check_gradients(cube, [1.0, -2.0])
    assert verdict, str(verdict)
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = cube(x)
    np.testing.assert_array_equal(tape.jacobian(y, x), np.diag([3.0, 12.0]))
    np.testing.assert_array_equal(tf.vectorized_map(cube, x), [1.0, 8.0])


def test_several_inputs_keywords_and_broadcasting() -> None:
    verdict = tf.check_gradients(
        lambda a, b: affine(a, b, 1.0, scale=2.0), [[1.0], [2.0]], [3.0, 4.0, 5.0]
    )
    assert verdict, str(verdict)
    a, b, n = tf.constant([[1.0], [2.0]]), tf.constant([3.0, 4.0]), tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch([a, b, n])
        y = affine(a, b, n)
    found = tape.gradient(y, [a, b, n])
    assert found[0].numpy().tolist() == [[7.0], [7.0]]
    assert found[1].numpy().tolist() == [3.0, 3.0]
    assert found[2] is None


def test_several_results() -> None:
    @tf.primitive(
        name="extend_polar",
        several=True,
        vjp=[lambda ct, y: ct[0] + ct[1] * y, lambda ct, x: ct[0] + ct[1] * x],
    )
    def sum_and_product(xp: Any, x: Any, y: Any) -> Any:
        return x + y, x * y

    verdict = tf.check_gradients(sum_and_product, 2.0, 3.0)
    assert verdict, str(verdict)


def test_any_number_of_inputs() -> None:
    @tf.primitive(name="extend_total", vjp=lambda ct, wanted: [ct if w else None for w in wanted])
    def total(xp: Any, *arrays: Any) -> Any:
        return sum(arrays)

    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = total(a, b, a)
    assert [float(g) for g in tape.gradient(y, [a, b])] == [2.0, 1.0]
    verdict = tf.check_gradients(total, 1.0, 2.0)
    assert verdict, str(verdict)


def test_only_what_a_rule_names_is_kept() -> None:
    made = cube.primitive
    assert made.kept((True,)) == ((2,), False)


def test_the_shape_rule_by_default() -> None:
    made = affine.primitive
    specs = [Spec((2, 1), np.dtype("f4")), Spec((3,), np.dtype("f4")), Spec((), np.dtype("f4"))]
    assert made.shape(*specs, scale=1.0) == Spec((2, 3), np.dtype("f4"))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"shape=\.\.\."):
        made.shape(Spec((None,), np.dtype("f4")), *specs[1:], scale=1.0)


def test_calls_are_checked() -> None:
    with pytest.raises(TypeError, match=r"takes 3 inputs \(a, b, n\) by position, but got 2"):
        affine(1.0, 2.0)
    with pytest.raises(TypeError, match=r"unknown keywords \['scales'\].*\['scale'\]"):
        affine(1.0, 2.0, 3.0, scales=1.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="extend_affine.*incompatible shapes"):
        affine([1.0, 2.0], [1.0, 2.0, 3.0], 1.0)


def test_names_are_unique() -> None:
    with pytest.raises(ValueError, match="named 'add' exists already"):

        @tf.primitive(name="add")
        def other(xp: Any, x: Any) -> Any:
            return x

    with pytest.raises(ValueError, match="named 'extend_cube' exists already"):

        @tf.primitive(name="extend_cube")
        def another(xp: Any, x: Any) -> Any:
            return x


def test_the_number_of_rules_is_checked() -> None:
    with pytest.raises(ValueError, match="2 entries in vjps"):

        @tf.primitive(name="extend_two", vjp=[lambda ct: ct, lambda ct: ct])
        def two(xp: Any, x: Any) -> Any:
            return x


# gradients by name


def test_a_gradient_registered_by_name() -> None:
    @tf.primitive(name="extend_later")
    def later(xp: Any, x: Any, y: Any, *, power: int) -> Any:
        return x**power * y

    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        z = later(a, b, power=3)
    with pytest.raises(LookupError, match="gradient registry has no entry for: extend_later"):
        tape.gradient(z, a)

    seen: list[Any] = []

    @tf.RegisterGradient("extend_later")
    def _gradient(op: Any, upstream: Any) -> Any:
        seen.append(op)
        x, y = op.inputs
        n = op.get_attr("power")
        return upstream * n * x ** (n - 1) * y, upstream * op.outputs[0] / y

    assert [float(g) for g in tape.gradient(z, [a, b])] == [36.0, 8.0]
    assert seen[0].type == "extend_later"
    with pytest.raises(ValueError, match="no attr named 'size'"):
        seen[0].get_attr("size")
    verdict = tf.check_gradients(lambda x, y: later(x, y, power=3), 2.0, 3.0)
    assert verdict, str(verdict)
    with pytest.raises(KeyError, match="Registering two gradient with name 'extend_later'"):
        tf.RegisterGradient("extend_later")(_gradient)


def test_a_registered_gradient_must_match_the_inputs() -> None:
    @tf.primitive(name="extend_count")
    def count(xp: Any, x: Any, y: Any) -> Any:
        return x * y

    tf.RegisterGradient("extend_count")(lambda op, upstream: upstream)
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        z = count(v, v)
    with pytest.raises(ValueError, match="Num gradients 1 generated for op extend_count"):
        tape.gradient(z, v)


def test_no_gradient() -> None:
    @tf.primitive(name="extend_constant")
    def constant(xp: Any, x: Any) -> Any:
        return xp.round(x)

    tf.no_gradient("extend_constant")
    v = tf.Variable(1.4)
    with tf.GradientTape() as tape:
        y = constant(v)
    assert tape.gradient(y, v) is None
    with pytest.raises(KeyError, match="Registering two gradient"):
        tf.no_gradient("extend_constant")


@pytest.mark.parametrize("name", [lambda x: x, 3, None])
def test_a_name_is_a_string(name: Any) -> None:
    with pytest.raises(TypeError, match="op_type must be a string"):
        tf.RegisterGradient(name)
    with pytest.raises(TypeError, match="op_type must be a string"):
        tf.no_gradient(name)


@pytest.mark.parametrize("name", ["Sin", "sin", "MatMul", "extend_cube"])
def test_what_has_a_gradient_cannot_get_another(name: str) -> None:
    with pytest.raises(KeyError, match="Registering two gradient with name"):
        tf.RegisterGradient(name)(lambda op, upstream: upstream)


def test_an_unknown_name_is_accepted() -> None:
    tf.RegisterGradient("ExtendUnknownOperation")(lambda op, upstream: upstream)
