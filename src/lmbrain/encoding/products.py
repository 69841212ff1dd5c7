"""Where target-sized products are computed: numpy, or torch on a named device.

Target-sized arrays (samples, features or coordinates times targets) are what a GPU is for; all
feature-sized algebra stays in numpy's float64. Both libraries share the operators used on them.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from lmbrain.errors import LmbrainError

Array = Any  # a numpy array or a torch tensor


class Products:
    """Moves arrays to where products are computed and back.

    Parameters
    ----------
    dtype : float32 or float64
        Of everything put there.
    device : str or None
        None: numpy. Else a torch device, such as "cpu", "cuda" or "cuda:1".

    Raises
    ------
    LmbrainError
        If dtype is another, or torch is missing or does not see the device.
    """

    def __init__(self, dtype: type, device: str | None = None) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise LmbrainError(f"dtype is {self.dtype}; use float32 or float64.")
        self.xp: ModuleType = np
        self.device = device
        if device is not None:
            self.xp = _torch(device)

    def put(self, values: np.ndarray) -> Array:
        """A numpy array, in this dtype, where products are computed."""
        values = np.ascontiguousarray(values, self.dtype)
        return values if self.device is None else self.xp.from_numpy(values).to(self.device)

    def zeros(self, *shape: int) -> Array:
        """Zeros of this dtype where products are computed."""
        return self.put(np.zeros(shape, self.dtype))

    def copy(self, values: Array) -> Array:
        """A copy of an array that is there already."""
        return values.copy() if self.device is None else values.clone()

    def rows(self, values: Array, index: np.ndarray) -> Array:
        """The rows of `values` with these ascending numbers; no copy where they adjoin."""
        if len(index) and index[-1] - index[0] == len(index) - 1:
            return values[int(index[0]) : int(index[-1]) + 1]
        return values[index if self.device is None else self.xp.from_numpy(index).to(self.device)]

    def get(self, values: Array) -> np.ndarray:
        """A numpy array, from wherever `values` are."""
        return values if self.device is None else values.cpu().numpy()

    def column_dots(self, left: Array, right: Array) -> Array:
        """Inner product of each column of `left` (m, t) with the same column of `right`: (t,)."""
        return self.xp.einsum("it,it->t", left, right)


def _torch(device: str) -> ModuleType:
    """Torch, if it is there and sees the device."""
    try:
        import torch

        torch.empty(0, device=device)
    except ImportError as error:
        raise LmbrainError(
            f"The device {device!r} was asked for, but torch is not installed here; install it, or "
            "leave the device out."
        ) from error
    except (AssertionError, RuntimeError) as error:
        raise LmbrainError(
            f"The device {device!r} was asked for, but torch does not see it here "
            f"({str(error).splitlines()[0].rstrip('.')}); leave the device out, or name one that "
            "this machine and this build of torch have."
        ) from error
    return torch
