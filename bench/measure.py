"""Run contenders on the same data, each in its own process, in turns.

A contender is a function `module:function` of the data (a dict of arrays) and its settings. It
imports and loads what it needs and returns the work: a callable without arguments whose wall time
is measured and which returns a dict of arrays. A process of its own gives each contender its own
peak memory, library threads and caches; taking turns spreads a drift of the machine over all.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from lmbrain.errors import LmbrainError

Arrays = dict[str, np.ndarray]
Work = Callable[[], Arrays]

ROOT = Path(__file__).resolve().parents[1]
# These choose a kernel by hand; each contender gets the one that its BLAS picks for the processor.
FORCED_KERNEL = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Contender:
    """A name, the `module:function` that prepares its work, and that function's settings."""

    name: str
    function: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run of one contender.

    Attributes
    ----------
    seconds : float
        Wall time of the work, without imports, loading and preparation.
    cpu_seconds : float
        Processor time of the work over all threads; `seconds` times cores if they were all busy.
    peak_bytes : int
        Largest resident memory of the whole process: libraries and data included.
    start_bytes : int
        Resident memory just before the work, so that `peak_bytes - start_bytes` is what it added.
    kernels : tuple of str
        Libraries of linear algebra and threads that were loaded: name, version, kernel, threads.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    start_bytes: int
    kernels: tuple[str, ...]


def run_in_turns(
    contenders: Sequence[Contender],
    data: Mapping[str, np.ndarray],
    rounds: int,
) -> tuple[dict[str, list[Run]], dict[str, Arrays]]:
    """Run every contender once a round; the order rotates from round to round.

    Parameters
    ----------
    contenders : sequence of Contender
        With different names.
    data : mapping of arrays
        Numbers or strings, no objects; written once to a file that every process reads.
    rounds : int
        Each run leaves a line on the error stream.

    Returns
    -------
    runs : dict of name to list of Run, one a round
    results : dict of name to dict of arrays
        Of the last round.

    Raises
    ------
    LmbrainError
        If a contender fails, with its error.
    """
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    results: dict[str, Arrays] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data_path = Path(folder) / "data.npz"
        np.savez(data_path, **data)
        for number in range(rounds):
            turn = number % len(contenders)
            for contender in (*contenders[turn:], *contenders[:turn]):
                run, results[contender.name] = run_once(contender, data_path)
                runs[contender.name].append(run)
                print(
                    f"round {number + 1}/{rounds}  {contender.name}: {run.seconds:.2f} s, "
                    f"{run.peak_bytes / 1e9:.2f} GB",
                    file=sys.stderr,
                    flush=True,
                )
    return runs, results


def run_once(contender: Contender, data_path: Path) -> tuple[Run, Arrays]:
    """Run a contender in a fresh process on the arrays of an npz file.

    Raises
    ------
    LmbrainError
        If the process fails, with the end of what it wrote to its error stream.
    """
    with tempfile.TemporaryDirectory(prefix="bench-run-") as folder:
        job = {
            "function": contender.function,
            "settings": dict(contender.settings),
            "data": str(data_path),
        }
        (Path(folder) / "job.json").write_text(json.dumps(job))
        process = subprocess.run(
            [sys.executable, "-m", "bench.measure", folder],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
        )
        if process.returncode != 0:
            raise LmbrainError(
                f"Contender '{contender.name}' ({contender.function}) failed with exit status "
                f"{process.returncode}; its last words:\n{process.stderr.strip()[-2000:]}"
            )
        run = json.loads((Path(folder) / "run.json").read_text())
        with np.load(Path(folder) / "result.npz") as archive:
            return Run(**run | {"kernels": tuple(run["kernels"])}), dict(archive)


def environment() -> dict[str, str]:
    """This process's environment without a forced kernel, and with as many threads as cores."""
    kept = {name: value for name, value in os.environ.items() if name not in FORCED_KERNEL}
    return kept | dict.fromkeys(THREADS, str(cores()))


def cores() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def ratios(runs: Sequence[Run], reference: Sequence[Run]) -> list[float]:
    """Seconds over the reference's seconds, round by round."""
    return [one.seconds / other.seconds for one, other in zip(runs, reference, strict=True)]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median [smallest, largest], or the value itself where there is only one."""
    middle = f"{median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def _work(folder: Path) -> None:
    """The process of one contender: prepare, measure the work, write result and measurements."""
    job = json.loads((folder / "job.json").read_text())
    with np.load(job["data"]) as archive:
        data = dict(archive)
    module, _, function = job["function"].partition(":")
    work: Work = getattr(importlib.import_module(module), function)(data, **job["settings"])
    start_bytes, cpu, wall = _resident("VmRSS"), time.process_time(), time.perf_counter()
    result = work()
    run = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": _resident("VmHWM"),
        "start_bytes": start_bytes,
        "kernels": _kernels(),
    }
    np.savez(folder / "result.npz", **result)
    (folder / "run.json").write_text(json.dumps(run))


def _resident(name: str) -> int:
    """Resident bytes of this process, now (VmRSS) or at most so far (VmHWM).

    Linux counts a parent's memory in `ru_maxrss` of a child that it forked, so the kernel's own
    account is read; elsewhere there is only the largest so far, in bytes on macOS.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _kernels() -> list[str]:
    """What threadpoolctl sees: library, version, kernel and threads, each once."""
    described = {
        " ".join(
            str(part)
            for part in (library["internal_api"], library["version"], library.get("architecture"))
            if part
        )
        + f", {library['num_threads']} threads"
        for library in threadpool_info()
    }
    return sorted(described)


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
