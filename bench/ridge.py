"""Time, memory and agreement of nested ridge: `python -m bench.ridge --size toy|paper|large`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from statistics import median

import numpy as np

from bench.agreement import against_explicit_loops, against_peers
from bench.machine import describe, kernels, product_contenders
from bench.measure import Arrays, Contender, Run, ratios, run_in_turns, spread
from bench.ridge_contenders import contiguous_folds
from bench.simulated import simulate
from bench.tables import markdown
from lmbrain.artefacts import atomic_path
from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError

PACKAGES = ("numpy", "scipy", "scikit-learn", "himalaya", "torch")
PEERS = ("himalaya", "himalaya-torch", "scikit-learn", "published")
CHECK = "explicit-loops"
CHECKED_TARGETS = 40
# Penalties of the released code; it also standardises its features.
PUBLISHED_PENALTIES = [10.0, 1000.0]


# himalaya's batch: all at once is no faster at the paper's size and needs half as much again.
PENALTIES_PER_BATCH = 5


@dataclass(frozen=True)
class Size:
    """A problem and how it is run by default.

    Attributes
    ----------
    penalties : (lowest, highest, number)
        Log grid: powers of ten of its ends.
    peer_folds : int
        Outer folds that peers run; fewer than `outer` are scaled up to all.
    contenders : tuple of str
        Beside this project.
    """

    n_samples: int
    n_features: int
    sensors: int
    bins: int
    outer: int
    gap: float
    penalties: tuple[float, float, int]
    peer_folds: int
    rounds: int
    contenders: tuple[str, ...] = ("himalaya", "scikit-learn", "published", CHECK)

    @property
    def n_targets(self) -> int:
        """Sensors times bins."""
        return self.sensors * self.bins

    @property
    def grid(self) -> list[float]:
        """The penalties."""
        return np.logspace(*self.penalties).tolist()


SIZES = {
    "toy": Size(
        n_samples=1_000,
        n_features=100,
        sensors=100,
        bins=5,
        outer=5,
        gap=20,
        penalties=(2.5, 6, 8),
        peer_folds=5,
        rounds=5,
    ),
    "paper": Size(
        n_samples=5_156,
        n_features=1_600,
        sensors=306,
        bins=20,
        outer=10,
        gap=20,
        penalties=(3.5, 7, 15),
        peer_folds=10,
        rounds=3,
    ),
    "large": Size(
        n_samples=20_000,
        n_features=1_600,
        sensors=300,
        bins=10,
        outer=10,
        gap=20,
        penalties=(3.5, 7, 15),
        peer_folds=1,
        rounds=1,
        contenders=("himalaya",),
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, run, print tables, write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.ridge", description=__doc__)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--spectrum", choices=("power", "flat"), default="power")
    parser.add_argument("--rounds", type=int, help="default: by size")
    parser.add_argument(
        "--contenders", nargs="*", choices=(*PEERS, CHECK), help="beside lmbrain; default: by size"
    )
    parser.add_argument("--peer-folds", type=int, help="outer folds that peers run")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    given = parser.parse_args(arguments)
    size = SIZES[given.size]
    names = size.contenders if given.contenders is None else tuple(given.contenders)
    run_folds = size.peer_folds if given.peer_folds is None else given.peer_folds
    rounds = size.rounds if given.rounds is None else given.rounds
    if not (1 <= run_folds <= size.outer and rounds >= 1):
        parser.error(f"--rounds is 1 or more, --peer-folds 1 to {size.outer}")
    try:
        report = compare(size, names, rounds, run_folds, given.spectrum)
    except LmbrainError as error:
        sys.exit(f"Error: {error}")
    report = {"size": given.size, "spectrum": given.spectrum} | report
    print(as_markdown(report))
    if given.output is not None:
        with atomic_path(given.output) as path:
            path.write_text(json.dumps(report, indent=1))


def compare(
    size: Size, names: Sequence[str], rounds: int, run_folds: int, spectrum: str = "power"
) -> dict:
    """Run this project and the named peers in turns, and the check once; everything as JSON."""
    if any("himalaya" in name for name in names) and not importlib.util.find_spec("himalaya"):
        raise LmbrainError("himalaya is not installed; install the extra: pip install .[bench]")
    machine = describe([name for name in PACKAGES if importlib.util.find_spec(_module(name))])
    data = simulate(size.n_samples, size.n_features, size.n_targets, spectrum)
    listed = contenders(size, names, run_folds)
    runs, results = run_in_turns([*product_contenders(), *listed], data, rounds)
    rates = {
        dtype: float(results.pop(f"matrix product {dtype}")["rate"])
        for dtype in ("float32", "float64")
    }
    folds = contiguous_folds(size.n_samples, size.outer, size.gap)
    products = inner_prediction_seconds(size, folds, rates["float32"])
    other_grid = [one.name for one in listed if one.settings["penalties"] != size.grid]
    report = {
        "problem": asdict(size),
        "machine": machine | {"kernels": kernels(chain(*runs.values()))},
        "product_rates": rates,
        "inner_prediction_seconds": products,
        "fraction_of_product_rate": products / median(run.seconds for run in runs["lmbrain"]),
        "times": times(listed, runs, size.outer),
        "agreement": against_peers(results, data["responses"], folds, size.grid, other_grid),
        "runs": {name: [asdict(run) for run in every] for name, every in runs.items()},
    }
    if CHECK in names:
        report["check"] = _check(size, data, results["lmbrain"])
    return report


def contenders(size: Size, names: Sequence[str], run_folds: int) -> list[Contender]:
    """This project and the named peers."""
    common = {"outer": size.outer, "gap": size.gap, "penalties": size.grid}
    loop = common | {"run_folds": run_folds}
    batches = {"penalties_per_batch": PENALTIES_PER_BATCH}
    settings = {
        "lmbrain": common,
        "himalaya": loop | batches,
        "himalaya-torch": loop | batches | {"backend": "torch"},
        "scikit-learn": loop,
        "published": {
            "outer": size.outer,
            "penalties": PUBLISHED_PENALTIES,
            "sensors": size.sensors,
            "run_folds": run_folds,
        },
    }
    functions = {"himalaya-torch": "himalaya", "scikit-learn": "scikit_learn"}
    return [
        Contender(name, f"bench.ridge_contenders:{functions.get(name, name)}", settings[name])
        for name in settings
        if name == "lmbrain" or name in names
    ]


def inner_prediction_seconds(size: Size, folds: Folds, rate: float) -> float:
    """Seconds of nothing but the products that predict every inner fold at every penalty.

    (m, q) times (q, t) for m scored samples, q the smaller of training samples and features, t
    targets, at the machine's float32 rate: the floor of forming all inner predictions. A method
    that needs fewer products can be faster.
    """
    operations = sum(
        2 * folds.score(inner, fold).sum() * min(size.n_features, folds.train(fold, inner).sum())
        for fold in range(folds.n_outer)
        for inner in range(folds.n_outer)
        if inner != fold
    )
    return float(operations) * size.n_targets * len(size.grid) / rate


def times(
    listed: Sequence[Contender], runs: dict[str, list[Run]], outer: int
) -> list[dict[str, str]]:
    """Rows of the table of times and memory; peers that ran fewer folds are scaled to all."""
    rows = []
    for contender in listed:
        every = runs[contender.name]
        ran = contender.settings.get("run_folds", outer)
        scale = outer / ran
        compared = [scale * ratio for ratio in ratios(every, runs["lmbrain"])]
        rows.append(
            {
                "contender": contender.name,
                "outer folds run": f"{ran} of {outer}",
                "seconds for all": spread([scale * run.seconds for run in every], digits=2),
                "times lmbrain's": spread(compared),
                "cores busy": spread([run.cpu_seconds / run.seconds for run in every]),
                "peak memory, GB": spread([run.peak_bytes / 1e9 for run in every], digits=2),
                "of it before the solve": spread([run.start_bytes / 1e9 for run in every], 2),
            }
        )
    return rows


def as_markdown(report: dict) -> str:
    """Tables and the machine of a report of `compare`, for reading and for the documentation."""
    rates = report["product_rates"]
    lines = [f"- {key}: {value}" for key, value in report["machine"].items()]
    lines += [
        f"- matrix products: {rates['float32'] / 1e9:.0f} (float32) and "
        f"{rates['float64'] / 1e9:.0f} (float64) thousand million operations a second",
        f"- products of all inner predictions alone, at the float32 rate: "
        f"{report['inner_prediction_seconds']:.2f} s; lmbrain's whole solve runs at "
        f"{report['fraction_of_product_rate']:.2f} of that rate",
    ]
    parts = ["\n".join(lines), markdown(report["times"]), markdown(report["agreement"])]
    if "check" in report:
        parts.append(markdown([report["check"]]))
    return "\n\n".join(part for part in parts if part)


def _check(size: Size, data: Arrays, own: Arrays) -> dict[str, str]:
    """Compare this project with explicit loops on some targets, drawn at random."""
    number = min(CHECKED_TARGETS, size.n_targets)
    targets = np.random.default_rng(1).choice(size.n_targets, number, replace=False).tolist()
    settings = {
        "outer": size.outer,
        "gap": size.gap,
        "penalties": size.grid,
        "targets": targets,
    }
    loops = Contender(CHECK, "bench.ridge_contenders:explicit_loops", settings)
    _, results = run_in_turns([loops], data, rounds=1)
    return against_explicit_loops(own, results[CHECK], targets, size.grid)


def _module(package: str) -> str:
    return {"scikit-learn": "sklearn"}.get(package, package)


if __name__ == "__main__":
    main()
