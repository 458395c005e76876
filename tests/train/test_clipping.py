"""Clipping of gradients, and what optimizers say about bad input."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.train.gradients import norm

OPT = tf.optimizers


def clipped(gradients: list[Any], **option: float) -> list[Any]:
    """What arrives at the variables, by a step of size one from zero."""
    variables = [tf.Variable(np.zeros_like(g)) for g in gradients]
    OPT.SGD(1.0, **option).apply(gradients, variables)
    return [-v.numpy() for v in variables]


def test_clipnorm_scales_each_gradient() -> None:
    a, b = clipped([np.array([3.0, 4.0]), np.array([0.3, 0.4])], clipnorm=1.0)
    np.testing.assert_allclose(a, [0.6, 0.8], rtol=1e-15)
    np.testing.assert_array_equal(b, [0.3, 0.4])


def test_clipvalue_clips_each_element() -> None:
    (a,) = clipped([np.array([3.0, -4.0, 0.25])], clipvalue=0.5)
    np.testing.assert_array_equal(a, [0.5, -0.5, 0.25])


def test_global_clipnorm_scales_all_alike() -> None:
    a, b = clipped([np.array([3.0, 0.0]), np.array([[4.0]])], global_clipnorm=1.0)
    np.testing.assert_allclose(a, [0.6, 0.0], rtol=1e-15)
    np.testing.assert_allclose(b, [[0.8]], rtol=1e-15)
    a, b = clipped([np.array([3.0, 0.0]), np.array([[4.0]])], global_clipnorm=5.0)
    np.testing.assert_array_equal(a, [3.0, 0.0])


def test_clipping_of_what_is_not_finite() -> None:
    # as tf.clip_by_norm: inf / inf is nan, a finite element over inf is 0
    (a,) = clipped([np.array([np.inf, 1.0])], clipnorm=1.0)
    np.testing.assert_array_equal(a, [np.nan, 0.0])
    # as tf.clip_by_global_norm: everything becomes nan
    a, b = clipped([np.array([np.inf, 1.0]), np.array([1.0])], global_clipnorm=1.0)
    assert np.isnan(a).all()
    assert np.isnan(b).all()
    (a,) = clipped([np.array([np.nan, 2.0])], clipvalue=1.0)
    np.testing.assert_array_equal(a, [np.nan, 1.0])
    (a,) = clipped([np.zeros(3)], clipnorm=1.0)
    np.testing.assert_array_equal(a, np.zeros(3))


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-20, 1.0, 1e20, 1e37])
def test_a_norm_neither_overflows_nor_underflows(scale: float) -> None:
    array = np.array([3.0, -4.0], np.float32) * np.float32(scale)
    assert norm(array) == pytest.approx(5.0 * scale, rel=1e-6)
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200)
    assert norm(np.zeros(0, np.float32)) == 0.0


# bad input


@pytest.mark.parametrize(
    "options,text",
    [
        (
            {"clipnorm": 1.0, "clipvalue": 1.0},
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set",
        ),
        ({"clipnorm": 0.0}, "`clipnorm` must be a number > 0"),
        ({"global_clipnorm": -1.0}, "`global_clipnorm` must be a number > 0"),
        ({"clipvalue": "big"}, "`clipvalue` must be a number > 0"),
        (
            {"learning_rate": "fast"},
            "`learning_rate` must be a number. Received: learning_rate='fast'",
        ),
        ({"learning_rate": None}, "`learning_rate` must be a number"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a number"),
        ({"learning_rate": [0.1, 0.2]}, "`learning_rate` must be a number"),
        (
            {"learning_rate": tf.Variable([0.1, 0.2])},
            "`learning_rate` must be a number or a scalar variable",
        ),
        ({"momentum": 2.0}, "`momentum` must be a number >= 0 and <= 1"),
        ({"momentum": -0.1}, "`momentum` must be a number >= 0"),
        ({"weight_decay": "x"}, "`weight_decay` must be a number"),
        ({"use_ema": True, "ema_momentum": 2.0}, "`ema_momentum` must be in the range"),
        (
            {"use_ema": True, "ema_overwrite_frequency": 0},
            "`ema_overwrite_frequency` must be an integer >= 1",
        ),
        ({"rubbish": 1}, "not recognized: {'rubbish': 1}"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        OPT.SGD(**options)
    assert text in str(caught.value)


def test_other_hyperparameters_out_of_range() -> None:
    for make, text in [
        (lambda: OPT.Lion(beta_1=0.0), "`beta_1` must be a number <= 1 and > 0"),
        (lambda: OPT.Ftrl(learning_rate_power=0.5), "`learning_rate_power` must be a number <= 0"),
        (
            lambda: OPT.Ftrl(l1_regularization_strength=-1.0),
            "`l1_regularization_strength` must be a number >= 0",
        ),
        (
            lambda: OPT.Adagrad(initial_accumulator_value=-1.0),
            "`initial_accumulator_value` must be a number >= 0",
        ),
        (lambda: OPT.AdamW(weight_decay=None), "`weight_decay` must be a number"),
        (lambda: OPT.Adam(beta_1="a"), "`beta_1` must be a number"),
    ]:
        with pytest.raises(ValueError) as caught:
            make()
        assert text in str(caught.value)


def test_what_is_left_out_says_what_to_do() -> None:
    with pytest.raises(tf.errors.UnimplementedError, match="Multiply the loss by the factor"):
        OPT.SGD(loss_scale_factor=2.0)
    with pytest.raises(tf.errors.UnimplementedError, match="Add up the gradients"):
        OPT.SGD(gradient_accumulation_steps=2)


def test_no_gradients() -> None:
    w = tf.Variable([1.0], name="w")
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        OPT.SGD().apply_gradients([(None, w)])
    used = zip([tf.constant([1.0])], [w], strict=True)
    OPT.SGD(0.5).apply_gradients(used)
    with pytest.raises(
        ValueError, match="No gradients provided for any variable: .* A zip can be read only once"
    ):
        OPT.SGD().apply_gradients(used)
    OPT.SGD().apply([])  # as in Keras, an empty list of gradients is no step
    assert w.numpy() == 0.5


def test_a_missing_gradient_is_skipped_with_a_warning_that_names_the_variable() -> None:
    v, w = tf.Variable([1.0], name="v"), tf.Variable([1.0], name="w")
    with pytest.warns(
        UserWarning,
        match=r"Gradients do not exist for variables \['v:0'\] when minimizing the loss",
    ):
        OPT.SGD(0.5).apply_gradients([(None, v), (tf.constant([1.0]), w)])
    assert (v.numpy(), w.numpy()) == (1.0, 0.5)


def test_a_variable_that_the_optimizer_does_not_know() -> None:
    v, w = tf.Variable([1.0]), tf.Variable([1.0])
    optimizer = OPT.SGD()
    optimizer.build([v])
    with pytest.raises(ValueError, match="Unknown variable: .* originally built with"):
        optimizer.apply_gradients([(tf.constant([1.0]), w)])
    with pytest.raises(ValueError, match="2 gradients for 1 variables"):
        optimizer.apply([tf.constant([1.0])] * 2)
    with pytest.raises(ValueError, match=r"Call `optimizer.build\(trainable_variables\)` first"):
        OPT.SGD().apply([tf.constant([1.0])])


@pytest.mark.parametrize("pair", [3.0, (1.0,), tf.constant([1.0, 2.0])])
def test_a_pair_that_is_none(pair: Any) -> None:
    with pytest.raises(
        TypeError,
        match=r"is no pair of a gradient and a variable. Write zip\(gradients, variables\)",
    ):
        OPT.SGD().apply_gradients([pair])


@pytest.mark.parametrize("variable", [3.0, tf.constant([1.0]), np.ones(2), None])
def test_a_variable_that_is_none(variable: Any) -> None:
    with pytest.raises(TypeError, match=r"gradtape.optimizers.SGD: .* is no tf.Variable"):
        OPT.SGD().apply_gradients([(tf.constant([1.0]), variable)])


def test_variables_and_gradients_of_wrong_type_or_shape() -> None:
    w = tf.Variable([1.0, 2.0], name="w")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="only variables of a floating or complex dtype"
    ):
        OPT.SGD().build([tf.Variable([1, 2])])
    for gradient in (
        tf.constant([1.0]),
        tf.constant(1.0),
        tf.constant([[1.0, 2.0]]),
        tf.constant([1, 2]),
        tf.constant([1j, 2.0]),
        tf.constant([True, False]),
    ):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="does not fit variable 'w:0', float32"
        ):
            OPT.SGD().apply([gradient], [w])
    for gradient in ("text", {"a": 1}, object()):
        with pytest.raises(TypeError, match="SGD"):
            OPT.SGD().apply([gradient], [w])
    np.testing.assert_array_equal(w.numpy(), [1.0, 2.0])


def test_a_bad_gradient_in_the_list_moves_nothing() -> None:
    v, w = tf.Variable([1.0]), tf.Variable([1.0, 2.0])
    optimizer = OPT.SGD(0.5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        optimizer.apply([tf.constant([1.0]), tf.constant([1.0])], [v, w])
    assert v.numpy() == 1.0
    assert int(optimizer.iterations) == 0


def test_a_learning_rate_that_cannot_be_set_or_used() -> None:
    scheduled = OPT.SGD(OPT.schedules.ExponentialDecay(0.5, 1, 0.5))
    with pytest.raises(TypeError, match="hence its learning rate is not settable"):
        scheduled.learning_rate = 0.5
    with pytest.raises(TypeError, match="assign another function or a variable"):
        OPT.SGD(lambda: 0.5).learning_rate = 0.5
    with pytest.raises(ValueError, match="`learning_rate` must be a number"):
        OPT.SGD().learning_rate = "fast"
    with pytest.raises(
        ValueError, match=r"not one number. A schedule or function must return a scalar"
    ):
        OPT.SGD(lambda: tf.constant([1.0, 2.0])).apply([tf.constant(1.0)], [tf.Variable(1.0)])


@pytest.mark.parametrize(
    "kind", ["SGD", "Adam", "Adagrad", "RMSprop", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion"]
)
def test_nan_and_inf_pass_through_without_a_warning(kind: str) -> None:
    w = tf.Variable([1.0, 1.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = getattr(OPT, kind)(0.125)
        for _ in range(2):
            optimizer.apply([tf.constant([np.nan, np.float32(3e38), 0.5])], [w])
    assert np.isnan(w.numpy()[0])
    assert np.isfinite(w.numpy()[2])


def test_unknown_old_names_say_where_to_look() -> None:
    with pytest.raises(AttributeError, match=r"v1\.Rubbish is not there\. docs/limits\.md tells"):
        _ = tf.compat.v1.Rubbish
