"""What a measurement ran on: processor, memory, load, package versions, matrix-product rate."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import psutil

from bench.measure import Arrays, Contender, Run, Work, cores

PRODUCT_SIZE = 3072
PRODUCT_REPEATS = 5


def describe(packages: Sequence[str]) -> dict[str, str]:
    """Processor, cores, memory, other load, system and versions of installed packages."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return {
        "processor": f"{_processor()}, {cores()} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "load before": f"{os.getloadavg()[0]:.1f} processes wanted a core in the last minute",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(versions),
    }


def product_contenders() -> list[Contender]:
    """The machine's own matrix-product rates, to be measured in turns with the others."""
    function = "bench.machine:matrix_product"
    return [
        Contender(f"matrix product {dtype}", function, {"dtype": dtype, "size": PRODUCT_SIZE})
        for dtype in ("float32", "float64")
    ]


def matrix_product(data: Arrays, dtype: str, size: int) -> Work:
    """Square products by numpy; the result is the best rate of some, in operations a second."""
    draw = np.random.default_rng(0)
    left, right = draw.standard_normal((2, size, size)).astype(dtype)

    def work() -> Arrays:
        out = left @ right
        best = np.inf
        for _ in range(PRODUCT_REPEATS):
            start = time.perf_counter()
            np.matmul(left, right, out=out)
            best = min(best, time.perf_counter() - start)
        return {"rate": np.array(2 * size**3 / best)}

    return work


def kernels(runs: Iterable[Run]) -> str:
    """Libraries and kernels that the runs used, each once."""
    return "; ".join(sorted({kernel for run in runs for kernel in run.kernels}))


def _processor() -> str:
    """Model name of the processor."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
