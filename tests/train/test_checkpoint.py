"""Checkpoints save every kind of object under readable names, and restore all or nothing."""

from __future__ import annotations

import collections
import logging
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import gradtape as tf


class Dense(tf.Module):
    def __init__(self, inputs: int, outputs: int, seed: int = 0) -> None:
        super().__init__()
        draw = np.random.default_rng(seed)
        self.kernel = tf.Variable(draw.standard_normal((inputs, outputs)).astype(np.float32))
        self.bias = tf.Variable(tf.zeros([outputs]))

    def __call__(self, x: Any) -> Any:
        return x @ self.kernel + self.bias


class Net(tf.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.layers = [Dense(3, 4, seed), Dense(4, 1, seed + 1)]
        self.scales = {"in": tf.Variable(1.0), 2: tf.Variable(2.0)}
        self.count, self.title = 3, "net"

    def __call__(self, x: Any) -> Any:
        return self.layers[1](tf.tanh(self.layers[0](x * self.scales["in"])))


def names(path: str) -> list[str]:
    return [name for name, _ in tf.train.list_variables(path)]


def train(net: Any, optimizer: Any, steps: int) -> list[float]:
    x = tf.constant(np.linspace(-1, 1, 15).reshape(5, 3).astype(np.float32))
    losses = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(net(x) ** 2)
        variables = [v for layer in net.layers for v in layer.trainable_variables]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        losses.append(float(loss))
    return losses


def test_names_are_paths(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(model=Net(), step=tf.Variable(0)).save(tmp_path / "ckpt")
    assert names(path) == [
        "model/layers/0/bias", "model/layers/0/kernel", "model/layers/1/bias",
        "model/layers/1/kernel", "model/scales/2", "model/scales/in", "save_counter", "step",
    ]  # fmt: skip


OPTIMIZERS = {
    "SGD": lambda: tf.optimizers.SGD(0.1),
    "momentum": lambda: tf.optimizers.SGD(0.1, momentum=0.9),
    "Adam": lambda: tf.optimizers.Adam(0.05),
    "AdamW": lambda: tf.optimizers.AdamW(0.05),
    "Adamax": lambda: tf.optimizers.Adamax(0.05),
    "Nadam": lambda: tf.optimizers.Nadam(0.05),
    "RMSprop": lambda: tf.optimizers.RMSprop(0.05, centered=True, momentum=0.5),
    "Adagrad": lambda: tf.optimizers.Adagrad(0.05),
    "Adadelta": lambda: tf.optimizers.Adadelta(1.0),
    "Ftrl": lambda: tf.optimizers.Ftrl(0.05),
    "ema": lambda: tf.optimizers.Adam(0.05, use_ema=True, ema_overwrite_frequency=3),
    "schedule": lambda: tf.optimizers.Adam(tf.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)),
    "variable": lambda: tf.optimizers.Adam(tf.Variable(0.05)),
    "v1 Adam": lambda: tf.compat.v1.train.AdamOptimizer(0.05),
    "v1 Momentum": lambda: tf.compat.v1.train.MomentumOptimizer(0.05, 0.9),
}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_training_goes_on_as_if_it_had_not_been_interrupted(name: str, tmp_path: Path) -> None:
    net, optimizer = Net(), OPTIMIZERS[name]()
    train(net, optimizer, 3)
    path = tf.train.Checkpoint(net=net, optimizer=optimizer).save(tmp_path / "ckpt")
    wanted = train(net, optimizer, 4)
    again, other = Net(seed=7), OPTIMIZERS[name]()
    status = tf.train.Checkpoint(net=again, optimizer=other).restore(path)
    assert train(again, other, 4) == wanted
    status.assert_consumed()


def test_slots_follow_their_variables_and_not_their_order(tmp_path: Path) -> None:
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
    optimizer = tf.optimizers.SGD(0.5, momentum=0.9)
    optimizer.apply_gradients([(tf.constant([1.0, 1.0]), a), (tf.constant([10.0, 10.0]), b)])
    path = tf.train.Checkpoint(a=a, b=b, optimizer=optimizer).write(tmp_path / "x")
    assert "optimizer/slots/a/momentum" in names(path)
    other, c, d = tf.optimizers.SGD(0.5, momentum=0.9), tf.Variable([0.0, 0]), tf.Variable([0.0, 0])
    other.build([d, c])
    tf.train.Checkpoint(a=c, b=d, optimizer=other).read(path).assert_consumed()
    np.testing.assert_array_equal(other._slots[0].momentum, [-5.0, -5.0])
    np.testing.assert_array_equal(other._slots[1].momentum, [-0.5, -0.5])


def test_slots_of_variables_that_are_not_saved_go_by_number(tmp_path: Path) -> None:
    v, optimizer = tf.Variable(1.0), tf.optimizers.SGD(0.5, momentum=0.9)
    optimizer.apply_gradients([(tf.constant(2.0), v)])
    path = tf.train.Checkpoint(o=optimizer).write(tmp_path / "x")
    assert names(path) == ["o/iterations", "o/learning_rate", "o/slots/#0/momentum"]
    other, w = tf.optimizers.SGD(0.1, momentum=0.9), tf.Variable(5.0)
    status = tf.train.Checkpoint(o=other, w=w).read(path)
    other.build([w])
    assert float(other._slots[0].momentum) == -1.0
    with pytest.raises(AssertionError, match="'w "):
        status.assert_consumed()


def test_variables_of_a_users_optimizer_are_saved(tmp_path: Path) -> None:
    class Own(tf.optimizers.Optimizer):
        def build(self, var_list: Any) -> None:
            super().build(var_list)
            self.heat = self.add_variable((2,), name="heat")
            self._more = [self.add_variable((), "ones", name="more")]

    made = Own(0.1)
    made.build([tf.Variable(1.0)])
    made.add_variable((), 7.0, name="loose")
    path = tf.train.Checkpoint(o=made).write(tmp_path / "x")
    assert names(path) == [
        "o/_more/0",
        "o/heat",
        "o/iterations",
        "o/learning_rate",
        "o/variables/4",
    ]
    assert tf.train.load_variable(path, "o/variables/4") == 7.0


def test_lists_tuples_dicts_generators_and_checkpoints_nest(tmp_path: Path) -> None:
    Pair = collections.namedtuple("Pair", "left right")

    def held(value: float) -> dict[str, Any]:
        v = [tf.Variable(value + i) for i in range(5)]
        inner = tf.train.Checkpoint(v=v[0])
        pair = Pair(left=v[1], right=(v[2], [v[3]]))
        generator = tf.random.Generator.from_seed(int(value))
        return {"inner": inner, "pair": pair, "d": {"a": {"b": v[4]}, "n": 3}, "g": generator}

    first, second = held(1.0), held(50.0)
    path = tf.train.Checkpoint(**first).write(tmp_path / "x")
    assert names(path) == [
        "d/a/b",
        "g/state",
        "inner/v",
        "pair/left",
        "pair/right/0",
        "pair/right/1/0",
    ]
    tf.train.Checkpoint(**second).read(path).assert_consumed()
    assert float(second["pair"].right[1][0]) == 4.0
    np.testing.assert_array_equal(first["g"].normal([3]), second["g"].normal([3]))


KINDS = ["float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int8", "int16",
         "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_dtype_comes_back_bit_for_bit(kind: str, tmp_path: Path) -> None:
    dtype = np.dtype(getattr(ml_dtypes, kind, kind))
    array = np.random.default_rng(3).integers(0, 2 if kind == "bool" else 100, (3, 5)).astype(dtype)
    held = [tf.Variable(array), tf.Variable(array[0, 0]), tf.Variable(array[:0])]
    path = tf.train.Checkpoint(held=held).write(tmp_path / "x")
    again = [tf.Variable(np.zeros_like(v.numpy())) for v in held]
    tf.train.Checkpoint(held=again).read(path).assert_consumed()
    for have, want in zip(again, (array, array[0, 0], array[:0])):
        assert have.dtype == kind
        assert have.numpy().tobytes() == want.tobytes()
        assert have.shape == want.shape


def test_shared_objects_are_stored_once_and_found_by_every_path(tmp_path: Path) -> None:
    def program(value: float, both: bool = True) -> Any:
        encoder, decoder = tf.Module(), tf.Module()
        encoder.table = decoder.table = tf.Module()
        encoder.table.weights = tf.Variable([value, value])
        return {"a": encoder, "b": decoder} if both else {"b": decoder}

    path = tf.train.Checkpoint(**program(3.0)).write(tmp_path / "x")
    assert names(path) == ["a/table/weights"]
    for both in (True, False):
        again = program(0.0, both)
        tf.train.Checkpoint(**again).read(path).assert_consumed()
        np.testing.assert_array_equal(again["b"].table.weights, [3.0, 3.0])


def test_what_was_shared_may_be_two_things_later(tmp_path: Path) -> None:
    v = tf.Variable(3.0)
    path = tf.train.Checkpoint(a=v, b=v).write(tmp_path / "x")
    a, b = tf.Variable(0.0), tf.Variable(0.0)
    tf.train.Checkpoint(a=a, b=b).read(path).assert_consumed()
    assert (float(a), float(b)) == (3.0, 3.0)


def test_circles_are_walked_once(tmp_path: Path) -> None:
    def program(value: float) -> Any:
        parent = tf.Module()
        parent.child = tf.Module()
        parent.child.parent, parent.v, parent.all = parent, tf.Variable(value), []
        parent.all += [parent.all, parent.child]
        return parent

    path = tf.train.Checkpoint(program(4.0)).write(tmp_path / "x")
    assert names(path) == ["v"]
    child = program(0.0).child
    tf.train.Checkpoint(child=child).read(path).assert_consumed()
    assert float(child.parent.v) == 4.0


def test_a_root_and_keywords(tmp_path: Path) -> None:
    net, step = Net(), tf.Variable(5)
    checkpoint = tf.train.Checkpoint(net, step=step)
    assert checkpoint.root is net
    path = checkpoint.save(tmp_path / "ckpt")
    assert {"layers/0/kernel", "step", "save_counter"} <= set(names(path))
    again = Net(seed=5)
    tf.train.Checkpoint(weakref.ref(again), step=tf.Variable(0)).restore(path).assert_consumed()
    np.testing.assert_array_equal(again.layers[0].kernel, net.layers[0].kernel)
    with pytest.raises(ValueError, match="keyword argument layers if root.layers already"):
        tf.train.Checkpoint(net, layers=step)
    assert names(tf.train.Checkpoint(step).write(tmp_path / "v")) == ["root"]
    assert names(tf.train.Checkpoint([step, {"a": net.scales}]).write(tmp_path / "l")) == [
        "0", "1/a/2", "1/a/in",
    ]  # fmt: skip


@pytest.mark.parametrize("thing", [3, 2.5, "text", np.zeros(3), tf.zeros([2]), object(), print])
def test_what_cannot_be_saved_is_refused(thing: Any) -> None:
    for given in ({"root": thing}, {"thing": thing}):
        with pytest.raises(ValueError, match="was expecting .* trackable object"):
            tf.train.Checkpoint(**given)


def test_names_that_mean_something_are_refused() -> None:
    for name in ("save", "save_counter", "write"):
        with pytest.raises(ValueError, match="meaning of its own"):
            tf.train.Checkpoint(**{name: tf.Variable(1.0)})
    for keys in ((1, "1"), (1.5,), ((0, 1),)):
        for value in (tf.Variable(1.0), [{"deep": (tf.Module(),)}]):
            with pytest.raises(ValueError, match="the keys of a dict"):
                tf.train.Checkpoint(d=dict.fromkeys(keys, value)).write("never")


def test_dicts_and_lists_without_anything_to_save_are_passed_over(tmp_path: Path) -> None:
    module = tf.Module()
    module.table, module.v = {(0, 1): [3, {"a": 4}], 1.5: "text"}, tf.Variable(1.0)
    module.numbers = list(range(1000))
    assert names(tf.train.Checkpoint(module).write(tmp_path / "x")) == ["v"]


def test_strange_names_are_kept_apart_and_no_path_is_made_of_them(tmp_path: Path) -> None:
    odd = [
        "a/b",
        "..",
        ".",
        "",
        "%",
        "a%2Fb",
        "\x00",
        "\ud800",
        "ü",
        "__metadata__",
        "/etc/x",
        "\\",
        '"',
        "\n",
    ]
    held = {name: tf.Variable(float(i)) for i, name in enumerate(odd)}
    (tmp_path / "in").mkdir()
    path = tf.train.Checkpoint(held).write(tmp_path / "in" / "x")
    again = {name: tf.Variable(-1.0) for name in odd}
    tf.train.Checkpoint(again).read(path).assert_consumed()
    assert [float(again[name]) for name in odd] == list(range(len(odd)))
    assert os.listdir(tmp_path) == ["in"]
    assert os.listdir(tmp_path / "in") == ["x.safetensors"]


# state of other objects


class Stream:
    """Stands for what reads data."""

    def __init__(self) -> None:
        self.state: Any = None

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


def test_objects_that_tell_their_state(tmp_path: Path) -> None:
    stream, again = Stream(), Stream()
    stream.state = {
        "position": 3, "shuffle": [1, 2.5, None, True, "text"], 4: (1, {"deep": np.arange(6).reshape(2, 3)}),
        "bytes": b"\x00\xff", "tensor": tf.constant([1.0, 2.0]), "empty": {}, "nan": float("inf"),
    }  # fmt: skip
    path = tf.train.Checkpoint(data=stream, v=tf.Variable(1.0)).write(tmp_path / "x")
    tf.train.Checkpoint(data=again, v=tf.Variable(0.0)).read(path).assert_consumed()
    np.testing.assert_array_equal(again.state[4][1].pop("deep"), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(again.state.pop("tensor"), [1.0, 2.0])
    del stream.state["tensor"], stream.state[4][1]["deep"]
    assert again.state == stream.state
    assert isinstance(again.state[4], tuple)
    stream.state = {"bad": object()}
    with pytest.raises(tf.errors.InvalidArgumentError, match="the state of a Stream holds"):
        tf.train.Checkpoint(data=stream).write(tmp_path / "y")
    with pytest.raises(tf.errors.InvalidArgumentError, match="not the state of a Stream"):
        tf.train.Checkpoint(v=Stream()).read(path)


def test_states_may_be_told_under_hidden_names(tmp_path: Path) -> None:
    class Hidden:
        at = 0

        def _checkpoint_state(self) -> Any:
            return {"at": self.at}

        def _restore_checkpoint_state(self, state: Any) -> None:
            self.at = state["at"]

    one, two = Hidden(), Hidden()
    one.at = 9
    path = tf.train.Checkpoint(h=one).write(tmp_path / "x")
    tf.train.Checkpoint(h=two).read(path).assert_consumed()
    assert two.at == 9


# what does not fit


def test_other_shapes_and_dtypes_are_named_and_nothing_is_restored(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(a=tf.Variable(1.0), b=tf.Variable([1.0, 2.0])).write(tmp_path / "x")
    a = tf.Variable(7.0)
    for b, kind in ((tf.Variable([0.0, 0, 0], name="mine"), "float32"), (tf.Variable([0, 0], name="mine"), "int32")):  # fmt: skip
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            tf.train.Checkpoint(a=a, b=b).read(path)
        assert isinstance(error.value, ValueError)
        for part in ("'b'", "float32[2]", "'mine:0'", f"{kind}[{len(b)}]", path):
            assert part in str(error.value)
        assert float(a) == 7.0


def test_a_variable_of_unknown_size_takes_what_fits(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(v=tf.Variable([[1.0, 2.0]])).write(tmp_path / "x")
    v = tf.Variable(tf.zeros([3, 2]), shape=[None, 2])
    tf.train.Checkpoint(v=v).read(path).assert_consumed()
    np.testing.assert_array_equal(v, [[1.0, 2.0]])


def test_a_restoration_is_no_part_of_a_derivative(tmp_path: Path) -> None:
    v = tf.Variable(3.0)
    checkpoint = tf.train.Checkpoint(v=v)
    path = checkpoint.write(tmp_path / "x")
    v.assign(5.0)
    with tf.GradientTape() as tape:
        y = v * v
        checkpoint.read(path)
        z = v * v
    assert float(y) == 25.0
    assert float(z) == 9.0
    assert float(tape.gradient(z, v)) == 6.0


def test_the_asserts_name_what_is_missing(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(a=tf.Variable(1.0), b=tf.Variable(2.0)).write(tmp_path / "x")
    a = tf.Variable(0.0)
    status = tf.train.Checkpoint(a=a).read(path)
    assert float(a) == 1.0
    assert status.assert_existing_objects_matched().assert_nontrivial_match() is status
    with pytest.raises(AssertionError, match="1 values .* have no object in the program: 'b'"):
        status.assert_consumed()
    status.expect_partial()
    status = tf.train.Checkpoint(a=a, c=tf.Variable(9.0)).read(path).expect_partial()
    with pytest.raises(AssertionError, match="Found 1 Python objects .* likely due.*'c "):
        status.assert_existing_objects_matched()
    status = tf.train.Checkpoint(c=tf.Variable(9.0)).read(path).expect_partial()
    with pytest.raises(AssertionError, match="Nothing except the root object matched"):
        status.assert_nontrivial_match()


def test_save_counter_belongs_to_save_and_restore(tmp_path: Path) -> None:
    v = tf.Variable(1.0)
    checkpoint = tf.train.Checkpoint(v=v)
    written = checkpoint.write(tmp_path / "w")
    assert names(written) == ["v"]
    saved = [checkpoint.save(tmp_path / "ckpt") for _ in range(3)]
    assert [os.path.basename(p) for p in saved] == ["ckpt-1", "ckpt-2", "ckpt-3"]
    again = tf.train.Checkpoint(v=v)
    again.restore(saved[1]).assert_consumed()
    assert int(again.save_counter) == 2
    assert os.path.basename(again.save(tmp_path / "other")) == "other-3"
    with pytest.raises(AssertionError, match="save_counter"):
        tf.train.Checkpoint(v=v).restore(written).assert_consumed()
    with pytest.raises(AssertionError, match="save_counter"):
        tf.train.Checkpoint(v=v).read(saved[0]).expect_partial().assert_consumed()
    tf.train.Checkpoint(v=v).read(written).assert_consumed()


def test_no_path_restores_nothing() -> None:
    status = tf.train.Checkpoint(v=tf.Variable(1.0)).restore(None)
    assert status.expect_partial() is status
    status.initialize_or_restore()
    for method in ("assert_consumed", "assert_existing_objects_matched", "assert_nontrivial_match"):
        with pytest.raises(AssertionError, match="No checkpoint specified"):
            getattr(status, method)()


def test_paths_with_and_without_the_suffix(tmp_path: Path) -> None:
    v = tf.Variable(2.0)
    checkpoint = tf.train.Checkpoint(v=v)
    assert checkpoint.write(str(tmp_path / "x.safetensors")) == str(tmp_path / "x.safetensors")
    assert checkpoint.write(str(tmp_path / "deep" / "er" / "y")) == str(tmp_path / "deep/er/y")
    assert checkpoint.save(tmp_path / "z.safetensors") == str(tmp_path / "z-1")
    for path in ("x", "x.safetensors", "deep/er/y", "z-1", "z-1.safetensors"):
        assert tf.train.load_variable(tmp_path / path, "v") == 2.0
        checkpoint.read(tmp_path / path).expect_partial()
    for bad in (3, None, ["x"]):
        with pytest.raises(TypeError, match=r"gradtape\.train\.Checkpoint\.write: file_prefix"):
            checkpoint.write(bad)
    with pytest.raises(tf.errors.InvalidArgumentError, match="names a directory"):
        checkpoint.write(str(tmp_path) + "/")


def test_a_file_that_cannot_be_written_leaves_everything_as_it_was(tmp_path: Path) -> None:
    v = tf.Variable(2.0)
    checkpoint = tf.train.Checkpoint(v=v)
    checkpoint.save(tmp_path / "ckpt")
    (tmp_path / "ckpt-2.safetensors").mkdir()
    with pytest.raises(IsADirectoryError):
        checkpoint.save(tmp_path / "ckpt")
    assert int(checkpoint.save_counter) == 1
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "ckpt-1")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        checkpoint.write(tmp_path / "file" / "x")


def test_a_full_disk_raises_and_leaves_the_old_file(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
import gradtape as tf
v = tf.Variable(tf.ones([1000]))
checkpoint = tf.train.Checkpoint(v=v)
checkpoint.save(sys.argv[1] + "/ckpt")
v.assign(tf.zeros([1000]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    checkpoint.save(sys.argv[1] + "/ckpt")
except OSError as error:
    print(int(checkpoint.save_counter), "ckpt-2" in str(error))
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "1 True\n"
    assert sorted(os.listdir(tmp_path)) == ["checkpoint.json", "ckpt-1.safetensors"]
    assert tf.train.load_variable(tmp_path, "v").tolist() == [1.0] * 1000


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(v=tf.Variable(1.0))
    with pytest.raises(tf.errors.NotFoundError, match=r"missing the checkpoint suffix \(e.g. the"):
        checkpoint.restore(tmp_path / "nothing")
    (tmp_path / "tf-1.index").write_bytes(bytes(40) + bytes.fromhex("57fb808b247547db"))
    (tmp_path / "tf-1.data-00000-of-00001").write_bytes(bytes(40))
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "w.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "m.keras").write_bytes(b"PK\x03\x04....")
    (tmp_path / "p.safetensors").write_bytes(b"\x80\x04....")
    (tmp_path / "t.safetensors").write_bytes(bytes(40) + bytes.fromhex("57fb808b247547db"))
    words = {
        "tf-1": "checkpoint of TensorFlow.*load_checkpoint", "tf-1.index": "checkpoint of TensorFlow",
        "tf-1.data-00000-of-00001": "checkpoint of TensorFlow", "saved": "SavedModel",
        "w.h5": "HDF5.*load_weights", "m.keras": "zip file.*load_model", "p": "pickle",
        "t": "checkpoint of TensorFlow", "": "latest_checkpoint",
    }  # fmt: skip
    for name, text in words.items():
        with pytest.raises(tf.errors.UnimplementedError, match=text):
            checkpoint.restore(tmp_path / name)
    (tmp_path / "junk.safetensors").write_bytes(b"junk" * 100)
    with pytest.raises(tf.errors.DataLossError, match=r"junk\.safetensors"):
        checkpoint.restore(tmp_path / "junk")


def test_checkpoints_do_not_go_into_functions_and_graphs(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(v=tf.Variable(1.0))

    @tf.function
    def recorded(method: str) -> None:
        getattr(checkpoint, method)(str(tmp_path / "x"))

    for method in ("save", "write", "read", "restore"):
        with pytest.raises(NotImplementedError, match="between the steps"):
            recorded(method)


def test_values_of_a_compiled_program_are_saved(tmp_path: Path) -> None:
    v = tf.Variable(np.ones(1000, np.float32))

    @tf.function(jit_compile=True)
    def double() -> None:
        v.assign(v * 2.0)

    double()
    double()
    checkpoint = tf.train.Checkpoint(v=v)
    path = checkpoint.write(tmp_path / "x")
    double()
    checkpoint.read(path).assert_consumed()
    double()
    assert set(v.numpy().tolist()) == {8.0}


def test_reading_single_arrays(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(z=tf.Variable(1 + 2j), w=tf.Variable([[1, 2]]))
    path = checkpoint.save(tmp_path / "ckpt")
    reader = tf.train.load_checkpoint(path)
    assert reader.get_variable_to_shape_map() == {"z": [], "w": [1, 2], "save_counter": []}
    assert reader.get_variable_to_dtype_map()["z"] == tf.complex128
    assert reader.has_tensor("w")
    assert not reader.has_tensor("w/x")
    assert reader.get_tensor("w/.ATTRIBUTES/VARIABLE_VALUE").tolist() == [[1, 2]]
    assert tf.train.load_variable(tmp_path, "z") == 1 + 2j
    with pytest.raises(
        tf.errors.NotFoundError, match="no 'q' in .*It holds: 'save_counter', 'w', 'z'"
    ):
        tf.train.load_variable(path, "q")
    with pytest.raises(TypeError, match="name must be a string"):
        tf.train.load_variable(path, 3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="Couldn't find 'checkpoint' file or checkpoints"):
        tf.train.load_checkpoint(tmp_path / "empty")


def test_a_name_that_tensorflow_has_and_we_do_not_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match="CheckpointManager, latest_checkpoint"):
        tf.train.Coordinator  # noqa: B018


def test_values_that_were_never_wanted_are_told_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tf.train.Checkpoint(a=tf.Variable(1.0), b=tf.Variable(1.0)).write(tmp_path / "x")
    with caplog.at_level(logging.WARNING, "gradtape"):
        tf.train.Checkpoint(a=tf.Variable(0.0)).read(path).expect_partial()
        tf.train.Checkpoint(a=tf.Variable(0.0), b=tf.Variable(0.0)).read(path)
        assert caplog.text == ""
        tf.train.Checkpoint(a=tf.Variable(0.0)).read(path)
        tf.Variable(1.0)
    assert "1 of 2 values" in caplog.text
    assert "'b'" in caplog.text
    program = (
        f"import gradtape as tf; v = tf.Variable(0.0); tf.train.Checkpoint(a=v).read({path!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "1 of 2 values" in done.stderr
