"""How a checkpoint lies in a file of the safetensors format, so that no damage goes unseen.

The file is eight bytes with the length of the header, the header in JSON, and the tensors one after
the other. Every byte is under a checksum: the header's metadata hold a CRC-32 for each tensor, over
name, dtype, shape and bytes, and a SHA-256 over everything before the tensors, in which the digits
of that digest count as zeros. CRC-32 finds every change of one bit and every damage of up to 32
bits in a row, and overlooks one in 2**32 of the others. `benchmarks/checkpoints.py` measures it."""

from __future__ import annotations

import json
import math
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from gradtape.core.aligned import LINE
from gradtape.core.dtypes import ALL, STORED, as_dtype
from gradtape.core.errors import DataLossError, InternalError, NotFoundError
from gradtape.core.xp_numpy import Lazy
from gradtape.train.checkpoint_files import written_safely

library: Any = Lazy("safetensors")
safetensors: Any = Lazy("safetensors.numpy")

HEADER, INDEX = "gradtape.header", "gradtape.index"
NO_DIGEST = "0" * 64
DIGEST = re.compile(rb'"gradtape\.header":"([0-9a-f]{64})"')
LONGEST = 100_000_000  # bytes of a header that the format allows
MOST_AXES = 32
SERIAL = 1 << 22  # bytes; below that threads cost more than they spare
CODES = {
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "int8": "I8",
    "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8", "uint16": "U16", "uint32": "U32",
    "uint64": "U64", "bool": "BOOL",
}  # fmt: skip
PAIRS = {"complex64": "float32", "complex128": "float64"}  # stored as real and imaginary part
STAND_INS = {**PAIRS, "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}  # not in every safetensors
KNOWN = {t.numpy_dtype: t.name for t in ALL + STORED}


@dataclass
class Entry:
    """What the header says of one tensor.

    Attributes:
        dtype, shape: those of the program; in the file complex numbers lie as pairs.
        begin, size: where its bytes are in the file, and how many.
        checksum: the eight digits of its CRC-32.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    size: int
    checksum: str


@dataclass
class Header:
    """The tensors of a file by their names, and the notes beside them."""

    entries: dict[str, Entry] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


# writing


def write_tensors(path: str, arrays: dict[str, Any], notes: dict[str, Any]) -> None:
    """Write arrays and notes to a file, safely.

    Args:
        path: the file; what is there stays until the new one is complete.
        arrays: the arrays by their names, of any byte order and layout.
        notes: what else is to be known, as JSON takes it.
    """
    plain = {name: native(array) for name, array in arrays.items()}
    sums = _in_threads(lambda item: checksum(*item), plain.items(), plain.values())
    replaced = {n: a.dtype.name for n, a in plain.items() if a.dtype.name in STAND_INS}
    index = {"checksums": dict(zip(plain, sums)), "dtypes": replaced, "notes": notes}
    metadata = {HEADER: NO_DIGEST, INDEX: json.dumps(index, separators=(",", ":"))}
    with written_safely(path) as sibling:
        try:
            safetensors.save_file({n: _standing_in(a) for n, a in plain.items()}, sibling, metadata)
        except library.SafetensorError as error:
            raise OSError(f"gradtape.train.Checkpoint: cannot write {path!r}: {error}") from None
        _seal(sibling)
        with Stored(sibling) as stored:  # what cannot be read does not replace what can
            if stored.entries.keys() != plain.keys():
                raise InternalError("gradtape.train.Checkpoint: safetensors wrote other tensors.")


def _seal(path: str) -> None:
    """Put the digest into a header that was written without."""
    with open(path, "r+b") as file:
        start = file.read(8)
        header = file.read(int.from_bytes(start, "little"))
        found = DIGEST.search(header)
        if found is None:
            raise InternalError("gradtape.train.Checkpoint: safetensors wrote no metadata.")
        file.seek(8 + found.start(1))
        file.write(digest(start, header).encode())


def native(array: Any) -> Any:
    """An array in the machine's byte order and in one piece, itself if it is so already."""
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder("=") if array.dtype.byteorder in "<>" else array.dtype
    if KNOWN.get(dtype) is None:
        raise InternalError(f"gradtape.train.Checkpoint: {array.dtype} cannot be stored.")
    return np.asarray(array, dtype, order="C")


def checksum(name: str, array: Any) -> str:
    """The CRC-32 of an array of the machine's byte order, under its name."""
    what = f"{name}\0{array.dtype.name}\0{list(array.shape)}\0".encode()
    return f"{zlib.crc32(_bytes(array), zlib.crc32(what)):08x}"


def digest(start: bytes, header: bytes) -> str:
    """The SHA-256 of what stands before the tensors, with the digest itself as zeros."""
    found = DIGEST.search(header)
    if found is not None:
        header = header[: found.start(1)] + NO_DIGEST.encode() + header[found.end(1) :]
    return sha256(start + header).hexdigest()


def _standing_in(array: Any) -> Any:
    """Complex numbers as pairs of real ones along a new last axis, 8-bit floats as their bits,
    others as they are."""
    name = array.dtype.name
    if name not in STAND_INS:
        return array
    shape = (*array.shape, 2) if name in PAIRS else array.shape
    return array.reshape(-1).view(STAND_INS[name]).reshape(shape)


def _bytes(array: Any) -> Any:
    return memoryview(array.reshape(-1).view(np.uint8)) if array.size else b""


def _in_threads(work: Callable[[Any], Any], items: Iterable[Any], sizes: Iterable[Any]) -> Any:
    """The results of some work on each item; in threads where there are many bytes."""
    threads = min(4, os.cpu_count() or 1)
    total = sum([getattr(s, "nbytes", s) for s in sizes])
    if total < SERIAL or threads < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


# reading


class Stored:
    """An open checkpoint file whose header was checked; its tensors are checked when they are read.

    Args:
        path: the file.

    Raises:
        DataLossError: for any damage of the header, and when the file has another size than it
            says.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        try:
            self.header = self._checked()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Stored:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    @property
    def entries(self) -> dict[str, Entry]:
        """The tensors' descriptions by their names."""
        return self.header.entries

    def read(self, name: str) -> Any:
        """Read and check one tensor, an array of the machine's byte order."""
        entry = self.entries.get(name)
        if entry is None:
            raise NotFoundError(
                f"gradtape.train.Checkpoint: there is no {name!r} in {self.path!r}. It holds:"
                f" {shortened(sorted(self.entries))}."
            )
        array = _room(entry)
        array = _room(entry)
        view = _bytes(array)
        with self._lock:
            self._file.seek(entry.begin)
            complete = _filled(self._file, view)
        if not complete or checksum(name, array) != entry.checksum:
            raise damaged(self.path, f"the bytes of {name!r} are not those that were written")
        return array

    def read_all(self) -> dict[str, Any]:
        """Read and check all tensors."""
        sizes = [e.size for e in self.entries.values()]
        return dict(zip(self.entries, _in_threads(self.read, self.entries, sizes)))

    def _checked(self) -> Header:
        """The header, after every check."""
        size = os.fstat(self._file.fileno()).st_size
        start = self._file.read(8) or b""
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= min(LONGEST, size - 8):
            raise damaged(self.path, "it does not begin with the length of a header")
        raw = bytearray(length)
        if not _filled(self._file, memoryview(raw)):
            raise damaged(self.path, "its header is cut off")
        text = bytes(raw)
        found = DIGEST.search(text)
        if found is None:
            raise damaged(
                self.path,
                "its header has no checksum of gradtape's (a file of another program can be read"
                " with safetensors.numpy.load_file, and its arrays assigned to variables)",
            )
        if digest(start, text) != found[1].decode():
            raise damaged(self.path, "its header is not the one that was written")
        try:
            return _parsed(text, 8 + length, size)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise damaged(self.path, f"its header makes no sense: {error}") from None


def _room(entry: Entry) -> Any:
    """An array for a tensor, which begins where compiled code can read it in place."""
    dtype = as_dtype(entry.dtype).numpy_dtype
    room = np.empty(entry.size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + entry.size].view(dtype).reshape(entry.shape)


def _filled(file: Any, view: Any) -> bool:
    """Read until a buffer is full; False when the file ends before."""
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])
        if not count:
            return False
        done += count
    return True


