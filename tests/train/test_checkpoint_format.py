"""The file of a checkpoint: other programs can read it, and no damage goes unseen."""

from __future__ import annotations

import json
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import gradtape as tf
from benchmarks.checkpoints import DAMAGES, damaged_files
from gradtape.train import checkpoint_format
from gradtape.train.checkpoint_format import Stored, write_tensors

ARRAYS: dict[str, Any] = {
    "float32": np.array([1.5, -0.0, np.inf, np.nan], np.float32),
    "float64": np.arange(6.0).reshape(2, 3),
    "float16": np.array([[1.0], [2.0]], np.float16),
    "bfloat16": np.array([1.5, 3.0], ml_dtypes.bfloat16),
    "float8_e4m3fn": np.array([1.5], ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.array(1.5, ml_dtypes.float8_e5m2),
    "complex64": np.array([1 + 2j, 3 - 1j], np.complex64),
    "complex128": np.complex128(1j),
    "no complex": np.zeros((2, 0), np.complex64),
    "bool": np.array([True, False, True]),
    "uint64": np.array([2**64 - 1], np.uint64),
    "int8": np.array([-128], np.int8),
    "number": np.float32(3.0),
    "nothing": np.zeros((0, 3)),
    "big-endian": np.array([1.0, 2.0], ">f4"),
    "columns": np.arange(6.0).reshape(2, 3).T,
    "every other": np.arange(9)[::2],
    "backwards": np.arange(4)[::-1],
    'quotes " and \\ and ü and \U0001f600': np.arange(3),
}


def written(path: Path, arrays: dict[str, Any]) -> str:
    write_tensors(str(path), arrays, {"aliases": {"x": "y"}})
    return str(path)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    with Stored(written(tmp_path / "x", ARRAYS)) as stored:
        found = stored.read_all()
        assert stored.header.notes == {"aliases": {"x": "y"}}
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        wanted = np.asarray(array, np.asarray(array).dtype.newbyteorder("="), order="C")
        assert found[name].dtype == wanted.dtype
        assert found[name].shape == wanted.shape
        assert found[name].tobytes() == wanted.tobytes()


def test_the_library_of_the_format_reads_it(tmp_path: Path) -> None:
    loaded = safetensors.numpy.load_file(written(tmp_path / "x", ARRAYS))
    np.testing.assert_array_equal(loaded["columns"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(loaded["complex64"], [[1, 2], [3, -1]])
    assert loaded["complex128"].tolist() == [0.0, 1.0]
    np.testing.assert_array_equal(loaded["big-endian"], [1, 2])
    assert loaded["number"].shape == ()


def test_large_arrays_are_read_in_threads_and_begin_where_compiled_code_wants_them(
    tmp_path: Path,
) -> None:
    arrays = {f"{i}": np.random.default_rng(i).random(200_000 + i) for i in range(5)}
    assert sum(a.nbytes for a in arrays.values()) > checkpoint_format.SERIAL
    with Stored(written(tmp_path / "x", arrays)) as stored:
        for name, found in stored.read_all().items():
            np.testing.assert_array_equal(found, arrays[name])
            assert found.ctypes.data % 64 == 0


def test_the_checksums_are_those_that_the_page_promises(tmp_path: Path) -> None:
    data = Path(written(tmp_path / "x", {"a/b": np.array([[1, 2]], np.int32)})).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    index = json.loads(header["__metadata__"]["gradtape.index"])
    named = b"a/b\0int32\0[1, 2]\0" + np.array([[1, 2]], "<i4").tobytes()
    assert index["checksums"] == {"a/b": f"{zlib.crc32(named):08x}"}
    digest = header["__metadata__"]["gradtape.header"]
    without = data[: 8 + length].replace(digest.encode(), b"0" * 64)
    assert sha256(without).hexdigest() == digest


@pytest.mark.parametrize("kind", list(DAMAGES))
def test_no_damage_goes_unseen(kind: str) -> None:
    found = damaged_files(kind, 60, seed=2)
    assert (found.tried, found.refused, found.unnoticed) == (60, 60, 0)


def test_every_bit_of_a_small_file_counts(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "x", {"w": np.arange(3, dtype=np.int16), "s": np.float32(1)}))
    data = path.read_bytes()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(tf.errors.DataLossError), Stored(str(path)) as stored:
            stored.read_all()
    path.write_bytes(data)
    with Stored(str(path)) as stored:
        assert stored.read("s") == 1


def test_every_length_of_a_small_file_counts(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "x", {"w": np.arange(3, dtype=np.int16)}))
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(tf.errors.DataLossError), Stored(str(path)):
            pass


def test_an_error_names_file_tensor_and_what_to_do(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "x", {"model/w": np.zeros(3), "model/b": np.ones(3)}))
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with Stored(str(path)) as stored, pytest.raises(tf.errors.DataLossError) as error:
        stored.read_all()
    for part in (str(path), "'model/w'", "Restore an earlier checkpoint"):
        assert part in str(error.value)


