"""Opening a BIDS recording of any MEG system that MNE reads: FIF, CTF, KIT.

No program writes CTF and KIT files: those readers were tried on short public recordings of the
two systems, not on simulated ones.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import mne

from lmbrain.artefacts import read_table
from lmbrain.datasets.bids_layout import KIT, RECORDINGS, channels_path, position_files
from lmbrain.errors import LmbrainError

# Channels that the recording itself may hold as of no known type, by the type in channels.tsv.
BODY = {"EOG": "eog", "HEOG": "eog", "VEOG": "eog", "ECG": "ecg"}
_SERIAL = re.compile(r"-\d+$")  # of the system, at the end of CTF's channel names
_FASTSCAN_RADIUS = (30.0, 400.0)  # mm from the middle of the points, of any head


def read_recording(path: str | Path) -> mne.io.BaseRaw:
    """Open a recording without loading its samples.

    FIF: whole or the first part of a split one, raw MaxShield recordings, too. CTF: the `.ds`
    folder; channel names without the system's serial number. KIT: with the head position from the
    marker, coil and head-shape files beside it (`bids_layout.position_files`); without them the
    head position is unknown (`dev_head_t` None). Axial gradiometers of CTF and KIT systems have
    MNE's type `mag`, reference sensors `ref_meg`.

    Channels that the recording's `*_channels.tsv` calls bad are marked, and its types of ECG and
    EOG channels taken.

    Raises
    ------
    LmbrainError
        If the recording, or a channel called bad, is missing, or MNE cannot read it.
    """
    path = Path(path)
    if not path.exists():
        raise LmbrainError(f"{path} does not exist; run the rule that makes it, or add it.")
    reader = _reader(path)
    try:
        raw = reader(path)
    except LmbrainError:
        raise
    except Exception as error:  # MNE's readers raise all kinds on broken files
        said = " ".join(str(error).split()) or type(error).__name__
        raise LmbrainError(f"{path} cannot be read ({said}); fetch or export it anew.") from error
    _apply_channels_table(raw, channels_path(path), serial=path.suffix == ".ds")
    return raw


def _reader(path: Path) -> Callable[[Path], mne.io.BaseRaw]:
    if path.suffix == ".fif":
        return _read_fif
    if path.suffix == ".ds":
        return _read_ctf
    if path.suffix in KIT:
        return _read_kit
    raise LmbrainError(
        f"{path} is of no format read here ({', '.join(RECORDINGS)}); convert it to FIF with MNE."
    )


def _read_fif(path: Path) -> mne.io.BaseRaw:
    return mne.io.read_raw_fif(path, allow_maxshield="yes", preload=False, verbose="error")


def _read_ctf(path: Path) -> mne.io.BaseRaw:
    return mne.io.read_raw_ctf(path, clean_names=True, preload=False, verbose="error")


def _read_kit(path: Path) -> mne.io.BaseRaw:
    """mne-bids would leave out the files of the head position."""
    positions = position_files(path)
    if not positions:
        raw = mne.io.read_raw_kit(path, preload=False, verbose="error")
        raw.info["dev_head_t"] = None  # not the identity, which MNE fills in
        return raw
    coils, shape, *markers = positions
    with tempfile.TemporaryDirectory() as folder:
        return mne.io.read_raw_kit(
            path,
            mrk=[str(file) for file in markers],
            elp=_as_mne_expects(coils, ".elp", Path(folder)),
            hsp=_as_mne_expects(shape, ".hsp", Path(folder)),
            preload=False,
            verbose="error",
        )


def _as_mne_expects(path: Path, polhemus: str, folder: Path) -> Path:
    """A file of points under an extension that tells MNE its format, and with it the unit.

    BIDS calls both formats `.pos`: Polhemus Isotrak files (in metres, comments from `//`) and
    tables of three columns (FastSCAN, in millimetres).
    """
    if path.suffix not in (".pos", ".txt"):
        return path
    text = path.read_text(encoding="utf-8", errors="replace")
    isotrak = "//" in text
    if not isotrak:
        _check_millimetres(path, text)
    copy = folder / f"{path.stem}{polhemus if isotrak else '.txt'}"
    shutil.copyfile(path, copy)
    return copy


def _check_millimetres(path: Path, text: str) -> None:
    rows = [line.split()[:3] for line in text.splitlines() if line.strip()]
    points = [[float(value) for value in row] for row in rows if _numeric(row)]
    if not points:
        raise LmbrainError(f"{path} holds no points; fetch or export it anew.")
    middle = [sum(axis) / len(points) for axis in zip(*points, strict=True)]
    furthest = max(
        sum((a - b) ** 2 for a, b in zip(point, middle, strict=True)) ** 0.5 for point in points
    )
    low, high = _FASTSCAN_RADIUS
    if not low <= furthest <= high:
        raise LmbrainError(
            f"{path}: its points lie up to {furthest:g} from their middle, which is no head in "
            "millimetres; export it in millimetres."
        )


def _numeric(row: list[str]) -> bool:
    try:
        return len([float(value) for value in row]) == 3
    except ValueError:
        return False


def _apply_channels_table(raw: mne.io.BaseRaw, path: Path | None, serial: bool) -> None:
    """Mark bad channels and name the types of ECG and EOG channels, in place.

    With `serial`, names may end in the system's serial number.
    """
    if path is None:
        return
    table = read_table(path)
    if "name" not in table:
        raise LmbrainError(f"{path} has no column 'name'; add it.")
    places = [_channel(raw, name, serial) for name in table["name"]]
    if "status" in table:
        bad = (table["status"].str.lower() == "bad").to_numpy()
        for name, place, is_bad in zip(table["name"], places, bad, strict=True):
            if is_bad and place is None:
                raise LmbrainError(
                    f"{path} calls the channel {name!r} bad, which the recording does not have; "
                    "correct its name."
                )
        found = {place for place, is_bad in zip(places, bad, strict=True) if is_bad}
        raw.info["bads"] = sorted({*raw.info["bads"], *found})
    if "type" in table:
        types = {
            place: BODY[kind.upper()]
            for place, kind in zip(places, table["type"], strict=True)
            if place is not None and kind.upper() in BODY
        }
        raw.set_channel_types(types, on_unit_change="ignore", verbose="error")


def _channel(raw: mne.io.BaseRaw, name: str, serial: bool) -> str | None:
    """The recording's channel of that name, spaces and perhaps a serial number ignored."""
    names = {known.replace(" ", ""): known for known in raw.ch_names}
    plain = name.replace(" ", "")
    return names.get(plain, names.get(_SERIAL.sub("", plain)) if serial else None)
