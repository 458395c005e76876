"""Options of pipelines: TensorFlow's are accepted; `deterministic` has an effect."""

from __future__ import annotations

from typing import Any

GROUPS = {
    "autotune", "experimental_distribute", "experimental_optimization", "experimental_service",
    "experimental_threading", "threading",
}  # fmt: skip


class Choices:
    """A group of options that are accepted without effect."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class Options:
    """Choices for a whole pipeline, for `Dataset.with_options`.

    `deterministic` is the default of the argument of that name. All others are accepted, and change
    nothing: there is no graph of a pipeline to rewrite, and no pool that pipelines share.

    Example:
        >>> import gradtape as tf
        >>> options = tf.data.Options()
        >>> options.deterministic = False
        >>> options.threading.private_threadpool_size = 4
        >>> tf.data.Dataset.range(2).with_options(options).options().deterministic
        False
    """

    deterministic: bool | None = None

    def __init__(self) -> None:
        for group in GROUPS:
            setattr(self, group, Choices())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def merge(self, options: Options) -> Options:
        """Return these options with those that are set in `options` instead."""
        merged = Options()
        for source in (self, options):
            for name, value in vars(source).items():
                if name in GROUPS:
                    vars(getattr(merged, name)).update(vars(value))
                elif value is not None:
                    setattr(merged, name, value)
        return merged
