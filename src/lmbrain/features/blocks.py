"""Finished batches of a long extraction, kept on disk until the whole is complete."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from lmbrain.artefacts import atomic_path
from lmbrain.features.canonical import canonical_json
from lmbrain.features.extraction import BatchFeatures


def content_key(**content: Any) -> str:
    """A hash of values as `canonical_json` takes them; equal ones have the same key."""
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:24]


class Blocks:
    """A hidden folder beside an output, named by what the output is made of.

    A workflow that deletes a failed job's outputs leaves it alone, and another key (other words,
    settings or weights) never sees it.

    Parameters
    ----------
    output
        The file that the blocks are for.
    key
        From `content_key`.
    seconds, size
        A block is written when this time has passed since the last one, or when its states have
        this many bytes.

    A block is a folder: `states.npy` (layer, word, feature), so that a layer lies together, and
    `table.npz` with `batch` and `row` of each word and the batches' further values.
    """

    def __init__(self, output: str | Path, key: str, seconds: float, size: int):
        self.output = Path(output)
        self.folder = self.output.parent / f".{self.output.name}.blocks-{key}"
        self.seconds, self.size = seconds, size
        self.pending: list[BatchFeatures] = []
        self.written = time.monotonic()

    def paths(self) -> list[Path]:
        """The finished blocks."""
        return sorted(p for p in self.folder.glob("*") if not p.name.startswith("."))

    def finished(self) -> set[int]:
        """Numbers of the batches in finished blocks."""
        numbers: set[int] = set()
        for path in self.paths():
            with np.load(path / "table.npz") as table:
                numbers.update(table["batch"].tolist())
        return numbers

    def add(self, batch: BatchFeatures) -> None:
        """Take a batch; write a block if it is time."""
        self.pending.append(batch)
        held = sum(batch.states.nbytes for batch in self.pending)
        if held >= self.size or time.monotonic() - self.written >= self.seconds:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if not self.pending:
            return
        batches, self.pending = self.pending, []
        table = {
            "batch": np.concatenate([np.full(len(b.rows), b.number) for b in batches]),
            "row": np.concatenate([b.rows for b in batches]),
        }
        for name in batches[0].table:
            table[name] = np.concatenate([b.table[name] for b in batches])
        with atomic_path(self.folder / f"{batches[0].number:08d}") as block:
            block.mkdir()
            _write_states(block / "states.npy", batches)
            np.savez(block / "table.npz", **table)
        self.written = time.monotonic()

    def remove(self) -> None:
        """Remove the folder, and those that earlier, abandoned runs left for the same output."""
        for folder in self.output.parent.glob(f".{self.output.name}.blocks-*"):
            shutil.rmtree(folder)


def _write_states(path: Path, batches: list[BatchFeatures]) -> None:
    n = sum(len(batch.rows) for batch in batches)
    _, layers, features = batches[0].states.shape
    file = np.lib.format.open_memmap(path, "w+", np.float32, (layers, n, features))
    stop = 0
    for batch in batches:
        start, stop = stop, stop + len(batch.rows)
        file[:, start:stop] = batch.states.transpose(1, 0, 2)
    file.flush()
