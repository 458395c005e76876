"""`tf.compat.v1.logging`: how much the library's logger says."""

from __future__ import annotations

import logging
from typing import Any

from gradtape.core.errors import wrong_type
from gradtape.core.surroundings import get_logger

DEBUG, INFO, WARN, ERROR, FATAL = (
    logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL,
)  # fmt: skip


def set_verbosity(v: int) -> None:
    """Let the logger say what is at least as grave as a level.

    Raises:
        TypeError: when it is neither a level nor the name of one.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.logging.set_verbosity(tf.logging.ERROR)
        >>> tf.logging.get_verbosity() == tf.logging.ERROR
        True
        >>> tf.logging.set_verbosity(tf.logging.WARN)
    """
    try:
        get_logger().setLevel(v)
    except (TypeError, ValueError):
        needed = "a level, such as tf.logging.ERROR"
        raise wrong_type("logging.set_verbosity", "v", needed, v) from None


def get_verbosity() -> int:
    """Return the level from which on the logger speaks.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.logging.get_verbosity() <= tf.logging.FATAL
        True
    """
    return get_logger().getEffectiveLevel()


def debug(msg: Any, *args: Any) -> None:
    """Say something for debugging.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.logging.debug("x is %s", 1.0)
    """
    get_logger().debug(msg, *args)


def info(msg: Any, *args: Any) -> None:
    """Say something about the course of things.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.logging.info("step %d", 1)
    """
    get_logger().info(msg, *args)


def warning(msg: Any, *args: Any) -> None:
    """Warn of something.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.logging.set_verbosity(tf.logging.ERROR)
        >>> tf.logging.warning("the rate is large")
        >>> tf.logging.set_verbosity(tf.logging.WARN)
    """
    get_logger().warning(msg, *args)


def error(msg: Any, *args: Any) -> None:
    """Say that something went wrong.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.logging.set_verbosity(tf.logging.FATAL)
        >>> tf.logging.error("no data")
        >>> tf.logging.set_verbosity(tf.logging.WARN)
    """
    get_logger().error(msg, *args)
