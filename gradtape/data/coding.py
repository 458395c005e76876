"""Elements in the state of a stream: as what JSON can hold, exactly.

The bytes of an array are written in base64, a window as the list of its elements. The tree is
written where it is a single leaf or a flat tuple; every other one is the tree that the plan of the
stream says its elements have."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import UnimplementedError, brief
from gradtape.data.elements import Element

State = dict[str, Any]
windows: list[Callable[[list[Element]], Any]] = []  # makes a window; `data.dataset` puts it here


def coded(element: Element) -> State:
    """An element as JSON."""
    tree, leaves = element
    code: State = {"leaves": [_coded_leaf(leaf) for leaf in leaves]}
    if tree is not None:
        code["tree"] = tree if type(tree) is int else "as specified"
    return code


def decoded(code: State, tree: Callable[[], Any]) -> Element:
    """The element of its code; `tree` finds the tree of the plan where that is needed."""
    found = code.get("tree")
    return tree() if found == "as specified" else found, [_leaf(c) for c in code["leaves"]]


def _coded_leaf(leaf: Any) -> Any:
    if leaf is None or isinstance(leaf, str):
        return None if leaf is None else {"text": str(leaf)}
    if isinstance(leaf, (np.ndarray, np.generic)):
        array = np.ascontiguousarray(leaf)
        name = array.dtype.str if array.dtype.kind in "US" else array.dtype.name
        data = base64.b64encode(array.tobytes()).decode("ascii")
        return {"dtype": name, "shape": list(np.shape(leaf)), "data": data}
    elements = getattr(leaf.as_plan, "elements", None)
    if elements is not None:
        return {"window": [coded(element) for element in elements]}
    raise UnimplementedError(
        f"gradtape.data.Iterator.state_dict: {brief(leaf)} waits in a buffer, and a dataset that"
        " is no window cannot be written down."
    )


def _leaf(code: Any) -> Any:
    if code is None:
        return None
    if "text" in code:
        return np.str_(code["text"])
    if "window" in code:
        return windows[0]([decoded(item, lambda: None) for item in code["window"]])
    name = code["dtype"]
    dtype = np.dtype(name) if name[:1] in "<>|=" else as_dtype(name).numpy_dtype
    array = np.frombuffer(base64.b64decode(code["data"]), dtype).reshape(code["shape"])
    return array if array.ndim else array[()]
