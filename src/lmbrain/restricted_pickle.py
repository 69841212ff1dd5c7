"""Pickles of other people, read without running what they name.

A pickle may name any function and have it called. Data need numpy arrays, scalars and plain
containers alone; every other name is refused (the `find_class` hook of Python's documentation of
`pickle`, section "Restricting Globals").
"""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy._core import multiarray, numeric

from lmbrain.errors import LmbrainError

# Written by Python 2 and 3, numpy 1 and 2.
_BUILTINS = ("builtins", "__builtin__")
_MULTIARRAY = ("numpy._core.multiarray", "numpy.core.multiarray")
_NUMERIC = ("numpy._core.numeric", "numpy.core.numeric")
_CONTAINERS = (bool, bytearray, bytes, complex, dict, float, frozenset, int, list, set, str, tuple)
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): collections.defaultdict,
    **{(module, "_reconstruct"): multiarray._reconstruct for module in _MULTIARRAY},
    **{(module, "scalar"): multiarray.scalar for module in _MULTIARRAY},
    **{(module, "_frombuffer"): numeric._frombuffer for module in _NUMERIC},
    **{(module, kind.__name__): kind for module in _BUILTINS for kind in _CONTAINERS},
}
# What a damaged stream can raise inside the unpickler and the constructors above.
_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError),
    *(MemoryError, OverflowError, TypeError, ValueError),
)


class _RefusedError(Exception):
    """A name that data have no need of."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _latin1()
        if (module, name) not in _ADMITTED:
            raise _RefusedError(f"{module}.{name}")
        return _ADMITTED[module, name]


def load_pickle(path: str | Path) -> Any:
    """Read a pickle that holds numpy arrays, scalars and plain containers.

    Parameters
    ----------
    path
        Of any protocol. Text of Python 2 is taken as Latin-1, which numpy's arrays need.

    Raises
    ------
    LmbrainError
        If the file is missing or damaged, or names anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; put it there, or correct data in the config.")
    with open(path, "rb") as file:
        return _load(file, path)


def load_array(path: str | Path) -> np.ndarray:
    """Read an array file (.npy); one of Python objects by the same rules as a pickle.

    Raises
    ------
    LmbrainError
        If the file is missing or no array file, or names anything but arrays and containers.
    """
    path = Path(path)
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; put it there, or correct data in the config.")
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): "read_array_header_1_0"}.get(version, "read_array_header_2_0")
            shape, _, dtype = getattr(np.lib.format, read)(file)
            if not dtype.hasobject:
                file.seek(0)
                return np.lib.format.read_array(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise LmbrainError(f"{path} is no array file ({error}); fetch it anew.") from None
        objects = _load(file, path)
    if not isinstance(objects, np.ndarray) or objects.size != np.prod(shape, dtype=int):
        raise LmbrainError(f"{path} does not hold the array that its header says; fetch it anew.")
    return objects.reshape(shape)


def _load(file: BinaryIO, path: Path) -> Any:
    try:
        return _Unpickler(file, encoding="latin1").load()
    except _RefusedError as refused:
        raise LmbrainError(
            f"{path} names {refused}, which arrays and plain containers have no need of and which "
            "could run anything here; it was not read: fetch the file anew, or save its arrays "
            "from a place that you trust."
        ) from None
    except _DAMAGE as error:
        raise LmbrainError(f"{path} is no readable pickle ({error}); fetch it anew.") from None


def _latin1() -> Callable[[str, str], bytes]:
    """How Python 3 writes bytes in old protocols: `_codecs.encode(text, "latin1")`, no more."""

    def encode(text: str, encoding: str = "latin1") -> bytes:
        if encoding not in ("latin1", "latin-1"):
            raise _RefusedError(f"_codecs.encode with {encoding!r}")
        return str(text).encode("latin1")

    return encode
