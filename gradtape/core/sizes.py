"""`Size`: the size of an axis that is known only when values come, as an expression.

A placeholder of shape [None, 3] has the shape (n1, 3). Rules compute with shapes, so n1 must add,
multiply and divide like a number; what comes of it is a polynomial with integer coefficients in
such *atoms*: unknown sizes, and quotients, remainders and maxima of polynomials. Two sizes are
equal when their polynomials are. A comparison that depends on the value is answered for a large
size (n1 > 0, n1 > 5, n1 != 1), because that is what programs mean by an open axis; where shapes
must agree, `same` takes it for granted. Such answers, but for n1 != 1, are noted by the mode as
assumptions, which are checked when values come. Whatever needs the number itself (`range(n1)`)
raises `UnknownSizeError`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from gradtape.core.state import here

Monomial = tuple["Atom", ...]
_numbers = itertools.count(1)


class UnknownSizeError(TypeError):
    """Something needs the size of an axis that is not known before values come."""


class Atom:
    """An unknown size, or a function of sizes that is no polynomial."""

    __slots__ = ("arguments", "function", "name", "number")

    def __init__(self, name: str, function: Any = None, arguments: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.function: Callable[..., int] | None = function
        self.arguments = arguments
        self.number = next(_numbers)

    def key(self) -> Any:
        """What tells it apart from others."""
        return (self.name, self.arguments) if self.function else self.number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def value(self, known: dict[Any, Any]) -> Any:
        """Its number, when the unknown sizes are known; a `Size` while they are not."""
        if self.function is None:
            return known[self] if self in known else Size({(self,): 1})
        return self.function(*[value_of(a, known) for a in self.arguments])

    def __repr__(self) -> str:
        if self.function is None:
            return self.name
        return f"{self.name}({', '.join(map(repr, self.arguments))})"


class Size:
    """A polynomial of unknown sizes, as {monomial: coefficient}."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Monomial, int]) -> None:
        self.terms = terms
        self._hash = hash(frozenset(terms.items()))

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is Size and self.terms == other.terms)

    def __hash__(self) -> int:
        return self._hash

    # arithmetic

    def __add__(self, other: Any) -> Any:
        if not _is_size(other):
            return NotImplemented
        total = dict(self.terms)
        for monomial, factor in _terms(other).items():
            total[monomial] = total.get(monomial, 0) + factor
        return _simplest(total)

    __radd__ = __add__

    def __neg__(self) -> Any:
        return _simplest({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if not _is_size(other):
            return NotImplemented
        product: dict[Monomial, int] = {}
        for (m, c), (n, d) in itertools.product(self.terms.items(), _terms(other).items()):
            both = tuple(sorted((*m, *n), key=lambda a: a.number))
            product[both] = product.get(both, 0) + c * d
        return _simplest(product)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        exact = _quotient(self, other)
        if exact is not None:
            return exact
        if type(other) is int and other > 0 and _sign(self) == -1:  # atoms are not negative
            return -((other - 1 - self) // other)
        return _atom("floordiv", _floordiv, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _atom("floordiv", _floordiv, other, self)

    def __mod__(self, other: Any) -> Any:
        return 0 if _quotient(self, other) is not None else _atom("mod", _mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _atom("mod", _mod, other, self)

    # order: as for a large size

    def __lt__(self, other: Any) -> bool:
        return not _reaches(self, other)

    def __le__(self, other: Any) -> bool:
        return _reaches(other, self)

    def __gt__(self, other: Any) -> bool:
        return not _reaches(other, self)

    def __ge__(self, other: Any) -> bool:
        return _reaches(self, other)

    def __bool__(self) -> bool:
        return _reaches(self, 1)

    # what needs the number itself

    def __index__(self) -> int:
        raise UnknownSizeError(
            f"an axis of size {self!r} is not known before values come. Give the size in the "
            "signature or placeholder, or use operations on the whole axis."
        )

    def _number(self, *others: Any) -> Any:
        return self.__index__()

    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __float__ = __int__ = __round__ = _number

    def __repr__(self) -> str:
        parts = []
        for monomial, factor in self.terms.items():
            names = [repr(a) for a in monomial]
            parts.append("*".join([str(factor)] * (factor != 1 or not names) + names))
        return " + ".join(parts)


def unknown_size() -> Any:
    """A size of which nothing is known."""
    atom = Atom("n")
    atom.name = f"n{atom.number}"
    return Size({(atom,): 1})


def opened(shape: Iterable[Any]) -> tuple[Any, ...]:
    """A shape with a size of its own wherever it is open."""
    return tuple([unknown_size() if n is None else n for n in shape])


def larger(a: Any, b: Any) -> Any:
    """The maximum of two sizes."""
    if type(a) is int and type(b) is int:
        return max(a, b)
    found = _sign(a - b)
    if found is None:
        return _atom("max", larger, a, b)
    low, high = (b, a) if found >= 0 else (a, b)
    return high if _reaches(high, low) else low


def smaller(a: Any, b: Any) -> Any:
    """The minimum of two sizes."""
    return a + b - larger(a, b)


def same(a: Any, b: Any) -> bool:
    """Whether two sizes agree; what is not known is taken for granted and noted."""
    if a == b or a is None or b is None:
        return True
    if type(a) is Size or type(b) is Size:
        _assume(a, b)
        return True
    return False


def at_least(a: Any, b: Any) -> bool:
    """Whether a >= b; what is not known is taken for granted and noted."""
    if type(a - b) is int:
        return a >= b
    if not _never_negative(a - b):
        _assume(_atom("max", larger, b, a), a)
    return True


def same_shape(a: Any, b: Any) -> bool:
    """Whether two shapes agree, as `same`."""
    return a == b or (len(a) == len(b) and all([same(n, m) for n, m in zip(a, b)]))


def value_of(size: Any, known: dict[Any, Any]) -> Any:
    """A size as a number, when the unknown sizes are known; a `Size` while they are not."""
    if type(size) is not Size:
        return size
    total: Any = 0
    for monomial, factor in size.terms.items():
        for atom in monomial:
            factor *= atom.value(known)
        total += factor
    return total


def open_sizes(value: Any) -> bool:
    """Whether a size that is not known occurs in a parameter, however deep."""
    if type(value) is Size:
        return True
    if type(value) in (tuple, list):
        return any(open_sizes(v) for v in value)
    if type(value) is dict:
        return any(open_sizes(v) for v in value.values())
    return False


def closed(value: Any, known: dict[Any, int]) -> Any:
    """A parameter with numbers in place of sizes."""
    if type(value) is Size:
        return value_of(value, known)
    if type(value) in (tuple, list):
        return type(value)([closed(v, known) for v in value])
    if type(value) is dict:
        return {k: closed(v, known) for k, v in value.items()}
    return value


def bind(shape: Iterable[Any], actual: Iterable[int], known: dict[Any, int]) -> bool:
    """Note what the actual shape says of a declared one; False when they contradict each other.

    Of a size that is composed of others nothing is noted."""
    for size, number in zip(shape, actual, strict=True):
        if type(size) is not Size:
            if size != number:
                return False
        elif (atom := unknown_of(size)) and known.setdefault(atom, number) != number:
            return False
    return True


def unknown_of(size: Any) -> Atom | None:
    """The unknown that a size is, None where it is composed."""
    if type(size) is not Size or len(size.terms) != 1:
        return None
    ((monomial, factor),) = size.terms.items()
    single = factor == 1 and len(monomial) == 1 and monomial[0].function is None
    return monomial[0] if single else None


def told_by(shapes: Iterable[Any]) -> set[Any]:
    """The unknown sizes that actual shapes tell when they come in the place of these."""
    return {unknown_of(n) for shape in shapes if type(shape) is tuple for n in shape}


def unknowns(value: Any) -> set[Atom]:
    """The unknown sizes on which a parameter depends, however deep."""
    if type(value) is Size:
        atoms = {a for monomial in value.terms for a in monomial}
        return set().union(*[unknowns(a.arguments) if a.function else {a} for a in atoms])
    if type(value) in (tuple, list):
        return set().union(*[unknowns(v) for v in value])
    if type(value) is dict:
        return set().union(*[unknowns(v) for v in value.values()])
    return set()


def _sign(difference: Any) -> int | None:
    """The sign for large sizes, None where it depends on which of them is larger."""
    if type(difference) is int:
        return (difference > 0) - (difference < 0)
    leading = [c > 0 for m, c in difference.terms.items() if m]
    return None if any(leading) and not all(leading) else 1 if leading[0] else -1


def _reaches(a: Any, b: Any) -> bool:
    """Whether a >= b; what is true of large sizes alone is noted."""
    found = _sign(a - b)
    if found is None:
        raise UnknownSizeError(f"whether {a!r} or {b!r} is larger is not known yet.")
    low, high = (b, a) if found >= 0 else (a + 1, b)
    if not _never_negative(high - low):
        _assume(_atom("max", larger, low, high), high)
    return found >= 0


def _never_negative(size: Any) -> bool:
    """Whether a size is at least 0 whatever the unknown sizes are."""
    return all(
        [
            factor >= 0 and all([_never_negative_atom(a) for a in monomial])
            for monomial, factor in _terms(size).items()
        ]
    )


def _never_negative_atom(atom: Atom) -> bool:
    sure = [_never_negative(a) for a in atom.arguments]
    return any(sure) if atom.name == "max" else all(sure)


def _assume(a: Any, b: Any) -> None:
    if here.mode is not None:
        here.mode.assume(a, b)


def _is_size(value: Any) -> bool:
    return type(value) is int or type(value) is Size


def _terms(value: Any) -> dict[Monomial, int]:
    return value.terms if type(value) is Size else {(): value} if value else {}


def _simplest(terms: dict[Monomial, int]) -> Any:
    """The polynomial, or a number when it is constant."""
    terms = {m: c for m, c in terms.items() if c}
    if not terms:
        return 0
    if terms.keys() == {()}:
        return terms[()]
    return Size(terms)


def _quotient(a: Size, b: Any) -> Any:
    """a / b when every term of a is divisible by the single term b, else None."""
    divisor = _terms(b)
    if len(divisor) != 1:
        return None
    ((atoms, factor),) = divisor.items()
    found: dict[Monomial, int] = {}
    for monomial, c in a.terms.items():
        rest = list(monomial)
        for atom in atoms:
            if atom not in rest:
                return None
            rest.remove(atom)
        if c % factor:
            return None
        found[tuple(rest)] = c // factor
    return _simplest(found)


def _atom(name: str, function: Callable[..., int], *arguments: Any) -> Size:
    return Size({(Atom(name, function, arguments),): 1})


def _floordiv(a: int, b: int) -> int:
    return a // b


def _mod(a: int, b: int) -> int:
    return a % b
