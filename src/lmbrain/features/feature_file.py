"""The features file: netCDF, word x layer x feature, chunked so that a layer is read alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmbrain.artefacts import atomic_path

WORDS_PER_CHUNK = 1024
UNITS = {"surprisal": "bits", "entropy": "bits"}


def write_blocks(
    path: str | Path,
    made: Mapping[str, Any],
    blocks: Sequence[Path],
    layers: Sequence[int],
    n_rows: int,
    attributes: Mapping[str, Any],
) -> None:
    """Join the blocks of `lmbrain.features.blocks.Blocks`, a chunk in memory at a time.

    Parameters
    ----------
    path
        The file; replaced only when complete.
    made
        Provenance, written to the attribute `made_by`.
    blocks
        Folders with `states.npy` and `table.npz`; together they hold every word once.
    layers
        Labels of the layers.
    n_rows
        Rows of the words table; NaN in those that no block holds.
    attributes
        Further attributes of the file.
    """
    import netCDF4

    states = [np.load(block / "states.npy", mmap_mode="r") for block in blocks]
    tables = [_table(block) for block in blocks]
    with (
        atomic_path(path) as temporary,
        netCDF4.Dataset(temporary, "w", format="NETCDF4") as file,
    ):
        file.setncatts({**attributes, "made_by": json.dumps(made)})
        sizes = {"word": n_rows, "layer": len(layers), "feature": states[0].shape[2]}
        for name, size in sizes.items():
            file.createDimension(name, size)
        for name, values in (("word", np.arange(n_rows)), ("layer", np.array(layers))):
            file.createVariable(name, "i8", (name,))[:] = values
        for name in sorted(tables[0].keys() - {"batch", "row"}):
            column = np.full(n_rows, np.nan)
            for table in tables:
                column[table["row"]] = table[name]
            variable = file.createVariable(name, "f8", ("word",), fill_value=np.nan)
            variable[:] = column
            if name in UNITS:
                variable.units = UNITS[name]
        chunk = (min(WORDS_PER_CHUNK, n_rows), 1, sizes["feature"])
        hidden = file.createVariable(
            "hidden", "f4", tuple(sizes), fill_value=np.nan, chunksizes=chunk
        )
        for start in range(0, n_rows, WORDS_PER_CHUNK):
            _write_chunk(hidden, start, states, [table["row"] for table in tables])


def _write_chunk(hidden: Any, start: int, states: list[np.ndarray], rows: list[np.ndarray]) -> None:
    """All layers of `WORDS_PER_CHUNK` words, gathered from the blocks that hold some of them."""
    n_rows, n_layers, n_features = hidden.shape
    stop = min(start + WORDS_PER_CHUNK, n_rows)
    held = [np.flatnonzero((row >= start) & (row < stop)) for row in rows]
    for layer in range(n_layers):
        values = np.full((stop - start, n_features), np.nan, dtype=np.float32)
        for block, row, chosen in zip(states, rows, held, strict=True):
            if len(chosen):
                values[row[chosen] - start] = block[layer, chosen]
        hidden[start:stop, layer] = values


def _table(block: Path) -> dict[str, np.ndarray]:
    with np.load(block / "table.npz") as table:
        return dict(table)
