"""Where the files of a MEG-BIDS folder are, found by the entities in their names.

Names are compared as written: `run-1` is not `run-01`. What is found twice is refused, not chosen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lmbrain.artefacts import read_text
from lmbrain.errors import LmbrainError

RECORDINGS = (".fif", ".ds", ".con", ".sqd")
KIT = (".con", ".sqd")
POSITIONS = (".pos", ".elp", ".hsp", ".txt")
MARKERS = (".mrk", ".sqd", ".txt")
AUXILIARY = ("calibration", "crosstalk")
FURTHER = ("acq", "proc")  # entities that the config does not name
_MARKER_LABEL = re.compile(r"(run(?P<run>[0-9]+))?(?P<when>pre|post)?")


@dataclass(frozen=True)
class Name:
    """What a BIDS name says: entities in their order, suffix, extension (with its dot)."""

    entities: Mapping[str, str]
    suffix: str
    extension: str

    @classmethod
    def of(cls, path: Path) -> Name | None:
        """The parts of a file's name; None where it is no BIDS name."""
        *pairs, last = path.name.split("_")
        suffix, dot, extension = last.partition(".")
        parted = [pair.partition("-") for pair in pairs]
        if not suffix or not all(key and value for key, _, value in parted):
            return None
        return cls({key: value for key, _, value in parted}, suffix, dot + extension)


def recording_path(
    root: str | Path, subject: str, session: str | None, task: str, run: str | None
) -> Path:
    """Path of one run's recording: a file, or the folder of a CTF system.

    Of a recording split over several files, the first part. A name with none but the entities
    asked for is preferred to one with more (`acq-`, `proc-`).

    Parameters
    ----------
    root
        Folder of the data set.
    subject, session, task, run
        Labels, written as in the names; None where names have no such entity.

    Raises
    ------
    LmbrainError
        If the recording is missing (names what its folder holds) or there are several.
    """
    folder = _folder(root, subject, session)
    wanted = {"sub": subject, "ses": session, "task": task, "run": run}
    held = [(p, n) for p, n in _named(folder, "meg", RECORDINGS) if not _is_auxiliary(n)]
    found = [
        (path, name)
        for path, name in held
        if all(name.entities.get(key) == value for key, value in wanted.items())
        and name.entities.get("split", "1").lstrip("0") == "1"
    ]
    if not found:
        listed = _listed([path for path, _ in held]) or "no recording"
        raise LmbrainError(
            f"{_expected(folder, wanted)} does not exist, nor another recording of that name "
            f"({', '.join(RECORDINGS[1:])}); correct data.subjects or data.bids (sessions, tasks, "
            "runs) in the config, name the run under data.missing, or add the recording (its "
            f"folder holds {listed})."
        )
    closest = _plainest(found, wanted)
    if len(closest) > 1:
        raise LmbrainError(
            f"{folder} holds several recordings of one run ({_listed(closest)}); leave only one "
            "of them there."
        )
    return closest[0]


def recording_files(path: str | Path) -> list[Path]:
    """All that is read with a recording: itself, its further parts, and the files beside it."""
    path = Path(path)
    own = Name.of(path)
    if own is None:
        return [path]
    parts = [
        other
        for other, name in _named(path.parent, own.suffix, (own.extension,))
        if other != path and _without_split(name) == _without_split(own)
    ]
    channels = channels_path(path)
    return [
        path,
        *parts,
        *([] if channels is None else [channels]),
        *(position_files(path) if path.suffix in KIT else []),
        *(file for file in calibration_paths(path).values() if file is not None),
        *([] if (movement := movement_path(path)) is None else [movement]),
    ]


def events_path(
    root: str | Path, subject: str, session: str | None, task: str, run: str | None
) -> Path:
    """Path of one run's `*_events.tsv`.

    Raises
    ------
    LmbrainError
        If the folder or the file is missing, or there are several.
    """
    folder = _folder(root, subject, session)
    wanted = {"sub": subject, "ses": session, "task": task, "run": run}
    path = _inherited(folder, Path(root), wanted, "events")
    if path is None:
        raise LmbrainError(
            f"{_expected(folder, wanted, 'events.tsv')} does not exist; add it, or correct "
            "data.bids in the config."
        )
    return path


