"""Names of the kinds of simulated noise."""

from __future__ import annotations

NOISE = {
    "ar0": "AR 0",
    "ar50": "AR .5",
    "ar80": "AR .8",
    "ar95": "AR .95",
    "drift": "drift",
    "one_over_f": "1/f",
}


def noise_name(name: str) -> str:
    """A kind of noise as the page writes it."""
    return NOISE.get(name, name)
