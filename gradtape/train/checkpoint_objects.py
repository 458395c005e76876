"""What an object holds, by names: the edges of the graph that a checkpoint stores.

Modules hold their attributes; lists, tuples and dicts their items; optimizers their slots, which
belong to a variable each; Keras's objects are known by what they look like, without Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradtape.core.errors import brief
from gradtape.core.module import Module
from gradtape.core.variable import Variable
from gradtape.ops.random_generator import Generator
from gradtape.train.checkpoint_values import value_of
from gradtape.train.optimizer import Optimizer
from gradtape.train.optimizer_v1 import OptimizerV1

# lists in which Keras keeps what is found by other names, and what a step of `fit` needs only
BOOKKEEPING = {
    "_compile_loss", "_compile_metrics", "_functional", "_layers", "_loss_tracker", "_losses",
    "_metrics", "_nodes", "_nodes_by_depth", "_non_trainable_variables", "_operations",
    "_operations_by_depth", "_seed_generators", "_tracker", "_trainable_variables", "_variables",
}  # fmt: skip

PLAIN = {bool, bytes, complex, float, int, str, type(None)}  # in lists of thousands, perhaps


@dataclass
class Parts:
    """What an object holds.

    Attributes:
        children: names and objects.
        slots: for each variable that an optimizer moves, its slots by their names.
    """

    children: list[tuple[str, Any]]
    slots: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)


class Holder:
    """The base of objects of our own that say themselves what they hold."""

    def _checkpoint_parts(self) -> Parts:
        raise NotImplementedError


def parts_of(thing: Any) -> Parts | None:
    """What an object holds; None when a checkpoint does not know such objects."""
    for kinds, found in _KINDS:
        if isinstance(thing, kinds):
            return found(thing)
    return _of_keras(thing) if _is_keras(type(thing)) else None


def core_of(thing: Any) -> Any:
    """The variable inside one of Keras's, which has none before it is built; others themselves."""
    if _is_keras(type(thing)) and _is_keras_variable(thing):
        return thing._value
    return thing


def is_known(thing: Any) -> bool:
    """Whether a checkpoint knows what to do with an object."""
    known = value_of(thing) is not None or _is_keras(type(thing))
    return known or any(isinstance(thing, kinds) for kinds, _ in _KINDS)


# our own


def _of_attributes(thing: Any) -> Parts:
    return Parts(sorted(vars(thing).items()))


def _of_dict(thing: dict[Any, Any]) -> Parts:
    names = [str(key) for key in thing]
    wrong = [key for key in thing if not isinstance(key, (str, int))]
    if wrong or len(set(names)) < len(names):
        if not _leads_on(thing):
            return Parts([])
        raise ValueError(
            "gradtape.train.Checkpoint: the keys of a dict that holds variables must be strings or"
            f" integers, and differ as text; they are {brief(list(thing))}. Rename the keys."
        )
    return Parts(list(zip(names, thing.values())))


def _leads_on(container: Any) -> bool:
    """Whether there is something in a container, however deep, that a checkpoint stores."""
    known: set[int] = set()
    return any([_stored(item) for item in _note(container, known)])


def _stored(thing: Any) -> bool:
    return is_known(thing) and not isinstance(thing, (list, tuple, dict))


def _of_sequence(thing: Sequence[Any]) -> Parts:
    names: Iterable[Any] = getattr(thing, "_fields", range(len(thing)))
    return Parts([(str(n), item) for n, item in zip(names, thing) if type(item) not in PLAIN])


def _of_optimizer(optimizer: Optimizer) -> Parts:
    children = [("iterations", optimizer.iterations), ("learning_rate", optimizer._rate.source)]
    slots = []
    for i, variable in enumerate(optimizer._trainable_variables):
        made = optimizer._slots[i]._asdict() if optimizer._slots and optimizer._slots[i] else {}
        if optimizer._averages:
            made["average"] = optimizer._averages[i]
        slots.append((variable, made))
    children += [(n, v) for n, v in sorted(vars(optimizer).items()) if n not in _OPTIMIZERS_OWN]
    return _complete(Parts(children, slots), optimizer.variables)


