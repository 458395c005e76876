"""`DeferredTensor`: a value that lies on a device until somebody on the host asks for it.

A compiled function returns buffers of the device. As long as only compiled functions use them they
stay there; the first operation in Python, or `numpy()`, fetches the array, once. On the CPU that is
a view without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.quick import bind
from gradtape.core.tensor import Tensor


class DeferredTensor(Tensor):
    """A tensor that holds a device's buffer, and the host's array when somebody asked for it."""

    __slots__ = ("_dtype", "_host", "_shape", "buffer")

    def __init__(self, buffer: Any, shape: Any, dtype: Any, node: Any = None) -> None:
        self.buffer = buffer
        self._shape = shape
        self._dtype = dtype
        self._host: Any = None
        self._node = node

    def placed(self, node: Any) -> DeferredTensor:
        """The same value on another node."""
        made = DeferredTensor(self.buffer, self._shape, self._dtype, node)
        made._host = self._host
        return made

    @property
    def _array(self) -> Any:  # type: ignore[override]
        array = self._host
        if array is None:
            array = np.asarray(self.buffer)
            array = self._host = array if array.ndim else array[()]
        return array

    @property
    def device(self) -> str:
        """The device that holds the value."""
        (device,) = self.buffer.devices()
        kind = device.platform.upper()
        return f"/job:localhost/replica:0/task:0/device:{kind}:{device.id}"


bind(DeferredTensor=DeferredTensor)
