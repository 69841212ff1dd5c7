"""Pickles of other people, read without running what they name.

A pickle may name any function and have it called. Data need numpy arrays, scalars and plain
containers alone; every other name is refused (the `find_class` hook of Python's documentation of
`pickle`, section "Restricting Globals"). What numpy makes arrays with reaches memory when it is
called with forged arguments, so stand-ins here take its place.
"""

from __future__ import annotations

import collections
import math
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy._core import multiarray, numeric

from lmbrain.errors import LmbrainError

# What a damaged stream can raise inside the unpickler and the constructors below.
_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError),
    *(MemoryError, OverflowError, RuntimeError, TypeError, ValueError),
)
# Kinds of numbers, flags, texts and objects, with their size.
_KIND = re.compile(r"[biufcSUO][0-9]{0,9}")


class _RefusedError(Exception):
    """A name that data have no need of."""


class _Dtype:
    """A type of values made from its name and byte order alone, as numpy pickles it."""

    def __init__(self, name: str | bytes, align: bool = False, copy: bool = True) -> None:
        text = name.decode("latin1") if isinstance(name, bytes) else name
        if not isinstance(text, str) or not _KIND.fullmatch(text):
            raise _RefusedError(f"numpy.dtype of {name!r}")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *parts = state
        if order not in ("<", ">", "|", "=") or parts[:3] != [None, None, None]:
            raise _RefusedError("numpy.dtype with fields")
        self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array whose state holds as much as its shape says; objects come from a list alone."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, given, kind, fortran, values = state
        dtype, shape = _plain(kind), tuple(int(length) for length in given)
        count = math.prod(shape)
        needed = count if dtype.hasobject else count * dtype.itemsize
        sources = list if dtype.hasobject else (bytes, bytearray, str)
        if not isinstance(values, sources) or len(values) != needed or min(shape, default=0) < 0:
            raise _RefusedError(f"numpy.ndarray of the shape {shape} with other values")
        super().__setstate__((version, shape, dtype, fortran, values))
        _check_texts(self)


class _Function:
    """What a name stands for: it is called, and has no state that a pickle could change."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise _RefusedError("a function to be changed")


def _called(*arguments: Any) -> None:
    raise _RefusedError("numpy.ndarray to be called")


_ARRAY_TYPE = _Function(_called)  # named as the type of what `_reconstruct` makes, no more


def _plain(kind: Any) -> np.dtype:
    if not isinstance(kind, _Dtype):
        raise _RefusedError("numpy.ndarray without a numpy.dtype")
    return kind.dtype


def _check_texts(values: np.ndarray) -> None:
    """Refuse texts of numbers that are no characters, of which Python would make broken ones."""
    if values.dtype.kind == "U" and values.size and values.itemsize:
        order = values.dtype.byteorder
        if values.ravel(order="K").view(f"{order}u4").max() > sys.maxunicode:
            raise _RefusedError("numpy.ndarray of texts that are none")


def _reconstruct(kind: Any, shape: tuple[int, ...], code: str | bytes) -> np.ndarray:
    """An array to be given its state, as `ndarray.__reduce__` writes it."""
    if kind is not _ARRAY_TYPE or shape != (0,):
        raise _RefusedError("numpy.ndarray before its values")
    return np.empty(0).view(_Array)


def _scalar(kind: Any, value: bytes | str) -> np.generic:
    if _plain(kind).hasobject:
        raise _RefusedError("numpy.scalar of an object")
    scalar = multiarray.scalar(_plain(kind), value)
    _check_texts(np.asarray(scalar))
    return scalar


def _frombuffer(values: Any, kind: Any, shape: tuple[int, ...], order: str) -> np.ndarray:
    array = numeric._frombuffer(values, _plain(kind), shape, order).view(_Array)
    _check_texts(array)
    return array


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes in old protocols: `_codecs.encode(text, "latin1")`, no more."""
    if encoding not in ("latin1", "latin-1"):
        raise _RefusedError(f"_codecs.encode with {encoding!r}")
    return str(text).encode("latin1")


# Written by Python 2 and 3, numpy 1 and 2.
_BUILTINS = ("builtins", "__builtin__")
_CORES = ("numpy._core", "numpy.core")
_CONTAINERS = (bool, bytearray, bytes, complex, dict, float, frozenset, int, list, set, str, tuple)
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ARRAY_TYPE,
    ("numpy", "dtype"): _Function(_Dtype),
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): collections.defaultdict,
    ("_codecs", "encode"): _Function(_latin1),
    **{(f"{core}.multiarray", "_reconstruct"): _Function(_reconstruct) for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): _Function(_scalar) for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): _Function(_frombuffer) for core in _CORES},
    **{(module, kind.__name__): kind for module in _BUILTINS for kind in _CONTAINERS},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise _RefusedError(f"{module}.{name}")
        return _ADMITTED[module, name]


def load_pickle(path: str | Path) -> Any:
    """Read a pickle that holds numpy arrays, scalars and plain containers.

    Parameters
    ----------
    path
        Of any protocol. Text of Python 2 is taken as Latin-1, which numpy's arrays need.

    Returns
    -------
    What was pickled; arrays, of numbers, flags, texts or objects, are of a subclass of numpy's.

    Raises
    ------
    LmbrainError
        If the file is missing or damaged, names anything else, or holds an array of other values
        than its shape and type say.
    """
    path = Path(path)
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; put it there, or correct data in the config.")
    with open(path, "rb") as file:
        return _load(file, path)


def _load(file: BinaryIO, path: Path) -> Any:
    try:
        return _Unpickler(file, encoding="latin1").load()
    except _RefusedError as refused:
        raise LmbrainError(
            f"{path} names {refused}, which arrays and plain containers have no need of and which "
            "could run or reach anything here; it was not read: fetch the file anew, or save its "
            "arrays from a place that you trust."
        ) from None
    except _DAMAGE as error:
        raise LmbrainError(f"{path} is no readable pickle ({error}); fetch it anew.") from None
