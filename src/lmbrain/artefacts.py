"""Files between the stages: written atomically, each saying what made it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmbrain import __version__
from lmbrain.errors import LmbrainError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

PACKAGES = ("lmbrain", "mne", "numpy", "scikit-learn", "scipy", "torch", "transformers")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a name inside a private folder beside `path`; move it to `path` on success only.

    Works for files and folders (the caller creates whichever it wants under the name yielded).
    An earlier good `path` survives a failure untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        temporary = workspace / path.name
        yield temporary
        if path.is_dir() and temporary.exists():
            os.replace(path, workspace / f"old-{path.name}")
        os.replace(temporary, path)
    finally:
        shutil.rmtree(workspace)


def sha256(path: str | Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of all files below a folder."""
    path = Path(path)
    if path.is_file():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n".encode())
    return digest.hexdigest()


def provenance(
    study: str, rule: str, settings: Mapping[str, Any], inputs: Mapping[str, str | Path]
) -> dict[str, Any]:
    """What made a file: study, rule, the settings it read, package versions, input hashes.

    The record holds no time and no machine name (FIF files themselves hold both).
    """
    return {
        "study": study,
        "rule": rule,
        "settings": dict(settings),
        "versions": {name: _installed(name) for name in PACKAGES},
        "inputs": {str(name): sha256(path) for name, path in inputs.items()},
    }


def _installed(package: str) -> str:
    """Version of a package; a stage's environment need not hold the other stages' packages."""
    if package == "lmbrain":
        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def write_json(content: Mapping[str, Any], path: str | Path, made: Mapping[str, Any]) -> None:
    """Write a JSON object with its provenance under the key `made_by`."""
    with atomic_path(path) as temporary:
        text = json.dumps({**content, "made_by": made}, indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object written by `write_json`.

    Raises
    ------
    LmbrainError
        If the file is missing or no JSON object.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LmbrainError(f"{path} does not exist; run the rule that makes it.") from None
    except json.JSONDecodeError as error:
        raise LmbrainError(f"{path} is no JSON file ({error}); delete it and rerun.") from None
    if not isinstance(content, dict):
        raise LmbrainError(f"{path} holds no JSON object; delete it and rerun.")
    return content


def read_text(path: str | Path) -> str:
    """A text file in UTF-8, without a byte-order mark, its lines ended by `\\n` alone.

    Raises
    ------
    LmbrainError
        If the file is missing or in another encoding.
    """
    if not Path(path).is_file():
        raise LmbrainError(f"{path} does not exist; make it, or correct its path in the config.")
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LmbrainError(
            f"{path} is no text in UTF-8 (byte {error.start + 1}); save it as UTF-8."
        ) from None


def write_table(table: pd.DataFrame, path: str | Path, made: Mapping[str, Any]) -> None:
    """Write a TSV (UTF-8, no quoting, NaN as `n/a`), with its provenance in a `.json` beside it."""
    path = Path(path)
    with atomic_path(path) as temporary:
        table.to_csv(
            temporary, sep="\t", index=False, na_rep="n/a", quoting=csv.QUOTE_NONE, quotechar=None
        )
    write_json({"columns": [str(c) for c in table.columns]}, path.with_suffix(".json"), made)


def read_table(
    path: str | Path,
    numeric: tuple[str, ...] = (),
    boolean: tuple[str, ...] = (),
    separator: str = "\t",
) -> pd.DataFrame:
    """Read a TSV as text, so that the words null, NA, nan, None and true stay words.

    Parameters
    ----------
    path
        The file; a byte-order mark is accepted.
    numeric, boolean
        Columns to convert (finite numbers, `n/a` becomes NaN; `True`/`False`).
    separator
        Between fields, which are never quoted.

    Raises
    ------
    LmbrainError
        If the file or a column named is missing, the file is empty or not in UTF-8, a row has
        a field too many or too few, or a value cannot be converted; names the row.
    """
    import pandas as pd

    text = read_text(path)
    _check_fields(text, path, separator)
    table = pd.read_csv(
        io.StringIO(text),
        sep=separator,
        dtype=str,
        keep_default_na=False,
        quoting=csv.QUOTE_NONE,
        index_col=False,
    )
    missing = [c for c in (*numeric, *boolean) if c not in table.columns]
    if missing:
        raise LmbrainError(
            f"{path} has no column {missing[0]!r} (it has {', '.join(table.columns)}); add it."
        )
    for column in numeric:
        table[column] = as_numbers(table[column], path)
    for column in boolean:
        wrong = ~table[column].str.lower().isin(["true", "false"])
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise LmbrainError(
                f"{path}, row {row + 1}: {column} is {table[column][row]!r}; write True or False."
            )
        table[column] = table[column].str.lower() == "true"
    return table


def _check_fields(text: str, path: str | Path, separator: str) -> None:
    """Refuse rows with a field too many or too few, which table readers shift or fill."""
    lines = [line for line in text.split("\n") if line.strip(" ")]
    if not lines:
        raise LmbrainError(f"{path} is empty; write its header and rows, or fetch it anew.")
    expected = lines[0].count(separator) + 1
    for row, line in enumerate(lines[1:], start=1):
        found = line.count(separator) + 1
        if found != expected:
            raise LmbrainError(
                f"{path}, row {row}: expected {expected} fields as in the header, found {found}; "
                "mend the row."
            )


def as_numbers(column: pd.Series, path: str | Path) -> pd.Series:
    """A table's column of text as numbers; `n/a` becomes NaN.

    Parameters
    ----------
    column
        Its index is the rows' number in the file, from 0; its name is for the message.
    path
        The file, for the message.

    Raises
    ------
    LmbrainError
        If a value is no finite number.
    """
    import pandas as pd

    values = pd.to_numeric(column.replace("n/a", "nan"), errors="coerce")
    infinite = values.abs() == float("inf")
    wrong = (infinite | (values.isna() & ~column.isin(["n/a", "nan"]))).to_numpy()
    if wrong.any():
        at = int(wrong.argmax())
        kind = "finite number" if infinite.iloc[at] else "number"
        raise LmbrainError(
            f"{path}, row {column.index[at] + 1}: {column.name} is {column.iloc[at]!r}, not a "
            f"{kind}; correct it."
        )
    return values


def write_netcdf(data: xr.Dataset, path: str | Path, made: Mapping[str, Any]) -> None:
    """Write a netCDF4 file with its provenance in the attribute `made_by` (JSON)."""
    data = data.assign_attrs(made_by=json.dumps(made))
    with atomic_path(path) as temporary:
        data.to_netcdf(temporary, engine="netcdf4")


@contextmanager
def open_netcdf(path: str | Path) -> Iterator[xr.Dataset]:
    """Open a netCDF file; only what is taken from it while it is open is read.

    Raises
    ------
    LmbrainError
        If the file is missing.
    """
    import xarray as xr

    if not Path(path).is_file():
        raise LmbrainError(f"{path} does not exist; run the rule that makes it.")
    with xr.open_dataset(path, engine="netcdf4") as data:
        yield data


def read_netcdf(path: str | Path) -> xr.Dataset:
    """Read a whole netCDF file into memory.

    Raises
    ------
    LmbrainError
        If the file is missing.
    """
    with open_netcdf(path) as data:
        return data.load()
