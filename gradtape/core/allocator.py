"""Freed memory that the C library's allocator keeps for the process.

glibc gives what is freed at the end of its heap back to the system when it is more than twice the
largest block so far; it comes again as pages of zeros, one fault each. A training step frees all
its arrays at its end: of a dense network with arrays of 0.5 to 1.6 MB faults were a third of the
time. XLA asks for a program's working memory at every call, in one block: of a transformer's
training step, with 51 MB, 9000 faults and a third of the time. So glibc is told to keep more,
unless the user set its limits."""

from __future__ import annotations

import ctypes
import os
import sys

BY_ITSELF, MOST = 32 << 20, 1 << 30
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # as in malloc.h
OF_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")

FREED = 128 << 20  # what tapes have it keep

_kept = [0]


def keep_freed() -> None:
    """Let up to 128 MB of freed arrays of at most 32 MB each stay with the process."""
    if not _kept[0]:
        _kept[0] = BY_ITSELF
        _tell(BY_ITSELF, FREED)


def keep(size: int) -> bool:
    """Let freed blocks of a size stay with the process.

    Args:
        size: bytes; more than a gigabyte is not kept.

    Returns:
        Whether the allocator was told so now.
    """
    if not max(_kept[0], BY_ITSELF) < size <= MOST or not _tell(2 * size, max(4 * size, FREED)):
        return False
    _kept[0] = 2 * size
    return True


def _tell(of_system: int, at_end: int) -> bool:
    """Blocks from how many bytes on the system gives, and how many stay free at the heap's end."""
    if sys.platform != "linux" or any([name in os.environ for name in OF_USER]):
        return False
    tell = getattr(ctypes.CDLL(None), "mallopt", None)
    return tell is not None and bool(
        tell(MMAP_THRESHOLD, of_system) and tell(TRIM_THRESHOLD, at_end)
    )