# headers that are whole and lie


def forged(path: Path, header: dict[str, Any], data: bytes = b"", **index: Any) -> str:
    """A file with a valid digest over whatever it says."""
    tensors = [name for name in header if name != "__metadata__"]
    about = {"checksums": dict.fromkeys(tensors, "00000000"), "dtypes": {}, "notes": {}} | index
    meta = {"gradtape.header": "0" * 64, "gradtape.index": json.dumps(about)}
    text = json.dumps({"__metadata__": meta, **header}, separators=(",", ":")).encode()
    start = len(text).to_bytes(8, "little")
    digest = checkpoint_format.digest(start, text).encode()
    path.write_bytes(start + text.replace(b"0" * 64, digest) + data)
    return str(path)


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


LIES: dict[str, tuple[dict[str, Any], bytes, dict[str, Any]]] = {
    "more elements than bytes": ({"w": entry(shape=(1 << 40,))}, bytes(8), {}),
    "huge and consistent": ({"w": entry(shape=(1 << 60,), offsets=(0, 1 << 62))}, bytes(8), {}),
    "negative sizes": ({"w": entry(shape=(-2, -1))}, bytes(8), {}),
    "sizes that are no numbers": ({"w": entry(shape=("2",))}, bytes(8), {}),
    "sizes that are true": ({"w": entry(shape=(True, 2))}, bytes(8), {}),
    "unknown dtype": ({"w": entry("F32X")}, bytes(8), {}),
    "overlap": ({"v": entry(), "w": entry(offsets=(4, 12))}, bytes(12), {}),
    "twice the same": ({"v": entry(), "w": entry()}, bytes(8), {}),
    "a gap": ({"w": entry(offsets=(4, 12))}, bytes(12), {}),
    "three offsets": ({"w": entry(offsets=(0, 4, 8))}, bytes(8), {}),
    "more bytes than tensors": ({"w": entry()}, bytes(9), {}),
    "axes without end": ({"w": entry(shape=[1] * 100 + [2])}, bytes(8), {}),
    "no checksum": ({"w": entry()}, bytes(8), {"checksums": {}}),
    "a checksum that is a number": ({"w": entry()}, bytes(8), {"checksums": {"w": 0}}),
    "a complex number without pairs": ({"w": entry(shape=(2, 1))}, bytes(8), {"dtypes": {"w": "complex64"}}),
    "a dtype for nothing": ({"w": entry()}, bytes(8), {"dtypes": {"v": "complex64"}}),
    "a list for an entry": ({"w": []}, b"", {}),
}  # fmt: skip


@pytest.mark.parametrize("lie", list(LIES))
def test_a_header_that_lies_is_refused_before_anything_is_allocated(
    lie: str, tmp_path: Path
) -> None:
    header, data, index = LIES[lie]
    with pytest.raises(tf.errors.DataLossError, match="makes no sense"):
        Stored(forged(tmp_path / "x", header, data, **index))


def test_an_honest_header_of_the_same_making_is_read(tmp_path: Path) -> None:
    named = b"w\0float32\0[2]\0" + bytes(8)
    sums = {"w": f"{zlib.crc32(named):08x}"}
    with Stored(forged(tmp_path / "x", {"w": entry()}, bytes(8), checksums=sums)) as stored:
        np.testing.assert_array_equal(stored.read("w"), [0, 0])


def test_json_that_nests_without_end_or_says_a_name_twice_is_refused(tmp_path: Path) -> None:
    for text in (b"[" * 200_000, b'{"a":1,"a":2,"gradtape.header":"' + b"0" * 64 + b'"}'):
        text = text if b"gradtape" in text else b'"gradtape.header":"' + b"0" * 64 + b'"' + text
        start = len(text).to_bytes(8, "little")
        digest = checkpoint_format.digest(start, text).encode()
        (tmp_path / "x").write_bytes(start + text.replace(b"0" * 64, digest))
        with pytest.raises(tf.errors.DataLossError, match="makes no sense"):
            Stored(str(tmp_path / "x"))


def test_files_of_other_programs_are_told_from_damaged_ones(tmp_path: Path) -> None:
    safetensors.numpy.save_file({"w": np.zeros(3)}, tmp_path / "x.safetensors")
    with pytest.raises(tf.errors.DataLossError, match=r"safetensors\.numpy\.load_file"):
        tf.train.load_checkpoint(tmp_path / "x")


def test_what_the_library_writes_wrongly_does_not_replace_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "x", {"w": np.zeros(3)})
    before = Path(path).read_bytes()

    def careless(arrays: dict[str, Any], path: str, metadata: dict[str, str]) -> None:
        safetensors.numpy.save_file({}, path, metadata)

    monkeypatch.setattr(checkpoint_format.safetensors, "save_file", careless, raising=False)
    with pytest.raises(tf.errors.DataLossError):
        written(tmp_path / "x", {"w": np.ones(3)})
    assert Path(path).read_bytes() == before