def channels_path(path: str | Path) -> Path | None:
    """Path of a recording's `*_channels.tsv`, beside it or above it; None where there is none.

    The folder above the person's is the data set's, and the last one looked in.
    """
    path = Path(path)
    name = Name.of(path)
    if name is None:
        return None
    person = f"sub-{name.entities.get('sub')}"
    root = next((above.parent for above in path.parents if above.name == person), path.parent)
    return _inherited(path.parent, root, name.entities, "channels")


def calibration_paths(path: str | Path) -> dict[str, Path | None]:
    """Elekta fine calibration and cross-talk files beside a recording, None where there is none.

    Returns
    -------
    dict with the keys `calibration` and `cross_talk`, as `lmbrain.meg.preprocessing.preprocess`
    takes them.

    Raises
    ------
    LmbrainError
        If there are several of a kind.
    """
    return {
        "calibration": _only(_auxiliary(Path(path), "calibration", ".dat")),
        "cross_talk": _only(_auxiliary(Path(path), "crosstalk", ".fif")),
    }


def movement_path(path: str | Path) -> Path | None:
    """A file of head positions over a recording, as MaxFilter writes it; None where there is none.

    It bears the recording's name with the extension `.pos`; of a split recording, the name of the
    first part, or that without `_split-01`.
    """
    path = Path(path)
    stems = dict.fromkeys((path.stem, path.stem.replace("_split-01", "").replace("_split-1", "")))
    return _only([file for s in stems if (file := path.with_name(f"{s}.pos")).is_file()])


def empty_room_path(root: str | Path, path: str | Path) -> Path | None:
    """The empty-room recording that a recording's JSON file names; None if it names none.

    Raises
    ------
    LmbrainError
        If the recording named is missing.
    """
    path = Path(path)
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        return None
    try:
        named = json.loads(read_text(sidecar)).get("AssociatedEmptyRoom")
    except json.JSONDecodeError as error:
        raise LmbrainError(f"{sidecar} is no JSON file ({error}); mend it.") from None
    if not named:
        return None
    first = named[0] if isinstance(named, list) else named
    relative = first.removeprefix("bids::").removeprefix("bids:").lstrip("/:")
    folders = (Path(root), Path(root) / f"sub-{path.name.split('_')[0].removeprefix('sub-')}")
    for folder in folders:  # relative to the data set or, before BIDS 1.8, to the person's folder
        if (folder / relative).exists():
            return folder / relative
    raise LmbrainError(
        f"{sidecar} names the empty-room recording {first}, which is not in {root}; add it, or "
        "take AssociatedEmptyRoom out."
    )


def position_files(path: str | Path) -> list[Path]:
    """Files that say where the head was in a KIT system: markers, coils (ELP), head shape (HSP).

    Markers (`*_markers.mrk`) belong to a recording by their task and run, or by `acq-run1`; of a
    pair `acq-pre`, `acq-post` both count. Coils are `*_acq-ELP_headshape.*`, `*_headpoints.*` or
    `*.elp`; the head shape is `*_acq-HSP_headshape.*`, `*_headshape.*` or `*.hsp`.

    Returns
    -------
    The coils, the head shape and one or two marker files; nothing where none of them is there.

    Raises
    ------
    LmbrainError
        If some of them are missing, or there are several of a kind.
    """
    path = Path(path)
    name = Name.of(path)
    if name is None:
        return []
    markers = _markers(path.parent, name)
    coils, shape = [], []
    for suffix in ("headshape", "headpoints"):
        for file, found in _beside(path.parent, name.entities, suffix, POSITIONS):
            label = found.entities.get("acq", "").upper()
            is_coils = label == "ELP" or found.extension == ".elp" or suffix == "headpoints"
            (coils if is_coils else shape).append(file)
    kinds = {"coil positions (acq-ELP)": _only(coils), "head shape (acq-HSP)": _only(shape)}
    kinds["markers"] = markers[0] if markers else None
    missing = [kind for kind, file in kinds.items() if file is None]
    if len(missing) == len(kinds):
        return []
    if missing:
        raise LmbrainError(
            f"{path.parent} has files of the head position for {path.name}, but no "
            f"{' and no '.join(missing)}; add what is missing, or take the others out."
        )
    return [file for file in list(kinds.values())[:2] if file is not None] + markers


