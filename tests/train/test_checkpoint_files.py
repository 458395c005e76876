"""A file is replaced as a whole or stays what it was; leftovers of killed writers go, those of living ones stay."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks.checkpoints import killed_writers
from gradtape.train.checkpoint_files import PREFIX, made_directory, written_safely

WAITS = """
import sys, time
from gradtape.train.checkpoint_files import written_safely
with written_safely(sys.argv[1]) as sibling:
    open(sibling, "w").write("half")
    print("writing", flush=True)
    time.sleep(600)
"""


def leftovers(directory: Path) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith(PREFIX)]


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    for text in ("old", "new"):
        with written_safely(path) as sibling:
            assert sibling.endswith("/model.weights.h5")
            assert (
                os.stat(os.path.dirname(os.path.dirname(sibling))).st_ino == tmp_path.stat().st_ino
            )
            Path(sibling).write_text(text)
            assert not path.exists() or path.read_text() == "old"
        assert path.read_text() == text
    assert os.listdir(tmp_path) == ["model.weights.h5"]


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def half() -> None:
        with written_safely(path) as sibling:
            Path(sibling).write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with pytest.raises(FileNotFoundError), written_safely(path):
        pass
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_the_mode_is_that_of_ordinary_files(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_text("")
    with written_safely(tmp_path / "x") as sibling:
        Path(sibling).write_text("")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_link_is_followed_and_a_directory_refused(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    with written_safely(tmp_path / "link") as sibling:
        Path(sibling).write_text("content")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "content"
    with pytest.raises(IsADirectoryError, match="there"), written_safely(tmp_path / "there"):
        pass


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    writers = [
        subprocess.Popen([sys.executable, "-c", WAITS, path], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
        assert len(leftovers(tmp_path)) == 2
        writers[0].kill()
        writers[0].wait()
        assert len(leftovers(tmp_path)) == 2
        with written_safely(path) as sibling:
            Path(sibling).write_text("mine")
        assert len(leftovers(tmp_path)) == 1
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            assert writer.stdout is not None
            writer.stdout.close()
    with written_safely(path) as sibling:
        Path(sibling).write_text("mine")
    assert os.listdir(tmp_path) == ["x"]


def test_what_only_looks_like_a_leftover_stays(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}file").write_text("somebody's")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "y").write_text("somebody's")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "kept")
    held = tmp_path / f"{PREFIX}held"
    held.mkdir()
    handle = os.open(held, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with written_safely(tmp_path / "x") as sibling:
        Path(sibling).write_text("mine")
    os.close(handle)
    assert sorted(os.listdir(tmp_path)) == sorted(
        [f"{PREFIX}file", f"{PREFIX}held", f"{PREFIX}link", "kept", "x"]
    )
    assert (tmp_path / "kept" / "y").exists()


def test_writers_at_the_same_time_do_not_tread_on_each_other(tmp_path: Path) -> None:
    path, failures = tmp_path / "x", []

    def write(letter: str) -> None:
        try:
            for _ in range(20):
                with written_safely(path) as sibling:
                    Path(sibling).write_text(letter * 10_000)
                assert len(set(path.read_text())) == 1
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert os.listdir(tmp_path) == ["x"]
    assert len(path.read_text()) == 10_000


def test_directories_are_made_with_those_above(tmp_path: Path) -> None:
    made_directory(str(tmp_path / "a" / "b"))
    made_directory(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


def test_a_killed_writer_leaves_the_old_checkpoint_or_the_new_one() -> None:
    found = killed_writers(4, 8.0, seed=1)
    assert found.old + found.new == 4
    assert found.broken == found.leftovers == 0
