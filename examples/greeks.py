"""Price European options and take all their Greeks to third order, at a strip of spots at once.

F. Black and M. Scholes (1973) and R. C. Merton price a call on a share without dividends as
S N(d1) - K exp(-r tau) N(d2). The program writes this one formula down; the gradient, the matrix of
second derivatives and the cube of third ones (4, 16 and 64 numbers at each spot) by the spot S, the
volatility sigma, the rate r and the time to expiry tau come from three tapes, one in the other, as
two Jacobians of a batch. The Greeks are entries of these, and are compared with the closed forms of
the books (E. G. Haug, The Complete Guide to Option Pricing Formulas, 2007), which `textbook` has
by hand in NumPy. Theta, charm and color count the passing of time, so they are minus the derivative
by tau. Run it with `python examples/greeks.py`; it draws `greeks.png`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import permutations

import matplotlib
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import norm

import gradtape as tf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

STRIKE, VOLATILITY, RATE, EXPIRY = 100.0, 0.2, 0.05, 0.5
SPOT, SIGMA, R, TAU = range(4)  # columns of the inputs
SYMBOLS = ("S", "\\sigma", "r", "\\tau")
KINDS = {"call": 1.0, "put": -1.0}

# what each Greek differentiates by, and its sign
GREEKS = {
    "delta": (1, (SPOT,)),
    "vega": (1, (SIGMA,)),
    "theta": (-1, (TAU,)),
    "rho": (1, (R,)),
    "gamma": (1, (SPOT, SPOT)),
    "vanna": (1, (SPOT, SIGMA)),
    "volga": (1, (SIGMA, SIGMA)),
    "charm": (-1, (SPOT, TAU)),
    "speed": (1, (SPOT, SPOT, SPOT)),
    "zomma": (1, (SPOT, SPOT, SIGMA)),
    "color": (-1, (SPOT, SPOT, TAU)),
    "ultima": (1, (SIGMA, SIGMA, SIGMA)),
}


def price(inputs: tf.Tensor, sign: float) -> tf.Tensor:
    """The price (n,) for inputs (n, 4) of spot, volatility, rate and time; sign -1 is the put."""
    spot, sigma, rate, tau = tf.unstack(inputs, axis=1)
    spread = sigma * tf.sqrt(tau)
    d1 = (tf.math.log(spot / STRIKE) + (rate + sigma**2 / 2) * tau) / spread
    d2 = d1 - spread
    discount = tf.exp(-rate * tau)
    return sign * (spot * normal(sign * d1) - STRIKE * discount * normal(sign * d2))


def normal(x: tf.Tensor) -> tf.Tensor:
    """The distribution function of the normal law."""
    return tf.math.erfc(-x / np.sqrt(2)) / 2


def differentiated(inputs: tf.Tensor, sign: float) -> tuple[tf.Tensor, ...]:
    """Value (n,), gradient (n, 4), second (n, 4, 4) and third derivatives (n, 4, 4, 4)."""
    with tf.GradientTape() as third:
        third.watch(inputs)
        with tf.GradientTape() as second:
            second.watch(inputs)
            with tf.GradientTape() as first:
                first.watch(inputs)
                value = price(inputs, sign)
            gradient = first.gradient(value, inputs)
        hessian = second.batch_jacobian(gradient, inputs)
    return value, gradient, hessian, third.batch_jacobian(hessian, inputs)


@dataclass(frozen=True)
class Strip:
    """The prices and Greeks of one kind of option at the spots."""

    spots: np.ndarray
    price: np.ndarray
    greeks: dict[str, np.ndarray]
    third: np.ndarray


def by_tapes(spots: np.ndarray, kind: str) -> Strip:
    """All Greeks from the derivatives of the price."""
    rest = np.broadcast_to([VOLATILITY, RATE, EXPIRY], (len(spots), 3))
    inputs = tf.constant(np.column_stack([spots, rest]))
    value, *orders = (part.numpy() for part in differentiated(inputs, KINDS[kind]))
    greeks = {
        name: sign * orders[len(place) - 1][:, *place] for name, (sign, place) in GREEKS.items()
    }
    return Strip(spots, value, greeks, orders[2])


def textbook(spots: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """The price and the Greeks by their closed forms."""
    sign, sigma, r, tau = KINDS[kind], VOLATILITY, RATE, EXPIRY
    root = np.sqrt(tau)
    d1 = (np.log(spots / STRIKE) + (r + sigma**2 / 2) * tau) / (sigma * root)
    d2 = d1 - sigma * root
    density, owed = norm.pdf(d1), STRIKE * np.exp(-r * tau)
    gamma, vega = density / (spots * sigma * root), spots * density * root
    drift = (2 * r * tau - d2 * sigma * root) / (2 * tau * sigma * root)
    return {
        "price": sign * (spots * norm.cdf(sign * d1) - owed * norm.cdf(sign * d2)),
        "delta": sign * norm.cdf(sign * d1),
        "vega": vega,
        "theta": -vega * sigma / (2 * tau) - sign * r * owed * norm.cdf(sign * d2),
        "rho": sign * tau * owed * norm.cdf(sign * d2),
        "gamma": gamma,
        "vanna": -density * d2 / sigma,
        "volga": vega * d1 * d2 / sigma,
        "charm": -density * drift,
        "speed": -gamma / spots * (d1 / (sigma * root) + 1),
        "zomma": gamma * (d1 * d2 - 1) / sigma,
        "color": gamma * (1 / (2 * tau) + drift * d1),
        "ultima": -vega / sigma**2 * (d1 * d2 * (1 - d1 * d2) + d1**2 + d2**2),
    }


def differences(strip: Strip, kind: str) -> dict[str, float]:
    """The largest differences from the closed forms, relative to the largest on the strip."""
    known = textbook(strip.spots, kind)
    found = {"price": strip.price, **strip.greeks}
    return {
        name: float(np.abs(found[name] - known[name]).max() / np.abs(known[name]).max())
        for name in known
    }


def asymmetry(third: np.ndarray) -> float:
    """How far the third derivatives are from not depending on their order, relatively."""
    turned = [np.transpose(third, (0, *order)) for order in permutations((1, 2, 3))]
    return max(float(np.abs(third - other).max()) for other in turned) / float(np.abs(third).max())


def parity(call: Strip, put: Strip) -> float:
    """By how much call less put misses S - K exp(-r tau), relative to the strike."""
    forward = call.spots - STRIKE * np.exp(-RATE * EXPIRY)
    return float(np.abs(call.price - put.price - forward).max() / STRIKE)


def formula(name: str) -> str:
    """What a Greek is, as a formula."""
    sign, place = GREEKS[name]
    power = f"^{len(place)}" if len(place) > 1 else ""
    below = "\\,".join(
        f"\\partial {SYMBOLS[i]}" + (f"^{place.count(i)}" if place.count(i) > 1 else "")
        for i in dict.fromkeys(place)
    )
    return f"${'-' if sign < 0 else ''}\\partial{power} V / {below}$"


def report(strips: dict[str, Strip], console: Console) -> None:
    """Print each Greek at the strike beside its closed form, and the largest differences."""
    table = Table("", "call", "by hand", "put", "by hand", "difference")
    table.title = f"At the spot {STRIKE:g}; largest relative difference on the strip"
    places = {kind: int(np.abs(s.spots - STRIKE).argmin()) for kind, s in strips.items()}
    known = {kind: textbook(strip.spots, kind) for kind, strip in strips.items()}
    errors = {kind: differences(strip, kind) for kind, strip in strips.items()}
    for name in ("price", *GREEKS):
        row = []
        for kind, strip in strips.items():
            found = strip.price if name == "price" else strip.greeks[name]
            row += [f"{values[places[kind]]:.5g}" for values in (found, known[kind][name])]
        table.add_row(name, *row, f"{max(error[name] for error in errors.values()):.1e}")
    console.print(table)
    worst = max(max(error.values()) for error in errors.values())
    console.print(f"Largest relative difference from the closed forms: [bold]{worst:.1e}[/bold]")
    console.print(f"Put-call parity holds to {parity(strips['call'], strips['put']):.1e}")
    console.print(
        "The order of third derivatives does not matter to"
        f" {max(asymmetry(strip.third) for strip in strips.values()):.1e}"
    )


def draw(strips: dict[str, Strip], path: str) -> None:
    """Every Greek over the spot, and how far each is from its closed form."""
    figure = plt.figure(figsize=(15, 8.5), layout="constrained")
    grid = figure.add_gridspec(3, 5)
    styles = {"call": ("tab:blue", "-"), "put": ("tab:red", "--")}
    for number, name in enumerate(("price", *GREEKS)):
        axes = figure.add_subplot(grid[divmod(number, 5)])
        for kind, strip in strips.items():
            colour, line = styles[kind]
            values = strip.price if name == "price" else strip.greeks[name]
            axes.plot(strip.spots, values, line, color=colour, label=kind, linewidth=2)
        axes.axvline(STRIKE, color="gray", linewidth=0.8, linestyle=":")
        axes.set_title("price V" if name == "price" else f"{name}  {formula(name)}")
        axes.set_xlabel("spot S")
        axes.ticklabel_format(axis="y", scilimits=(-3, 4))
        if number == 0:
            axes.legend()
    axes = figure.add_subplot(grid[2, 3:])
    errors = {kind: differences(strip, kind) for kind, strip in strips.items()}
    names = list(errors["call"])
    places = np.arange(len(names))
    for shift, (kind, error) in zip((-0.2, 0.2), errors.items(), strict=True):
        heights = [max(error[name], 1e-17) for name in names]
        axes.bar(places + shift, heights, 0.4, color=styles[kind][0], label=kind)
    axes.set_yscale("log")
    axes.set_ylim(1e-17, 1e-10)
    axes.set_xticks(places, names, rotation=45, ha="right")
    axes.set_title("largest difference from the closed form, relative")
    figure.suptitle(
        f"European options by Black and Scholes: strike {STRIKE:g} (dotted), volatility"
        f" {VOLATILITY:g}, rate {RATE:g}, {EXPIRY:g} years. Red dashes on blue: call and put agree."
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> dict[str, Strip]:
    """Compute, report and draw; returns the strips of calls and puts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--spots", type=int, default=401)
    parser.add_argument("--plot", default="greeks.png", metavar="FILE")
    options = parser.parse_args(arguments)
    console = Console()
    spots = np.linspace(50.0, 150.0, options.spots)
    strips = {kind: by_tapes(spots, kind) for kind in KINDS}
    report(strips, console)
    draw(strips, options.plot)
    console.print(f"drawn: {options.plot}")
    return strips


if __name__ == "__main__":
    main()
