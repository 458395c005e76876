"""The manager keeps what it should, survives restarts, and never deletes what is not its own."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

import gradtape as tf
from gradtape.train import checkpoint_manager
from gradtape.train.checkpoint_state import DirectoryState, read_state, write_state


class Clock:
    """Stands for the module `time` in the manager."""

    now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(checkpoint_manager, "time", made)
    return made


def files(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name != "checkpoint.json")


def short(paths: list[str]) -> list[str]:
    return [os.path.basename(path) for path in paths]


def manager(directory: Path, keep: int | None = 2, **options: Any) -> Any:
    checkpoint = tf.train.Checkpoint(v=tf.Variable(0.0))
    return tf.train.CheckpointManager(checkpoint, directory, keep, **options)


def test_it_keeps_the_last_ones(tmp_path: Path) -> None:
    made = manager(tmp_path / "deep" / "er")
    assert made.directory == str(tmp_path / "deep" / "er")
    assert made.latest_checkpoint is None
    assert made.checkpoints == []
    for number in range(1, 5):
        made.checkpoint.v.assign(float(number))
        assert made.save() == os.path.join(made.directory, f"ckpt-{number}")
        assert (
            made.latest_checkpoint
            == tf.train.latest_checkpoint(made.directory)
            == made.checkpoints[-1]
        )
    assert short(made.checkpoints) == ["ckpt-3", "ckpt-4"]
    assert files(tmp_path / "deep" / "er") == ["ckpt-3.safetensors", "ckpt-4.safetensors"]
    assert tf.train.load_variable(made.checkpoints[0], "v") == 3.0


def test_without_a_limit_it_keeps_all(tmp_path: Path) -> None:
    made = manager(tmp_path, None, checkpoint_name="net")
    for _ in range(4):
        made.save()
    assert short(made.checkpoints) == [f"net-{i}" for i in range(1, 5)]


def test_the_next_manager_goes_on(tmp_path: Path, clock: Clock) -> None:
    made = manager(tmp_path)
    for _ in range(2):
        clock.now += 10
        made.save()
    clock.now += 10
    again = manager(tmp_path)
    assert short(again.checkpoints) == ["ckpt-1", "ckpt-2"]
    assert again.restore_or_initialize() == again.latest_checkpoint
    assert int(again.checkpoint.save_counter) == 2
    clock.now += 10
    again.save()
    assert files(tmp_path) == ["ckpt-2.safetensors", "ckpt-3.safetensors"]


def test_some_stay_for_ever(tmp_path: Path, clock: Clock) -> None:
    made = manager(tmp_path, 1, keep_checkpoint_every_n_hours=2.0)
    for _ in range(8):
        clock.now += 3600.0
        made.save()
    # the first is written 3601 s after the manager began, so 2, 4, 6 are those of two hours
    assert files(tmp_path) == [f"ckpt-{i}.safetensors" for i in (2, 4, 6, 8)]
    assert short(made.checkpoints) == ["ckpt-8"]
    again = manager(tmp_path, 1)
    clock.now += 3600.0
    again.save(checkpoint_number=9)
    assert files(tmp_path) == [f"ckpt-{i}.safetensors" for i in (2, 4, 6, 9)]


def test_a_clock_that_goes_back_is_told_and_deletes_nothing(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    made = manager(tmp_path, 1, keep_checkpoint_every_n_hours=1.0)
    for _ in range(2):
        clock.now += 7200.0
        made.save()
    clock.now -= 10_000.0
    again = manager(tmp_path, 1)
    assert "seconds behind" in caplog.text
    again.save(checkpoint_number=3)
    assert files(tmp_path) == [f"ckpt-{i}.safetensors" for i in (1, 2, 3)]


def test_numbers_may_be_given(tmp_path: Path) -> None:
    made, step = manager(tmp_path, 3), tf.Variable(100, dtype=tf.int64)
    assert short([made.save(step), made.save(tf.constant(200)), made.save(300)]) == [
        "ckpt-100",
        "ckpt-200",
        "ckpt-300",
    ]
    assert int(made.checkpoint.save_counter) == 3
    made.save(100)
    assert short(made.checkpoints) == ["ckpt-200", "ckpt-300", "ckpt-100"]
    with pytest.raises(TypeError, match="checkpoint_number"):
        made.save("seven")


def test_intervals(tmp_path: Path) -> None:
    step = tf.Variable(0, dtype=tf.int64)
    made = manager(tmp_path, step_counter=step, checkpoint_interval=10)
    assert made.checkpoint_interval == 10
    found = []
    for i in (0, 0, 5, 9, 10, 15, 20):
        step.assign(i)
        found.append(made.save() is not None)
    assert found == [True, False, False, False, True, False, True]
    step.assign(21)
    assert made.save(check_interval=False) is not None
    assert made.save(check_interval=False) is None
    again = manager(tmp_path, step_counter=step, checkpoint_interval=10, last_checkpoint_step=15)
    assert again.save() is None
    assert again.restore_or_initialize() is not None
    step.assign(30)
    assert again.save() is None
    with pytest.raises(ValueError, match="`step_counter` should be passed"):
        manager(tmp_path, checkpoint_interval=10)


def test_initialisation_where_there_is_nothing(tmp_path: Path) -> None:
    calls: list[int] = []
    made = manager(tmp_path, init_fn=lambda: calls.append(1))
    assert made.restore_or_initialize() is None
    assert calls == [1]
    made.checkpoint.v.assign(5.0)
    path = made.save()
    made.checkpoint.v.assign(0.0)
    assert made.restore_or_initialize() == path
    assert calls == [1]
    assert float(made.checkpoint.v) == 5.0


def test_a_save_that_fails_counts_for_nothing(tmp_path: Path) -> None:
    step = tf.Variable(1)
    made = manager(tmp_path, step_counter=step, checkpoint_interval=5)
    (tmp_path / "ckpt-1.safetensors").mkdir()
    with pytest.raises(IsADirectoryError):
        made.save()
    assert int(made.checkpoint.save_counter) == 0
    assert made.latest_checkpoint is None
    (tmp_path / "ckpt-1.safetensors").rmdir()
    assert made.save() is not None


def test_a_damaged_latest_checkpoint_raises(tmp_path: Path) -> None:
    made = manager(tmp_path)
    for _ in range(2):
        made.save()
    file = tmp_path / "ckpt-2.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        tf.errors.DataLossError, match=r"ckpt-2\.safetensors.*checkpoints lists them"
    ):
        made.restore_or_initialize()
    made.checkpoint.restore(made.checkpoints[0])


def test_save_of_a_checkpoint_notes_the_latest_and_leaves_the_managers_list(tmp_path: Path) -> None:
    made = manager(tmp_path)
    made.save()
    path = made.checkpoint.save(tmp_path / "by-hand")
    assert tf.train.latest_checkpoint(tmp_path) == path
    assert read_state(str(tmp_path)).managed.keys() == {"ckpt-1"}  # type: ignore[union-attr]
    assert tf.train.latest_checkpoint(tmp_path / "nowhere") is None
    os.remove(path + ".safetensors")
    assert tf.train.latest_checkpoint(tmp_path) is None


def test_arguments_are_checked(tmp_path: Path) -> None:
    for keep in (0, -1):
        with pytest.raises(ValueError, match="Expected a positive integer or `None`"):
            manager(tmp_path, keep)
    with pytest.raises(TypeError, match="checkpoint must be a tf.train.Checkpoint"):
        tf.train.CheckpointManager(tf.Variable(1.0), tmp_path, 3)  # type: ignore[arg-type]
    for name, value in (("init_fn", 3), ("checkpoint_name", ""), ("checkpoint_name", 3)):
        with pytest.raises(TypeError, match=name):
            manager(tmp_path, **{name: value})
    with pytest.raises(TypeError, match="directory must be a path"):
        tf.train.CheckpointManager(tf.train.Checkpoint(), 3, 3)
    manager(tmp_path).sync()


# the state


def test_every_bit_of_the_state_counts(tmp_path: Path) -> None:
    state = DirectoryState("ckpt-2", {"ckpt-1": 1.5, "ckpt-2": 2.5}, 0.5)
    write_state(str(tmp_path), state)
    file = tmp_path / "checkpoint.json"
    data, draw = file.read_bytes(), random.Random(0)
    assert read_state(str(tmp_path)) == state
    for _ in range(400):
        changed = bytearray(data)
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        file.write_bytes(changed)
        try:
            found = read_state(str(tmp_path))
        except tf.errors.DataLossError as error:
            assert str(file) in str(error)
            assert "Delete it" in str(error)
        else:
            assert found == state  # the time of writing, or a space, which mean nothing
    for length in range(0, len(data) - 1, 7):
        file.write_bytes(data[:length])
        with pytest.raises(tf.errors.DataLossError):
            read_state(str(tmp_path))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "a\0b", 3])
def test_a_state_that_names_other_places_is_refused(name: Any, tmp_path: Path) -> None:
    for state in (DirectoryState(name, {}), DirectoryState("x", {name: 1.0})):
        write_state(str(tmp_path), state)
        with pytest.raises(tf.errors.DataLossError, match="no name of a file in the directory"):
            manager(tmp_path)


def test_tensorflows_own_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "ckpt-7"\n')
    with pytest.raises(tf.errors.UnimplementedError, match="holds checkpoints of TensorFlow"):
        tf.train.latest_checkpoint(tmp_path)
    (tmp_path / "checkpoint").write_text("somebody's notes")
    assert tf.train.latest_checkpoint(tmp_path) is None


def test_another_name_of_the_state(tmp_path: Path) -> None:
    manager(tmp_path).save()
    os.rename(tmp_path / "checkpoint.json", tmp_path / "mine.json")
    assert tf.train.latest_checkpoint(tmp_path) is None
    assert short([tf.train.latest_checkpoint(tmp_path, "mine") or ""]) == ["ckpt-1"]


def test_the_state_is_readable(tmp_path: Path) -> None:
    manager(tmp_path).save()
    content = json.loads((tmp_path / "checkpoint.json").read_text())["state"]
    assert content["latest"] == "ckpt-1"
    assert [name for name, _ in content["managed"]] == ["ckpt-1"]
