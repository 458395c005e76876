"""The extension whose source is `native/products*.c`."""

from typing import Any

xla_matmul: Any
xla_convolve: Any
xla_filter_gradient: Any
bits: int

def convolve(x: Any, w: Any, out: Any, window: tuple[int, ...], others: int) -> None: ...
def filter_gradient(x: Any, w: Any, out: Any, window: tuple[int, ...], others: int) -> None: ...
def widest(bits: int) -> int: ...
