"""`Primitive`: everything that is known of one operation, as plain frozen data, and the registry of
them all.

A primitive is declared once, with its kernel `kernel(xp, *arrays, **params)`, which is written
against an array namespace, and the rules that transform it, which are written in gradtape's own
operations:

    vjps    one rule for each input, or one joint rule: cotangent of the output -> of the input(s)
    jvps    one rule for each input, or one joint rule: tangent of the input(s) -> of the output
    batch   batch(mask, *inputs, **params): the same with a leading batch axis where mask says so
    shape   shape(*specs, **params): shape and dtype of the result from those of the inputs

**A rule's parameter names say what it needs**: after the cotangent `ct` (or the tangent `t`), an
input's name as the kernel spells it, that name with `_shape` or `_dtype` where only those are
needed, `out` for the output, the name of a keyword of the kernel. Joint rules may name `inputs`,
`shapes`, `dtypes` (of all inputs), `wanted` (which inputs need a derivative) and `record`. What no
rule of a connected input names is not kept. An input's rule may also be a `Nothing` (there is no
derivative, and why) or `Owed` (there is one, but no rule: differentiating raises)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradtape.core.nothing import Nothing, Owed

registry: dict[str, Primitive] = {}
ALL = -1
TENSOR, SPEC, NOT = 2, 1, 0


def names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The parameter names of a plain Python function."""
    code = getattr(function, "__code__", None)
    if code is None:
        return tuple(inspect.signature(function).parameters)
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


class Rule:
    """A vjp or jvp rule with the list of what it needs besides the cotangent or tangent.

    `tensors` and `specs` are the numbers of the inputs that must be kept whole, or only by shape
    and dtype; ALL stands for every input. `like` gives the names where the function itself takes
    `*needs`."""

    __slots__ = ("function", "needs", "out", "simple", "specs", "tensors")

    def __init__(
        self, function: Callable[..., Any], inputs: tuple[str, ...], like: Any = None
    ) -> None:
        self.function = function
        wanted = like if like is not None else names(function)[1:]
        needs: list[tuple[str, Any]] = []
        for name in wanted:
            stem, _, aspect = name.rpartition("_")
            if name in inputs:
                needs.append(("tensor", inputs.index(name)))
            elif stem in inputs and aspect in ("shape", "dtype"):
                needs.append((aspect, inputs.index(stem)))
            elif name in ("inputs", "shapes", "dtypes", "out", "wanted", "record"):
                needs.append((name, ALL))
            else:
                needs.append(("param", name))
        self.needs = tuple(needs)
        self.simple: Any = (
            needs or None
        )  # None: nothing is needed; a number: one input; else the list
        if len(needs) == 1 and needs[0][0] == "tensor":
            self.simple = needs[0][1]
        self.tensors = frozenset(i for kind, i in needs if kind in ("tensor", "inputs"))
        self.specs = frozenset(
            i for kind, i in needs if kind in ("shape", "dtype", "shapes", "dtypes")
        )
        self.out = any(kind == "out" for kind, _ in needs)

    def __call__(self, ct: Any, record: Any, wanted: Any = None) -> Any:
        """Apply the rule to a cotangent or tangent."""
        simple = self.simple
        if simple is None:
            return self.function(ct)
        if type(simple) is int:
            return self.function(ct, record.inputs[simple])
        return self.function(ct, *[_fetch(record, kind, key, wanted) for kind, key in self.needs])


