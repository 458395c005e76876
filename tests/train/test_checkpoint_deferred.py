"""Values wait for variables that are made after the restoration, and are there before anybody reads them."""

from __future__ import annotations

import gc
import pickle
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.state import newborn
from gradtape.train import checkpoint_waiting


@pytest.fixture(autouse=True)
def _nothing_waits() -> Any:
    """Each test begins and ends with an empty queue."""
    gc.collect()
    checkpoint_waiting._queue.clear()
    checkpoint_waiting.tidy()
    yield
    gc.collect()
    checkpoint_waiting._queue.clear()
    checkpoint_waiting.tidy()


class Lazy(tf.Module):
    """A layer that makes its variables in its first call."""

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.size = size
        self.w: Any = None

    def __call__(self, x: Any) -> Any:
        if self.w is None:
            self.w = tf.Variable(tf.ones([self.size, self.size]), name="w")
            self.b = tf.Variable(tf.zeros([self.size]), name="b")
        return x @ self.w + self.b


def saved(tmp_path: Path) -> tuple[str, np.ndarray]:
    layer = Lazy()
    layer(tf.ones([1, 2]))
    layer.w.assign([[1.0, 2.0], [3.0, 4.0]])
    layer.b.assign([5.0, 6.0])
    path = tf.train.Checkpoint(layer=layer).save(tmp_path / "ckpt")
    return path, layer(tf.ones([1, 2])).numpy()


def test_the_first_call_has_the_restored_values(tmp_path: Path) -> None:
    path, wanted = saved(tmp_path)
    layer = Lazy()
    status = tf.train.Checkpoint(layer=layer).restore(path)
    status.assert_existing_objects_matched().assert_nontrivial_match()
    with pytest.raises(AssertionError, match="'layer/b', 'layer/w'"):
        status.assert_consumed()
    np.testing.assert_array_equal(layer(tf.ones([1, 2])), wanted)
    status.assert_consumed()
    assert type(layer.w) is tf.Variable
    assert checkpoint_waiting.waiting() == []
    assert newborn == []


def test_also_in_a_recorded_function(tmp_path: Path) -> None:
    path, wanted = saved(tmp_path)
    for compiled in (False, True):
        layer = Lazy()
        status = tf.train.Checkpoint(layer=layer).restore(path)
        call = tf.function(lambda x, layer=layer: layer(x), jit_compile=compiled)
        np.testing.assert_array_equal(call(tf.ones([1, 2])), wanted)
        status.assert_consumed()


