"""Numbers and names as the report writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEVEL = 0.05  # of corrected p-values, where the config names none

SPACES = {
    "rate": "word rate",
    "controls": "controls",
    "lm": "controls + language model",
}
PARTS = {
    "rate": "word rate",
    "static": "static embedding",
    "untrained": "untrained model",
    "base": "language model",
}
MEASURES = {
    "squared_error": "squared error (published)",
    "gap": "gap to other people's brains",
    "added_by_others": "added by other people's brains to model and controls",
    "residual_product": "cross-person residual product",
    "residual_product_components": "residual product on shared components",
    "residual_product_generalised": "residual product on generalised components",
}


def number(value: float | None, digits: int = 3) -> str:
    """A value with a fixed number of decimals; `n/a` for what does not exist."""
    if value is None or not np.isfinite(value):
        return "n/a"
    return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0: no minus before a zero


def signed(value: float | None, digits: int = 3) -> str:
    """As `number`, with its sign."""
    if value is None or not np.isfinite(value):
        return "n/a"
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def p_value(value: float | None) -> str:
    """A p-value to three decimals; smaller ones as a bound."""
    if value is None or not np.isfinite(value):
        return "n/a"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def gain(value: float) -> str:
    """A gain given in training variances, written in thousandths of them (they are small)."""
    return signed(1e3 * value, 2)


def gain_interval(value: float, low: float, high: float) -> str:
    """A gain and, below it, its interval, as `gain`."""
    return f"{gain(value)}\n[{gain(low)}, {gain(high)}]"


def percent(share: float) -> str:
    """A share as a whole percentage; 0% and 100% only for none and all."""
    if not np.isfinite(share):
        return "n/a"
    if 0 < share < 0.01:
        return "< 1%"
    if 0.99 < share < 1:
        return "> 99%"
    return f"{100 * share:.0f}%"


def count(n: int, thing: str, things: str | None = None) -> str:
    """`1 word`, `2 words`."""
    return f"{n:,} {thing if n == 1 else things or thing + 's'}"


def names(items: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def part(name: str) -> str:
    """A part of a feature space, as written in the text."""
    return PARTS.get(name, plain(name))


def plain(name: str) -> str:
    """A name from the config in words."""
    return name.replace("_", " ")


def space(name: str) -> str:
    """A feature space in words."""
    return SPACES.get(name, plain(name))


def measure(name: str) -> str:
    """A divergence measure in words, also its relative and adjusted forms."""
    for ending, words in (("_relative", ", relative"), ("_adjusted", ", adjusted")):
        if name.endswith(ending):
            return MEASURES.get(name.removesuffix(ending), plain(name)) + words
    return MEASURES.get(name, plain(name))