def _fetch(record: Any, kind: str, key: Any, wanted: Any) -> Any:
    if kind == "tensor":
        return record.inputs[key]
    if kind == "out":
        return record.output()
    if kind == "param":
        return record.params[key]
    if kind == "shape":
        return record.inputs[key]._shape
    if kind == "dtype":
        return record.inputs[key]._dtype
    if kind == "inputs":
        return record.inputs
    if kind == "shapes":
        return tuple([t._shape for t in record.inputs])
    if kind == "dtypes":
        return tuple([t._dtype for t in record.inputs])
    return record if kind == "record" else wanted


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """One operation: kernel, rules and facts.

    Facts: `several` (the result is a tuple), `gaps` (its vjp rules take None for a result's
    cotangent that is not there, instead of zeros), `broadcasts` (inputs broadcast against each
    other, so the walk sums cotangents back), `differentiable` (some input has a derivative),
    `linear` (in all tensor inputs together), `kinds` (NumPy's letters of the dtypes that the inputs
    may have), `fallible` (a rule is user code and may raise), `notable` (fallible, or a rule is
    owed: the walk looks before it starts), `effect` (it does something besides its result, and is
    done once in the order of the program), `host` (the kernel computes with NumPy whatever the
    namespace, often because the shape of its result depends on values: a program that holds it is
    not compiled)."""

    name: str
    kernel: Callable[..., Any]
    inputs: tuple[str, ...]
    vjps: tuple[Any, ...]
    jvps: tuple[Any, ...]
    batch: Callable[..., Any] | None
    shape: Callable[..., Any]
    joint_vjp: Rule | None = None
    joint_jvp: Rule | None = None
    several: bool = False
    gaps: bool = False
    variadic: bool = False
    broadcasts: bool = False
    linear: bool = False
    effect: bool = False
    host: bool = False
    fallible: bool = False
    differentiable: bool = True
    kinds: str = "biufcV"
    family: str = "free"
    doc: str = ""
    notable: bool = False
    straight: dict[Any, Any] = field(default_factory=dict)  # filled by autodiff.straight
    pushes: dict[Any, Any] = field(default_factory=dict)  # filled by autodiff.straight_forward
    _kept: dict[Any, Any] = field(default_factory=dict)

    def kept(self, wanted: tuple[bool, ...]) -> tuple[tuple[int, ...], bool]:
        """How the rules need each input (TENSOR, SPEC, NOT), and whether they need the output.

        `wanted` says which inputs are connected: only their rules count.
        """
        found = self._kept.get(wanted)
        if found is None:
            rules = [self.joint_vjp] if self.joint_vjp else []
            if not rules:
                rules = [r for r, w in zip(self.vjps, wanted, strict=True) if w and type(r) is Rule]
            tensors = frozenset().union(*[r.tensors for r in rules])
            specs = frozenset().union(*[r.specs for r in rules])
            how = tuple(
                (
                    TENSOR
                    if i in tensors or ALL in tensors
                    else SPEC
                    if i in specs or ALL in specs
                    else NOT
                )
                for i in range(len(wanted))
            )
            found = self._kept[wanted] = (how, any(r.out for r in rules))
        return found

    def pull(self, record: Any, ct: Any) -> list[Any]:
        """The cotangents of the record's inputs, None where not wanted."""
        parents = record.parents
        if self.joint_vjp is not None:
            wanted = tuple([p is not None for p in parents])
            return list(self.joint_vjp(ct, record, wanted))
        return [
            None if p is None else rule(ct, record) if type(rule) is Rule else rule
            for p, rule in zip(parents, self.vjps, strict=True)
        ]

    def __repr__(self) -> str:
        return f"<primitive {self.name}({', '.join(self.inputs)})>"


def primitive(
    name: str,
    kernel: Callable[..., Any],
    *,
    vjps: Any = None,
    jvps: Any = None,
    joint_vjp: Callable[..., Any] | None = None,
    joint_jvp: Callable[..., Any] | None = None,
    batch: Callable[..., Any] | None = None,
    shape: Callable[..., Any],
    **facts: Any,
) -> Primitive:
    """Declare a primitive and enter it in the registry.

    `vjps` and `jvps` are sequences with an entry for each array input of the kernel: a rule, a
    `Nothing` or an `Owed`. Kernels with a variable number of inputs (`*arrays`) and rules that
    share work use `joint_vjp` and `joint_jvp`, which return and receive a sequence with None where
    nothing is wanted or given."""
    code = kernel.__code__
    inputs = code.co_varnames[1 : code.co_argcount]
    variadic = bool(code.co_flags & inspect.CO_VARARGS)

    def rules(entries: Any) -> tuple[Any, ...]:
        return tuple(
            e if isinstance(e, (Nothing, Owed, Rule)) else Rule(e, inputs) for e in entries or ()
        )

    made = Primitive(
        name=name,
        kernel=kernel,
        inputs=inputs,
        vjps=rules(vjps),
        jvps=rules(jvps),
        joint_vjp=Rule(joint_vjp, inputs) if joint_vjp else None,
        joint_jvp=Rule(joint_jvp, inputs) if joint_jvp else None,
        batch=batch,
        shape=shape,
        variadic=variadic,
        notable=facts.get("fallible", False) or any(isinstance(e, Owed) for e in vjps or ()),
        **facts,
    )
    if made.name in registry:
        raise ValueError(f"A primitive named {name!r} exists already; choose another name.")
    if not variadic and made.joint_vjp is None and made.differentiable:
        if len(made.vjps) != len(inputs):
            raise ValueError(
                f"Primitive {name!r} has inputs {inputs} but {len(made.vjps)} entries in vjps: give"
                " one each."
            )
    registry[name] = made
    return made
