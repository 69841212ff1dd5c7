"""Sensors of MEG systems whose places MNE knows, for data that bring names alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lmbrain.errors import LmbrainError

if TYPE_CHECKING:
    import mne


def canonical_info(system: str, names: Sequence[str] | None = None) -> mne.Info:
    """The MEG sensors of a system, with their nominal places.

    Parameters
    ----------
    system
        neuromag (Elekta and MEGIN, 306), ctf275 or ctf151.
    names
        Sensors to keep, in this order, named as the system's; default: all.
    """
    import mne

    info = mne.channels.read_meg_canonical_info(system, verbose="error")
    if names is None:
        return mne.pick_info(info, mne.pick_types(info, meg=True))
    return mne.pick_info(info, [info.ch_names.index(name) for name in names])


def canonical_names(names: Sequence[str], system: str, source: str) -> list[str]:
    """Names as the system's own: blanks and what follows a hyphen do not count.

    MEG0111 and MEG 0111 are one sensor, as are MLC11, MLC11-2908 and MLC11-1609.

    Parameters
    ----------
    names
        As given.
    system
        As in `canonical_info`.
    source
        Where the names are from, for the message.

    Raises
    ------
    LmbrainError
        If the system has no sensor of that name, or one is named twice.
    """
    known = {_bare(name): name for name in canonical_info(system).ch_names}
    found: list[str] = []
    for name in names:
        if _bare(name) not in known:
            raise LmbrainError(
                f"{source}: {system} has no sensor {name!r}; correct the names, or the system."
            )
        if known[_bare(name)] in found:
            raise LmbrainError(f"{source} names sensor {name!r} twice; name each sensor once.")
        found.append(known[_bare(name)])
    return found


def _bare(name: str) -> str:
    return name.strip().replace(" ", "").split("-")[0].upper()
