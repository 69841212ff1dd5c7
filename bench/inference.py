"""Time and agreement of the joint sign-flip null: `python -m bench.inference`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bench.machine import describe, kernels
from bench.measure import Arrays, Contender, Run, ratios, run_in_turns, spread
from bench.tables import markdown
from lmbrain.artefacts import atomic_path

PACKAGES = ("numpy", "scipy", "mne")
OWN, MNE = "lmbrain", "mne"
# A story of 5,200 words in blocks of 40, 306 sensors x 20 bins; a tenth of the targets differ.
BLOCKS, SENSORS, BINS = 130, 306, 20


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, run, print a table, write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.inference", description=__doc__)
    parser.add_argument("--resamples", type=int, default=10000, help="for the maximum")
    parser.add_argument("--cluster-resamples", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    given = parser.parse_args(arguments)
    report = compare(given.resamples, given.cluster_resamples, given.rounds)
    print(markdown(report["times"]))
    print()
    print(markdown(report["agreement"]))
    if given.output is not None:
        with atomic_path(given.output) as path:
            path.write_text(json.dumps(report, indent=1))


def compare(resamples: int, cluster_resamples: int, rounds: int) -> dict:
    """Run both corrections by this project and by MNE in turns; as JSON."""
    rng = np.random.default_rng(0)
    sums = rng.standard_normal((BLOCKS, SENSORS * BINS))
    sums[:, : sums.shape[1] // 10] += 0.25
    place = "bench.inference_contenders"
    machine, times, agreement, every = describe(PACKAGES), [], [], {}
    for task, count in (("maximum", resamples), ("clusters", cluster_resamples)):
        settings = {"resamples": count, "bins": BINS}
        contenders = [
            Contender(OWN, f"{place}:lmbrain_{task}", settings),
            Contender(MNE, f"{place}:mne_{task}", settings),
        ]
        runs, results = run_in_turns(contenders, {"sums": sums}, rounds)
        times += [row(f"{task}, {count:,} flips", name, runs) for name in runs]
        agreement.append({"correction": task} | agree(results))
        every |= {f"{task}: {name}": found for name, found in runs.items()}
    return {
        "problem": {"blocks": BLOCKS, "sensors": SENSORS, "bins": BINS},
        "machine": machine
        | {"kernels": kernels([run for found in every.values() for run in found])},
        "times": times,
        "agreement": agreement,
        "runs": {name: [asdict(run) for run in found] for name, found in every.items()},
    }


def row(task: str, name: str, runs: dict[str, list[Run]]) -> dict[str, str]:
    """A row of the table of times."""
    return {
        "correction": task,
        "contender": name,
        "seconds": spread([run.seconds for run in runs[name]], digits=2),
        "times lmbrain's": spread(ratios(runs[name], runs[OWN])),
        "peak memory, GB": spread([run.peak_bytes / 1e9 for run in runs[name]], digits=2),
    }


def agree(results: dict[str, Arrays]) -> dict[str, str]:
    """Largest difference between the two's corrected p, whose flips are drawn apart."""
    own, other = results[OWN]["p"], results[MNE]["p"]
    return {
        "largest difference of p": f"{np.abs(own - other).max():.4f}",
        "below .05 by one only": f"{int(((own < 0.05) != (other < 0.05)).sum())} of {len(own):,}",
    }


if __name__ == "__main__":
    main()
