"""`tf.optimizers`: the figures of Keras, and what the methods do."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import gradtape as tf

OPT = tf.optimizers
ALL = ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion"]
# three steps with gradient [0.1, 0.2] from [1, 2], all defaults: Keras 3.15.1 on TensorFlow 2.21
FIGURES = {
    "SGD": (0.997, 1.994), "Adam": (0.997, 1.997), "AdamW": (0.99699, 1.99698), "Adagrad": (0.99913, 1.99857),
    "RMSprop": (0.99262, 1.99262), "Adadelta": (1.0, 2.0), "Adamax": (0.997, 1.997), "Nadam": (0.99745, 1.99745),
    "Ftrl": (0.04567, 0.30826), "Lion": (0.997, 1.997),
}  # fmt: skip
# the defaults that Keras 3.15.1's constructors declare, beside those that all share
DEFAULTS: dict[str, dict[str, Any]] = {
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "Adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "AdamW": {"learning_rate": 0.001, "weight_decay": 0.004, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7,
              "amsgrad": False},
    "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    "Adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    "Adamax": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Nadam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Ftrl": {"learning_rate": 0.001, "learning_rate_power": -0.5, "initial_accumulator_value": 0.1,
             "l1_regularization_strength": 0.0, "l2_regularization_strength": 0.0,
             "l2_shrinkage_regularization_strength": 0.0, "beta": 0.0},
    "Lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
}  # fmt: skip
# and the slots that Keras makes for a variable "w"
SLOTS = {
    "SGD": [], "Adam": ["momentum", "velocity"], "AdamW": ["momentum", "velocity"], "Adagrad": ["accumulator"],
    "RMSprop": ["velocity"], "Adadelta": ["accumulated_grad", "accumulated_delta_var"],
    "Adamax": ["momentum", "norm"], "Nadam": ["momentum", "velocity"], "Ftrl": ["accumulator", "linear"],
    "Lion": ["momentum"],
}  # fmt: skip


@pytest.mark.parametrize("kind", ALL)
def test_three_steps_give_the_figures_of_keras(kind: str) -> None:
    w, optimizer = tf.Variable([1.0, 2.0]), getattr(OPT, kind)()
    for _ in range(3):
        optimizer.apply_gradients(zip([tf.constant([0.1, 0.2])], [w], strict=True))
    np.testing.assert_allclose(w.numpy(), FIGURES[kind], atol=6e-6)
    assert w.dtype == tf.float32
    assert int(optimizer.iterations) == 3
    assert optimizer.iterations.dtype == tf.int64


@pytest.mark.parametrize("kind", ALL)
def test_the_defaults_are_those_of_keras_and_a_config_makes_the_same_optimizer(kind: str) -> None:
    optimizer = getattr(OPT, kind)()
    config = optimizer.get_config()
    shared = dict.fromkeys(["weight_decay", "clipnorm", "clipvalue", "global_clipnorm"])
    for name, value in (shared | DEFAULTS[kind]).items():
        assert config[name] == value, name
    again = getattr(OPT, kind).from_config(config)
    assert again.get_config() == config


@pytest.mark.parametrize("kind", ALL)
def test_the_slots_are_variables_with_names(kind: str) -> None:
    optimizer = getattr(OPT, kind)(name="o")
    v, w = tf.Variable([1.0], name="v"), tf.Variable([[1.0, 2.0]], name="w")
    optimizer.build([v, w])
    found = {x.name: x for x in optimizer.variables}
    for slot in SLOTS[kind]:
        assert found[f"o/v_{slot}:0"].shape == (1,)
        assert found[f"o/w_{slot}:0"].shape == (1, 2)
    rest = ["o/iteration:0", "o/learning_rate:0", "o/momentum_product:0"]
    assert len([n for n in found if n not in rest]) == 2 * len(SLOTS[kind])
    assert not any(x.trainable for x in found.values())


def test_options_make_their_slots() -> None:
    w = tf.Variable([1.0], name="w")
    for optimizer, slots in [
        (OPT.SGD(momentum=0.5), {"momentum"}),
        (OPT.Adam(amsgrad=True), {"momentum", "velocity", "velocity_hat"}),
        (OPT.RMSprop(momentum=0.5, centered=True), {"velocity", "momentum", "average_gradient"}),
        (OPT.SGD(use_ema=True), {"average"}),
    ]:
        optimizer.build([w])
        names = {
            v.name.split("/w_")[-1].rstrip(":0") for v in optimizer.variables if "/w_" in v.name
        }
        assert names == slots


def test_automatic_names_count() -> None:
    first, second = OPT.RMSprop(), OPT.RMSprop()
    assert first.name.startswith("rm_sprop")
    assert second.name != first.name
    assert OPT.Adam(name="mine").name == "mine"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_16_bit_variables_move_as_single_ones_and_keep_their_slots_in_single(
    kind: str, dtype: Any
) -> None:
    half, single = tf.Variable(np.array([1.0, -2.0], dtype)), tf.Variable([1.0, -2.0])
    optimizers = [getattr(OPT, kind)(0.0625), getattr(OPT, kind)(0.0625)]
    for _ in range(3):
        for optimizer, v in zip(optimizers, (half, single), strict=True):
            gradient = tf.constant(np.array([0.5, 1e-4], dtype).astype(v.dtype.as_numpy_dtype))
            optimizer.apply_gradients([(gradient, v)])
        single.assign(half.numpy().astype(np.float32))
    slots = [v for v in optimizers[0].variables if "Variable_" in v.name]
    assert half.dtype.numpy_dtype == dtype
    assert all(v.dtype == tf.float32 for v in slots)
    for a, b in zip(
        slots, [v for v in optimizers[1].variables if "Variable_" in v.name], strict=True
    ):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=5e-3)


@pytest.mark.parametrize("kind", ALL)
def test_a_complex_variable_moves_as_its_real_and_imaginary_part(kind: str) -> None:
    z = tf.Variable(np.array([1 + 2j, -1j]))
    parts = tf.Variable(np.array([[1.0, 2.0], [0.0, -1.0]]))
    whole, split = getattr(OPT, kind)(0.125, clipnorm=1.0), getattr(OPT, kind)(0.125, clipnorm=1.0)
    for step in range(3):
        g = np.array([0.5 - 1j, 2.0 + step * 1j])
        whole.apply_gradients([(tf.constant(g), z)])
        split.apply_gradients([(tf.constant(np.stack([g.real, g.imag], -1)), parts)])
    np.testing.assert_allclose(np.stack([z.numpy().real, z.numpy().imag], -1), parts.numpy())


def test_a_scalar_variable_and_an_empty_one() -> None:
    for kind in ALL:
        scalar, empty = tf.Variable(1.0), tf.Variable(np.zeros((0, 3), np.float32))
        optimizer = getattr(OPT, kind)(0.125)
        optimizer.apply_gradients([(tf.constant(0.5), scalar), (tf.zeros((0, 3)), empty)])
        assert scalar.numpy().shape == ()
        assert float(scalar) < 1.0
        assert empty.shape == (0, 3)


def test_the_gradient_of_a_variable_in_another_float_type_is_converted() -> None:
    w = tf.Variable([1.0])
    OPT.SGD(0.5).apply([tf.constant([1.0], tf.float64)], [w])
    assert w.dtype == tf.float32
    assert w.numpy() == 0.5
    OPT.SGD(0.5).apply([[1.0]], [w])
    assert w.numpy() == 0.0


def test_one_optimizer_serves_several_calls_and_subsets() -> None:
    v, w = tf.Variable([1.0]), tf.Variable([1.0])
    optimizer = OPT.SGD(0.5)
    optimizer.build([v, w])
    optimizer.apply([tf.constant([1.0])], [w])
    assert (v.numpy(), w.numpy()) == (1.0, 0.5)
    optimizer.apply([tf.constant([1.0]), tf.constant([1.0])])
    assert (v.numpy(), w.numpy()) == (0.5, 0.0)


def test_a_constraint_is_applied_after_the_step() -> None:
    w = tf.Variable([0.5, 2.0], constraint=lambda x: tf.maximum(x, 0.0))
    OPT.SGD(1.0).apply([tf.constant([1.0, 1.0])], [w])
    np.testing.assert_array_equal(w.numpy(), [0.0, 1.0])


def test_some_variables_do_not_decay() -> None:
    variables = [tf.Variable([1.0], name=n) for n in ("kernel", "bias", "other")]
    optimizer = OPT.AdamW(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[variables[2]], var_names=["bias"])
    optimizer.apply([tf.constant([0.0])] * 3, variables)
    assert [float(v.numpy()[0]) for v in variables] == [0.75, 1.0, 1.0]
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_the_learning_rate_can_be_set_scheduled_computed_and_shared() -> None:
    w = tf.Variable(0.0, dtype="float64")
    one = tf.constant(1.0, tf.float64)

    def moved(optimizer: Any) -> float:
        before = float(w)
        optimizer.apply_gradients([(one, w)])
        return before - float(w)

    optimizer = OPT.SGD(0.5)
    assert moved(optimizer) == 0.5
    optimizer.learning_rate = 0.25
    assert moved(optimizer) == 0.25
    optimizer.learning_rate.assign(0.125)
    assert moved(optimizer) == 0.125
    assert float(optimizer.learning_rate) == 0.125

    schedule = OPT.schedules.ExponentialDecay(0.5, 1, 0.5)
    optimizer = OPT.SGD(schedule)
    assert [moved(optimizer) for _ in range(3)] == [0.5, 0.25, 0.125]
    assert float(optimizer.learning_rate) == 0.0625
    optimizer.learning_rate = lambda: 0.75
    assert moved(optimizer) == 0.75

    exact = tf.Variable(0.1, dtype=tf.float64)
    optimizer = OPT.SGD(exact)
    w.assign(0.0)
    moved(optimizer)
    assert float(w) == -0.1
    assert optimizer.learning_rate is exact
    assert all(v is not exact for v in optimizer.variables)


def test_a_number_that_gives_way_to_a_schedule_leaves_the_variables() -> None:
    optimizer = OPT.SGD(0.5)
    count = len(optimizer.variables)
    optimizer.learning_rate = OPT.schedules.CosineDecay(0.5, 10)
    assert len(optimizer.variables) == count - 1


def test_minimize_takes_a_function_or_a_tensor_with_its_tape() -> None:
    x, y = tf.Variable(2.0), tf.Variable(1.0)
    optimizer = OPT.SGD(0.25)
    assert int(optimizer.minimize(lambda: x * x + y, [x, y])) == 1
    assert (float(x), float(y)) == (1.0, 0.75)
    with tf.GradientTape() as tape:
        loss = x * x
    OPT.SGD(0.25).minimize(loss, lambda: [x], tape=tape)
    assert float(x) == 0.5
    OPT.SGD(0.25).minimize(lambda: x * x, x, tape=tf.GradientTape())
    assert float(x) == 0.25
    with pytest.raises(ValueError, match="`tape` is required when a `Tensor` loss is passed"):
        optimizer.minimize(loss, [x])


def test_a_schedule_survives_a_config() -> None:
    optimizer = OPT.Adam(OPT.schedules.CosineDecay(0.5, 10, warmup_target=1.0, warmup_steps=5))
    again = OPT.Adam.from_config(optimizer.get_config())
    assert again.learning_rate == optimizer.learning_rate
    assert again.get_config() == optimizer.get_config()


def test_an_optimizer_says_what_it_is() -> None:
    optimizer = OPT.Adam(0.001, clipnorm=1.0)
    optimizer.apply([tf.constant(1.0)], [tf.Variable(1.0)])
    text = "<Adam(learning_rate=0.001, clipnorm=1.0, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False)"
    assert repr(optimizer) == f"{text} after 1 steps>"
    assert "CosineDecay(" in repr(OPT.SGD(OPT.schedules.CosineDecay(0.5, 10)))


def test_an_optimizer_of_ones_own_gets_tensors() -> None:
    class Signs(OPT.Optimizer):
        def __init__(self, learning_rate: Any = 0.5, **common: Any) -> None:
            super().__init__(learning_rate, **common)

        def build(self, var_list: Any) -> None:
            if not self.built:
                super().build(var_list)
                self.seen = [self.add_variable_from_reference(v, "seen", "ones") for v in var_list]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.seen[0].assign_add(gradient)
            variable.assign_sub(learning_rate * tf.sign(gradient))

    w, optimizer = tf.Variable([1.0, 2.0], name="w"), Signs(clipvalue=2.0, weight_decay=1.0)
    optimizer.apply_gradients([(tf.constant([3.0, -1.0]), w)])
    np.testing.assert_array_equal(w.numpy(), [0.0, 1.5])
    np.testing.assert_array_equal(optimizer.seen[0].numpy(), [3.0, 0.0])
    assert any(v is optimizer.seen[0] for v in optimizer.variables)

    class Nothing(OPT.Optimizer):
        pass

    with pytest.raises(NotImplementedError, match="must override `update_step"):
        Nothing(0.5).apply([tf.constant([1.0, 1.0])], [w])


def test_an_optimizer_built_on_another_may_call_its_step() -> None:
    class Doubled(OPT.Adam):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(gradient, variable, 2 * learning_rate)

    v, w = tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])
    one, other = Doubled(0.25), OPT.Adam(0.5)
    for gradient in ([1.0, -3.0], [0.5, 2.0]):
        one.apply([gradient], [v])
        other.apply([gradient], [w])
    np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-6)


def test_meta_learning_by_hand_is_differentiable_and_an_applied_step_is_not() -> None:
    # w2 = w - lr * g with g = d(w^2)/dw = 2 w: loss = w2^2, d/dw = 2 w2 (1 - 2 lr), d/dlr = -4 w w2
    w, rate = tf.Variable(1.0), tf.Variable(0.1)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = w * w
        w2 = w - rate * inner.gradient(loss, w)
        after = w2 * w2
    got = outer.gradient(after, [w, rate])
    np.testing.assert_allclose(
        [float(g) for g in got], [1.28, -3.2], rtol=1e-6
    )  # TensorFlow 2.21 as well

    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = w * w
        OPT.SGD(rate).apply_gradients([(inner.gradient(loss, w), w)])
        after = w * w
    by_rate = outer.gradient(after, rate)
    assert by_rate is None
