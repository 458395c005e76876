"""The working memory of compiled programs, kept by the C library's allocator from call to call.

XLA asks the allocator for a program's working memory at every call. glibc keeps freed blocks of up
to 32 MB; larger ones go back to the system and come again as pages of zeros, one fault each: of a
transformer's training step, with 51 MB, 9000 faults and a third of the time. So it is told to keep
as much as the largest program needs, unless the user set its limits."""

from __future__ import annotations

import ctypes
import os
import sys

BY_ITSELF, MOST = 32 << 20, 1 << 30
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # as in malloc.h
OF_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")

_kept = [BY_ITSELF]


def keep(size: int) -> bool:
    """Let freed blocks of a size stay with the process.

    Args:
        size: bytes; more than a gigabyte is not kept.

    Returns:
        Whether the allocator was told so now.
    """
    if not _kept[0] < size <= MOST or any([name in os.environ for name in OF_USER]):
        return False
    tell = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if tell is None:
        return False
    _kept[0] = 2 * size
    return bool(tell(MMAP_THRESHOLD, 2 * size) and tell(TRIM_THRESHOLD, 4 * size))
