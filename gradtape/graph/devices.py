"""The devices that compiled functions may run on, as XLA finds them; without JAX it is the CPU."""

from __future__ import annotations

import os
from collections import namedtuple
from typing import Any

from gradtape.core.errors import InvalidArgumentError, brief, wrong_type
from gradtape.core.placement import placement
from gradtape.graph.backend import xla

PhysicalDevice = namedtuple("PhysicalDevice", ["name", "device_type"])
PhysicalDevice.__doc__ = """A device of this machine: its name and its kind ("CPU", "GPU", "TPU").

Example:
    >>> import gradtape as tf
    >>> tf.config.list_physical_devices("CPU")[0]
    PhysicalDevice(name='/physical_device:CPU:0', device_type='CPU')
"""
LogicalDevice = namedtuple("LogicalDevice", ["name", "device_type"])
LogicalDevice.__doc__ = """A device as functions see it: its name and its kind.

Example:
    >>> import gradtape as tf
    >>> tf.config.list_logical_devices("CPU")[0]
    LogicalDevice(name='/device:CPU:0', device_type='CPU')
"""


class _Settings:
    soft = True


_settings = _Settings()


def _kinds() -> list[tuple[str, int]]:
    module = xla()
    found = [("CPU", 0)] if module is None else list(module.devices())
    return sorted(found)


def list_physical_devices(device_type: str | None = None) -> list[Any]:
    """The devices of this machine.

    Args:
        device_type: "CPU", "GPU" or "TPU"; all kinds by default.

    Example:
        >>> import gradtape as tf
        >>> len(tf.config.list_physical_devices("CPU")) >= 1
        True
    """
    return [
        PhysicalDevice(f"/physical_device:{kind}:{number}", kind)
        for kind, number in _kinds()
        if device_type in (None, kind)
    ]


def list_logical_devices(device_type: str | None = None) -> list[Any]:
    """The devices that functions may run on.

    Args:
        device_type: "CPU", "GPU" or "TPU"; all kinds by default.

    Example:
        >>> import gradtape as tf
        >>> len(tf.config.list_logical_devices()) >= 1
        True
    """
    return [
        LogicalDevice(f"/device:{kind}:{number}", kind)
        for kind, number in _kinds()
        if device_type in (None, kind)
    ]


def get_soft_device_placement() -> bool:
    """Whether a function runs on the default device when the device that is named is not there.

    Example:
        >>> import gradtape as tf
        >>> tf.config.get_soft_device_placement()
        True
    """
    return _settings.soft


def set_soft_device_placement(enabled: bool) -> None:
    """Whether a function runs on the default device when the device that is named is not there;
    otherwise that raises.

    Example:
        >>> import gradtape as tf
        >>> tf.config.set_soft_device_placement(True)
    """
    _settings.soft = bool(enabled)


def placed() -> Any:
    """The device that the block around names, None for the default one."""
    if placement.device is None:
        return None
    module = xla()
    found = None if module is None else module.device(*placement.device)
    if found is None and not _settings.soft and placement.device != ("CPU", 0):
        kind, number = placement.device
        there = ", ".join(f"{k}:{n}" for k, n in _kinds())
        raise InvalidArgumentError(
            f"gradtape.device: there is no {kind}:{number} on this machine, only {there}. Write"
            " tf.config.set_soft_device_placement(True) to use the default device then."
        )
    return found


def enable_compilation_cache(directory: str | os.PathLike[str] | None = None) -> str:
    """Keep compiled programs on disk, so that the next process need not compile them again.

    Args:
        directory: where; by default `~/.cache/gradtape` (or under XDG_CACHE_HOME). It is JAX's
            compilation cache, so programs that JAX compiles in this process go there too.

    Returns:
        The directory.

    Raises:
        InvalidArgumentError: when JAX is not installed, or the directory is no path or cannot be
            made.

    Example:
        >>> import tempfile, gradtape as tf
        >>> folder = tempfile.mkdtemp()
        >>> tf.config.enable_compilation_cache(folder) == folder
        True
        >>> tf.config.disable_compilation_cache()
    """
    module = xla()
    if module is None:
        raise InvalidArgumentError(
            "gradtape.config.enable_compilation_cache: nothing is compiled without JAX. Install it"
            " with pip install 'gradtape[xla]'."
        )
    if directory is None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        directory = os.path.join(base, "gradtape")
    if not isinstance(directory, (str, os.PathLike)):
        raise wrong_type("config.enable_compilation_cache", "directory", "a path", directory)
    path = os.fspath(directory)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            f"gradtape.config.enable_compilation_cache: {brief(path)} cannot be made: {error}."
        ) from error
    module.keep_programs(path)
    return path


def disable_compilation_cache() -> None:
    """Keep no more compiled programs on disk.

    Example:
        >>> import gradtape as tf
        >>> tf.config.disable_compilation_cache()
    """
    module = xla()
    if module is not None:
        module.keep_programs(None)