def test_also_under_a_tape(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    layer = Lazy()
    tf.train.Checkpoint(layer=layer).restore(path)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(layer(tf.ones([1, 2])) ** 2)
    np.testing.assert_array_equal(tape.gradient(y, layer.b), [2 * 9.0, 2 * 12.0])


def test_the_checkpoint_may_be_dropped_before(tmp_path: Path) -> None:
    path, wanted = saved(tmp_path)
    for wrap in (lambda x: {"layer": x}, lambda x: {"root": {"layer": x}}):
        layer = Lazy()
        tf.train.Checkpoint(**wrap(layer)).restore(path).expect_partial()
        gc.collect()
        np.testing.assert_array_equal(layer(tf.ones([1, 2])), wanted)


def test_values_wait_no_longer_than_the_objects_live(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    layer = Lazy()
    tf.train.Checkpoint(layer=layer, more=[layer]).restore(path).expect_partial()
    assert len(checkpoint_waiting.waiting()) == 1
    reference = weakref.ref(layer)
    del layer
    gc.collect()
    assert reference() is None
    assert checkpoint_waiting.waiting() == []


def test_the_guide_of_tensorflow(tmp_path: Path) -> None:
    """The cells on delayed restorations, and on lists and dicts, of the guide to checkpoints."""
    layer = tf.train.Checkpoint(
        kernel=tf.Variable([[1.0, 2, 3, 4, 5]]), bias=tf.Variable([9.0] * 5)
    )
    path = tf.train.Checkpoint(net=tf.train.Checkpoint(l1=layer)).save(tmp_path / "ckpt")
    to_restore = tf.Variable(tf.zeros([5]))
    fake_layer = tf.train.Checkpoint(bias=to_restore)
    new_root = tf.train.Checkpoint(net=tf.train.Checkpoint(l1=fake_layer))
    status = new_root.restore(path)
    assert to_restore.numpy().tolist() == [9.0] * 5
    delayed = tf.Variable(tf.zeros([1, 5]))
    assert delayed.numpy().tolist() == [[0.0] * 5]
    fake_layer.kernel = delayed
    assert delayed.numpy().tolist() == [[1, 2, 3, 4, 5]]
    status.assert_consumed()

    save = tf.train.Checkpoint()
    save.listed = [tf.Variable(1.0)]
    save.listed.append(tf.Variable(2.0))
    save.mapped = {"one": save.listed[0]}
    save.mapped["two"] = save.listed[1]
    path = save.save(tmp_path / "list")
    restore = tf.train.Checkpoint()
    v2 = tf.Variable(0.0)
    restore.mapped = {"two": v2}
    restore.restore(path)
    assert v2.numpy() == 2.0
    restore.listed = []
    v1 = tf.Variable(0.0)
    restore.listed.append(v1)
    assert v1.numpy() == 1.0


def test_a_variable_that_existed_gets_its_value_when_a_checkpoint_is_asked(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(m=tf.train.Checkpoint(v=tf.Variable(3.0))).write(tmp_path / "x")
    v, module = tf.Variable(0.0), tf.Module()
    checkpoint = tf.train.Checkpoint(m=module)
    status = checkpoint.read(path)
    module.v = v
    status.assert_consumed()
    assert float(v) == 3.0


def test_a_checkpoint_that_saves_asks_first(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(m=tf.train.Checkpoint(v=tf.Variable(3.0))).write(tmp_path / "x")
    v, module = tf.Variable(0.0), tf.Module()
    checkpoint = tf.train.Checkpoint(m=module)
    checkpoint.read(path)
    module.v = v
    assert tf.train.load_variable(checkpoint.write(tmp_path / "y"), "m/v") == 3.0


def test_assigning_after_the_attachment_wins_and_before_it_loses(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(v=tf.Variable(3.0), w=tf.Variable(4.0)).write(tmp_path / "x")
    module = tf.Module()
    tf.train.Checkpoint(module).read(path)
    module.v = tf.Variable(0.0)
    module.v.assign(8.0)
    w = tf.Variable(0.0)
    w.assign(9.0)
    module.w = w
    assert (float(module.v), float(module.w)) == (8.0, 4.0)
    module.w.assign_add(1.0)
    assert float(module.w) == 5.0


def test_slots_that_wait_take_part_in_the_first_step(tmp_path: Path) -> None:
    v, optimizer = tf.Variable(1.0), tf.optimizers.SGD(0.5, momentum=0.5)
    optimizer.apply_gradients([(tf.constant(2.0), v)])  # momentum -1, v 0
    path = tf.train.Checkpoint(v=v, o=optimizer).write(tmp_path / "x")
    w, other = tf.Variable(7.0), tf.optimizers.SGD(0.1, momentum=0.5)
    status = tf.train.Checkpoint(v=w, o=other).read(path)
    assert float(w) == 0.0
    assert int(other.iterations) == 1
    other.apply_gradients([(tf.constant(2.0), w)])  # momentum -0.5 - 1
    assert float(w) == -1.5
    status.assert_consumed()


def test_a_new_variable_of_the_wrong_shape_raises_when_it_is_read(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    layer = Lazy(size=3)
    tf.train.Checkpoint(layer=layer).restore(path).expect_partial()
    for _ in range(2):
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=r"float32\[2\], but variable 'b:0' is float32\[3\]",
        ):
            layer(tf.ones([1, 3]))


def test_a_later_restoration_wins_and_the_earlier_one_forgets(tmp_path: Path) -> None:
    paths = [
        tf.train.Checkpoint(v=tf.Variable(value), w=tf.Variable(value)).write(tmp_path / f"{value}")
        for value in (1.0, 2.0)
    ]
    module = tf.Module()
    checkpoint = tf.train.Checkpoint(module)
    for path in (*paths, *paths):
        checkpoint.read(path)
    assert len(checkpoint_waiting.waiting()) == 1
    tf.train.Checkpoint(module).read(paths[0])
    module.v = tf.Variable(0.0)
    assert float(module.v) == 1.0
    module.v.assign(5.0)
    module.w = tf.Variable(0.0)
    assert (float(module.v), float(module.w)) == (5.0, 1.0)
    assert checkpoint_waiting.waiting() == []


def test_values_of_an_earlier_file_stay_for_what_the_later_one_lacks(tmp_path: Path) -> None:
    first = tf.train.Checkpoint(v=tf.Variable(1.0), w=tf.Variable(1.0)).write(tmp_path / "1")
    second = tf.train.Checkpoint(v=tf.Variable(2.0)).write(tmp_path / "2")
    module = tf.Module()
    checkpoint = tf.train.Checkpoint(module)
    checkpoint.read(first)
    checkpoint.read(second)
    module.v, module.w = tf.Variable(0.0), tf.Variable(0.0)
    assert (float(module.v), float(module.w)) == (2.0, 1.0)


def test_variables_that_no_value_waits_for_stop_asking(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    layer = Lazy()
    tf.train.Checkpoint(layer=layer).restore(path).expect_partial()
    stranger = tf.Variable([1.0, 2.0], name="stranger")
    assert stranger.shape == (2,)
    assert stranger.dtype == tf.float32
    assert isinstance(stranger, tf.Variable)
    assert type(stranger).__name__ == "Variable"
    assert float(tf.reduce_sum(stranger * 2.0)) == 6.0
    assert pickle.loads(pickle.dumps(stranger)).numpy().tolist() == [1.0, 2.0]
    walks = []
    asks, real = checkpoint_waiting.settle, checkpoint_waiting.settle

    def counted() -> None:
        walks.append(1)
        real()

    checkpoint_waiting.settle = counted
    try:
        for _ in range(500):
            stranger.numpy()
    finally:
        checkpoint_waiting.settle = asks
    assert len(walks) < 10
    assert type(stranger) is tf.Variable


def test_threads_that_read_at_once_see_the_restored_value(tmp_path: Path) -> None:
    path, wanted = saved(tmp_path)
    layer = Lazy()
    tf.train.Checkpoint(layer=layer).restore(path)
    layer.w = tf.Variable(tf.zeros([2, 2]))
    layer.b = tf.Variable(tf.zeros([2]))
    seen: list[Any] = []

    def read() -> None:
        seen.append(layer(tf.ones([1, 2])).numpy())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    for value in seen:
        np.testing.assert_array_equal(value, wanted)


def test_the_file_may_be_gone_by_then(tmp_path: Path) -> None:
    path, wanted = saved(tmp_path)
    layer = Lazy()
    tf.train.Checkpoint(layer=layer).restore(path)
    Path(path + ".safetensors").write_bytes(b"")
    np.testing.assert_array_equal(layer(tf.ones([1, 2])), wanted)


def test_states_wait_too(tmp_path: Path) -> None:
    class Stream:
        at = 0

        def state_dict(self) -> Any:
            return {"at": self.at, "at time": time.time()}

        def load_state_dict(self, state: Any) -> None:
            self.at = state["at"]

    stream = Stream()
    stream.at = 4
    path = tf.train.Checkpoint(stream=stream).write(tmp_path / "x")
    checkpoint = tf.train.Checkpoint()
    status = checkpoint.read(path)
    checkpoint.stream = again = Stream()
    assert again.at == 4
    status.assert_consumed()