def _markers(folder: Path, recording: Name) -> list[Path]:
    """Marker files of a recording: one, or those before and after it."""
    by_time: dict[str, list[Path]] = {}
    for path, name in _beside(folder, recording.entities, "markers", MARKERS):
        label = _MARKER_LABEL.fullmatch(name.entities.get("acq", ""))
        if label is None:
            continue
        run = label["run"]
        if run is not None and int(run) != _number(recording.entities.get("run")):
            continue
        by_time.setdefault(label["when"] or "", []).append(path)
    if "" in by_time:
        return [file for file in [_only(by_time[""])] if file is not None]
    return [file for when in ("pre", "post") if (file := _only(by_time.get(when, []))) is not None]


def _number(label: str | None) -> int | None:
    return int(label) if label is not None and label.isdecimal() else None


def _beside(
    folder: Path, entities: Mapping[str, str], suffix: str, extensions: Collection[str]
) -> Iterator[tuple[Path, Name]]:
    """Files of a folder whose entities, but `acq`, do not contradict a recording's."""
    for path, name in _named(folder, suffix, extensions):
        if all(entities.get(key) == value for key, value in name.entities.items() if key != "acq"):
            yield path, name


def _inherited(
    folder: Path, root: Path, entities: Mapping[str, str | None], suffix: str
) -> Path | None:
    """The table of a recording: in its folder or, where that has none, one above it."""
    levels = [folder]
    while levels[-1] != root and root in levels[-1].parents:
        levels.append(levels[-1].parent)
    wanted = {key: value for key, value in entities.items() if key != "split"}
    for level in levels:
        found = [
            (path, name)
            for path, name in _named(level, suffix, (".tsv",))
            if all(
                wanted.get(key) == value or (key in FURTHER and key not in wanted)
                for key, value in name.entities.items()
            )
        ]
        most = max((len(wanted.keys() & name.entities) for _, name in found), default=0)
        found = [(p, name) for p, name in found if len(wanted.keys() & name.entities) == most]
        if found:
            return _only(_plainest(found, wanted))
    return None


def _plainest(found: list[tuple[Path, Name]], wanted: Mapping[str, str | None]) -> list[Path]:
    """Of the files found those without further entities; all, if all have some."""
    plain = [path for path, name in found if not name.entities.keys() - wanted.keys() - {"split"}]
    return plain or [path for path, _ in found]


def _auxiliary(path: Path, label: str, extension: str) -> list[Path]:
    name = Name.of(path)
    if name is None:
        return []
    found = _beside(path.parent, name.entities, "meg", (extension,))
    return [file for file, other in found if other.entities.get("acq") == label]


def _is_auxiliary(name: Name) -> bool:
    """Whether it is a fine-calibration or cross-talk file, whose suffix is that of recordings."""
    return name.entities.get("acq") in AUXILIARY


def _named(folder: Path, suffix: str, extensions: Collection[str]) -> Iterator[tuple[Path, Name]]:
    """Files (and folders of CTF systems) with a suffix and one of the extensions, by name."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        name = Name.of(path)
        if name is not None and name.suffix == suffix and name.extension in extensions:
            yield path, name


def _folder(root: str | Path, subject: str, session: str | None) -> Path:
    if not Path(root).is_dir():
        raise LmbrainError(f"{root} is no folder; correct data.bids.root in the config.")
    parts = [f"sub-{subject}", *([] if session is None else [f"ses-{session}"]), "meg"]
    return Path(root, *parts)


def _expected(folder: Path, wanted: Mapping[str, str | None], end: str = "meg.fif") -> Path:
    pairs = [f"{key}-{value}" for key, value in wanted.items() if value is not None]
    return folder / "_".join([*pairs, end])


def _without_split(name: Name) -> dict[str, str]:
    return {key: value for key, value in name.entities.items() if key != "split"}


def _only(paths: list[Path]) -> Path | None:
    """The one path of a list; None if it is empty."""
    if len(paths) > 1:
        raise LmbrainError(
            f"{paths[0].parent} holds several files for one thing ({_listed(paths)}); leave only "
            "the right one there."
        )
    return paths[0] if paths else None


def _listed(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)
