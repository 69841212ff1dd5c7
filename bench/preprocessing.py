"""Time, memory and agreement of cleaning one run: `python -m bench.preprocessing`."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import mne
import numpy as np
import yaml

from bench.machine import describe, kernels
from bench.measure import ROOT, Arrays, Contender, Run, ratios, run_in_turns, spread
from bench.tables import markdown
from lmbrain.artefacts import atomic_path
from lmbrain.simulation.systems import measurement_info

PACKAGES = ("numpy", "scipy", "mne")
OWN, PLAIN, ICA = "lmbrain", "plain", "lmbrain, ICA"
RATE = 1000.0  # Hz
CHUNK = 10.0  # s simulated at a time


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, run, print a table, write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.preprocessing", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ica", action="store_true", help="this project with ICA, too")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    given = parser.parse_args(arguments)
    report = compare(given.minutes, given.rounds, given.ica)
    print(markdown(report["times"]))
    print()
    print(markdown([report["agreement"]]))
    if given.output is not None:
        with atomic_path(given.output) as path:
            path.write_text(json.dumps(report, indent=1))


def compare(minutes: float, rounds: int, ica: bool) -> dict:
    """Clean the same file by this project and by a plain MNE script in turns; as JSON."""
    place = "bench.preprocessing_contenders"
    defaults = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())["preprocessing"]
    machine = describe(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="bench-run-") as folder:
        path = Path(folder) / "run_raw.fif"
        simulate(60 * minutes, np.random.default_rng(0)).save(path, fmt="single", verbose="error")
        given = {"path": str(path), "settings": defaults}
        contenders = [
            Contender(OWN, f"{place}:lmbrain", given),
            Contender(PLAIN, f"{place}:plain", given),
        ]
        if ica:
            changed = defaults | {"artefacts": defaults["artefacts"] | {"method": "ica"}}
            given = given | {"settings": changed}
            contenders.append(Contender(ICA, f"{place}:lmbrain", given))
        runs, results = run_in_turns(contenders, {}, rounds)
        size = path.stat().st_size
    return {
        "problem": {"minutes": minutes, "rate": RATE, "sensors": 306, "file_bytes": size},
        "machine": machine
        | {"kernels": kernels([run for found in runs.values() for run in found])},
        "times": [row(name, runs) for name in runs],
        "agreement": agree(results[OWN], results[PLAIN]),
        "runs": {name: [asdict(run) for run in found] for name, found in runs.items()},
    }


def simulate(seconds: float, rng: np.random.Generator) -> mne.io.RawArray:
    """A run with noise, mains, an alpha rhythm, heart beats, blinks, a noisy and a flat sensor."""
    info = measurement_info(RATE, 50.0, np.zeros(6), "neuromag")
    meg = mne.pick_types(info, meg=True)
    kinds = np.array(info.get_channel_types())[meg]
    noise = np.where(kinds == "grad", 3e-13, 3e-15)[:, None] * np.sqrt(RATE / 2)
    fields = _fields(mne.pick_info(info, meg))
    samples, step = round(seconds * RATE), round(CHUNK * RATE)
    data = np.zeros((len(info.ch_names), samples))
    for start in range(0, samples, step):
        part = slice(start, min(start + step, samples))
        times = np.arange(part.start, part.stop) / RATE
        courses = np.array(
            [
                4e-8 * np.sin(2 * np.pi * 10 * times) * (1 + np.sin(2 * np.pi * 0.2 * times)),
                2e-7 * _bumps(times, 0.9, 0.015),
                2e-7 * _bumps(times, 3.1, 0.07),
            ]
        )
        data[meg, part] = noise * rng.standard_normal((len(meg), len(times))) + fields @ courses
        data[meg, part] += 5 * noise * np.sin(2 * np.pi * 50 * times)
        data[info.ch_names.index("ECG063"), part] = 5e3 * courses[1]
        data[info.ch_names.index("EOG061"), part] = 1e3 * courses[2]
    data[meg[10]] += 2e-10 * rng.standard_normal(samples)
    data[meg[20]] = 0
    return mne.io.RawArray(data, info, verbose="error")


def row(name: str, runs: dict[str, list[Run]]) -> dict[str, str]:
    """A row of the table of times."""
    return {
        "contender": name,
        "seconds": spread([run.seconds for run in runs[name]], digits=0),
        "lmbrain's times its": spread(ratios(runs[OWN], runs[name]), digits=2),
        "processor seconds": spread([run.cpu_seconds for run in runs[name]], digits=0),
        "peak memory, GB": spread([run.peak_bytes / 1e9 for run in runs[name]], digits=2),
        "of it before": spread([run.start_bytes / 1e9 for run in runs[name]], digits=2),
    }


def agree(own: Arrays, other: Arrays) -> dict[str, str]:
    """Largest difference between two cleaned runs, in units of the largest value."""
    difference = np.abs(own["samples"] - other["samples"]).max() / np.abs(other["samples"]).max()
    return {
        "largest relative difference": f"{difference:.1e}",
        "bad sensors of both": ", ".join(own["bad"])
        if list(own["bad"]) == list(other["bad"])
        else f"{list(own['bad'])} against {list(other['bad'])}",
    }


def _bumps(times: np.ndarray, period: float, width: float) -> np.ndarray:
    """A bump of height 1 every period (both s)."""
    return np.exp(-0.5 * (((times + period / 2) % period - period / 2) / width) ** 2)


def _fields(info: mne.Info) -> np.ndarray:
    """Fields of 1 Am in the brain, the heart's direction and the eyes (sensors x 3)."""
    places = np.array([[0.02, 0.0, 0.08], [0.03, 0.0, 0.01], [0.0, 0.065, 0.05]])
    directions = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    ones = np.ones(3)
    dipoles = mne.Dipole(np.arange(3), places, ones, directions, ones)
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), head_radius=None, verbose="error")
    return mne.make_forward_dipole(dipoles, sphere, info, verbose="error")[0]["sol"]["data"]


if __name__ == "__main__":
    main()