def damaged(path: str, what: str) -> DataLossError:
    """The error for a file that is not what was written."""
    return DataLossError(
        f"gradtape.train.Checkpoint: {path!r} is damaged, or no checkpoint of gradtape: {what}."
        " Nothing of it was used. Restore an earlier checkpoint"
        " (tf.train.CheckpointManager.checkpoints lists them), or copy the file anew from where it"
        " came from."
    )


def shortened(names: list[str], most: int = 10) -> str:
    """Names for an error, not more than a few."""
    text = ", ".join(map(repr, names[:most])) or "nothing"
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


# the header


def _parsed(text: bytes, begin: int, size: int) -> Header:
    """The header's content; ValueError and its like when it contradicts itself or the file."""
    given = json.loads(text, object_pairs_hook=_unique)
    index = json.loads(given.pop("__metadata__")[INDEX], object_pairs_hook=_unique)
    sums, replaced = index["checksums"], index["dtypes"]
    if set(sums) != set(given) or not set(replaced) <= set(given):
        raise ValueError("not every tensor has a checksum")
    entries = {n: _entry(g, replaced.get(n), sums[n], begin) for n, g in given.items()}
    end = begin
    for entry in sorted(entries.values(), key=lambda e: (e.begin, e.size)):
        if entry.begin != end:
            raise ValueError("there are gaps between the tensors")
        end += entry.size
    if end != size:
        raise ValueError(f"the file has {size} bytes and should have {end}")
    return Header(entries, index["notes"])


def _entry(given: dict[str, Any], replaced: str | None, crc: str, begin: int) -> Entry:
    """One tensor's description, checked in itself."""
    names = {code: name for name, code in CODES.items()}
    dtype, shape = names[given["dtype"]], given["shape"]
    first, last = given["data_offsets"]
    if not all([type(n) is int and n >= 0 for n in (*shape, first, last)]):
        raise ValueError(f"shape {shape} and offsets {[first, last]} must be numbers from 0 on")
    if last - first != math.prod(shape) * as_dtype(dtype).size or len(shape) > MOST_AXES + 1:
        raise ValueError(f"{last - first} bytes are no {dtype}{shape}")
    if replaced is not None:
        pairs = replaced in PAIRS
        if STAND_INS[replaced] != dtype or (pairs and shape[-1:] != [2]):
            raise ValueError(f"{dtype}{shape} holds no {replaced}")
        dtype, shape = replaced, shape[:-1] if pairs else shape
    if not isinstance(crc, str):
        raise ValueError("a checksum is no text")
    return Entry(dtype, tuple(shape), begin + first, last - first, crc)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names differ."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice")
    return made