_OPTIMIZERS_OWN = {
    "_averages", "_decay_excluded", "_iterations", "_rate", "_slots", "_trainable_variables",
    "_variables",
}  # fmt: skip


def _of_optimizer_v1(optimizer: OptimizerV1) -> Parts:
    slots = [
        (variable, made._asdict() if made else {}) for variable, made in optimizer._slots.values()
    ]
    others = {n: v for n, v in vars(optimizer).items() if isinstance(v, Variable)}
    return Parts(sorted({**optimizer._other, **others}.items()), slots)


def _of_generator(generator: Generator) -> Parts:
    return Parts([("state", generator.state)])


_KINDS: list[tuple[Any, Callable[[Any], Parts]]] = [
    (Holder, lambda thing: thing._checkpoint_parts()),
    (Module, _of_attributes),
    (dict, _of_dict),
    ((list, tuple), _of_sequence),
    (Optimizer, _of_optimizer),
    (OptimizerV1, _of_optimizer_v1),
    (Generator, _of_generator),
]


# Keras's


def _is_keras(kind: type) -> bool:
    """Whether objects of a class are Keras's layers, models, optimizers, metrics or variables."""
    found = _keras_kinds.get(kind)
    if found is None:
        ours = any(str(base.__module__).startswith("keras") for base in kind.__mro__)
        found = ours and any(hasattr(kind, n) for n in ("variables", "next", "assign"))
        _keras_kinds[kind] = found
    return found


_keras_kinds: dict[type, bool] = {}


def _is_keras_variable(thing: Any) -> bool:
    return hasattr(type(thing), "assign") and hasattr(thing, "_value")


def _of_keras(thing: Any) -> Parts:
    """The attributes without the underscore, then what no attribute leads to, by its number."""
    own = vars(thing)
    slots = _keras_slots(thing, own)
    children: dict[str, Any] = {}
    for name, value in sorted(own.items(), key=lambda item: (item[0].startswith("_"), item[0])):
        if name not in BOOKKEEPING and not any(name in made for _, made in slots):
            plain = name.lstrip("_")
            children[name if plain in children else plain] = value
    children.pop("trainable_variables", None)
    made = [(v, {n.lstrip("_"): s for n, s in held.items()}) for v, held in slots]
    parts = Parts(list(children.items()), made)
    layers = getattr(thing, "layers", None) or own.get("_layers", [])
    _add(parts, "layers", layers)
    variables = own.get("_variables")
    if variables is None:
        variables = [*own.get("_trainable_variables", []), *own.get("_non_trainable_variables", [])]
    return _complete(parts, variables)


def _keras_slots(thing: Any, own: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """The lists of a Keras optimizer that hold something for each variable that it moves."""
    if not hasattr(thing, "_trainable_variables_indices"):
        return []
    moved = list(own["_trainable_variables"])
    lists = {
        n: v
        for n, v in own.items()
        if n not in BOOKKEEPING and isinstance(v, list) and len(v) == len(moved) > 0
    }
    return [
        (core_of(variable), {n: v[i] for n, v in lists.items() if v[i] is not None})
        for i, variable in enumerate(moved)
    ]


def _complete(parts: Parts, variables: Iterable[Any]) -> Parts:
    """Add the variables that are not among the parts."""
    _add(parts, "variables", variables)
    return parts


def _add(parts: Parts, name: str, items: Iterable[Any]) -> None:
    """Add a list, without what is among the parts already."""
    known: set[int] = set()
    for value in [v for _, v in parts.children] + [held for _, held in parts.slots]:
        _note(value, known)
    others = {str(i): item for i, item in enumerate(items) if id(core_of(item)) not in known}
    while name in [taken for taken, _ in parts.children]:
        name += "_"
    if others:
        parts.children.append((name, others))


def _note(value: Any, known: set[int]) -> list[Any]:
    """Note what a value is, and, if it is a list, tuple or dict, what it holds; returns the new
    ones."""
    found, pending = [], [value]
    while pending:
        thing = pending.pop()
        if id(core_of(thing)) in known:
            continue
        known.add(id(core_of(thing)))
        found.append(thing)
        if isinstance(thing, (list, tuple, dict)):
            pending.extend(thing.values() if isinstance(thing, dict) else thing)
    return found
