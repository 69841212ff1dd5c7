"""Open files of the published data sets: fetched once, resumed where they broke off, verified."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmbrain.artefacts import atomic_path, read_table, sha256
from lmbrain.errors import LmbrainError
from lmbrain.progress import Progress

if TYPE_CHECKING:
    import requests

COLUMNS = ("name", "kind", "what", "published", "url", "place", "size", "licence", "sha256")
NO_URL = "n/a"
UNVERIFIED = "unverified"
CHUNK = 1 << 16  # bytes; so many are lost at most where a connection breaks
SECONDS_TO_ANSWER = 30

Row = Mapping[str, str]


def read_downloads(table: str | Path) -> list[dict[str, str]]:
    """The rows of config/downloads.tsv, checked.

    Names and addresses may hold slots in braces (`sub-{subject}_bold.tsv`).

    Raises
    ------
    LmbrainError
        If a column is missing, or an address, a hash or a slot is malformed; names the row.
    """
    read = read_table(table)
    missing = [column for column in COLUMNS if column not in read]
    if missing:
        raise LmbrainError(f"{table} has no column {missing[0]!r}; add it.")
    rows = read.to_dict("records")
    for i, row in enumerate(rows):
        where = f"{table}, row {i + 1} ({row['name']})"
        if row["url"] != NO_URL and not re.fullmatch(r"https?://\S+", row["url"]):
            raise LmbrainError(f"{where}: url is {row['url']!r}; give a web address or {NO_URL}.")
        if row["sha256"] != UNVERIFIED and not re.fullmatch(r"[0-9a-f]{64}", row["sha256"]):
            raise LmbrainError(
                f"{where}: sha256 is {row['sha256']!r}; give 64 hexadecimal digits or {UNVERIFIED}."
            )
        unknown = set(_slots(row["url"])) - set(_slots(row["name"]))
        if unknown:
            raise LmbrainError(f"{where}: url has the slot {min(unknown)!r}, name has not; add it.")
    return rows


def row_of(rows: Sequence[Row], kind: str, path: Path) -> dict[str, str]:
    """The row that a file belongs to, the slots of its name and address filled in.

    Where the config names the files, the only row of their kind stands for them.

    Raises
    ------
    LmbrainError
        If there is none.
    """
    own = [row for row in rows if row["kind"] == kind]
    for row in sorted(own, key=lambda row: len(_slots(row["name"]))):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(row["name"]))
        found = re.fullmatch(pattern, path.name)
        if found:
            return {**row, "name": path.name, "url": row["url"].format(**found.groupdict())}
    if len(own) == 1:
        return {**own[0], "name": path.name, "url": NO_URL}
    raise LmbrainError(f"No row of the kind {kind!r} is for {path.name}; add one to the table.")


def fetch(row: Row, target: Path) -> str:
    """Fetch an open file, unless it is there and right; return a sentence on what was done.

    What came before an interruption stays in `<name>.part` and is gone on with, as long as the
    server still has the same file. A file whose hash the table does not know is hashed when it is
    first there; the hash is kept beside it in `<name>.sha256` (as `sha256sum -c` reads it) and
    holds from then on.

    Parameters
    ----------
    row
        From `row_of`, with an address.
    target
        Where the file goes.

    Raises
    ------
    LmbrainError
        One sentence, if the server does not answer or has no such file, the connection breaks, the
        disk is too small, or the file has another hash (nothing is kept of it).
    """
    known, record = row["sha256"], target.with_name(f"{target.name}.sha256")
    if known == UNVERIFIED and record.is_file():
        known = record.read_text(encoding="utf-8").split()[0]
    if target.is_file() and known in (UNVERIFIED, sha256(target)):
        return _accept(row, target, record, "is there")
    part = target.with_name(f"{target.name}.part")
    _complete(row, target, part, anew_unless_marked=known == UNVERIFIED)
    found = sha256(part)
    if known not in (UNVERIFIED, found):
        _forget(part)
        advice = "correct config/downloads.tsv if the file was published anew"
        if row["sha256"] == UNVERIFIED:
            advice = f"delete {record} to accept the file as it is published now"
        raise LmbrainError(
            f"{row['url']} holds another file than expected (SHA-256 {found}, expected {known}); "
            f"nothing was kept; try again, or {advice}."
        )
    os.replace(part, target)
    _forget(part)
    return _accept(row, target, record, "was fetched")


def _accept(row: Row, target: Path, record: Path, done: str) -> str:
    if row["sha256"] != UNVERIFIED:
        return f"{target} {done}, verified."
    if not record.is_file():
        with atomic_path(record) as temporary:
            temporary.write_text(f"{sha256(target)}  {target.name}\n", encoding="utf-8")
    return (
        f"{target} {done}, unverified: its publisher names no hash; SHA-256 "
        f"{record.read_text(encoding='utf-8').split()[0]} is kept in {record.name}."
    )


def _complete(row: Row, target: Path, part: Path, anew_unless_marked: bool) -> None:
    """Go on with a partial file, or start it, until it is whole."""
    import requests

    part.parent.mkdir(parents=True, exist_ok=True)
    mark = _mark(part).read_text(encoding="utf-8") if _mark(part).is_file() else ""
    if anew_unless_marked and not mark:
        _forget(part)
    before = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if before:
        headers |= {"Range": f"bytes={before}-"} | ({"If-Range": mark} if mark else {})
    try:
        with requests.get(
            row["url"], headers=headers, stream=True, timeout=SECONDS_TO_ANSWER
        ) as answer:
            place = answer.headers.get("Content-Range", "")
            status = answer.status_code
            if status == 200:  # also where there are no ranges, or another version by now
                _receive(answer, part, 0, target)
            elif not before or status not in (206, 416):
                raise LmbrainError(_refused(row, target, status))
            elif status == 206 and place.startswith(f"bytes {before}-"):
                _receive(answer, part, before, target)
            elif place != f"bytes */{before}":  # neither what was asked for nor whole already
                _forget(part)
    except requests.RequestException as error:
        raise LmbrainError(_broken(row, target, part, error)) from None
    if not part.is_file():
        _complete(row, target, part, anew_unless_marked)


def _receive(answer: requests.Response, part: Path, before: int, target: Path) -> None:
    given = answer.headers.get("Content-Length")
    if given is not None:
        _check_disk(int(given), target)
    if not before:
        _forget(part)
        tag = answer.headers.get("ETag", "")
        strong = tag if not tag.startswith("W/") else ""
        mark = strong or answer.headers.get("Last-Modified", "")
        _mark(part).write_text(mark, encoding="utf-8")
    total = before + int(given or 0)
    with (
        Progress(total, "byte", target.name, done=before, show=given is not None) as progress,
        open(part, "ab" if before else "wb") as file,
    ):
        for chunk in answer.iter_content(CHUNK):
            file.write(chunk)
            file.flush()
            progress.update(len(chunk))


def _refused(row: Row, target: Path, status: int) -> str:
    reason = "is not there" if status in (404, 410) else "cannot be had"
    return (
        f"{row['url']} {reason} (status {status}); look for the file at {row['published']}, put it "
        f"at {target}, and correct config/downloads.tsv."
    )


def _check_disk(size: int, target: Path) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < size:
        raise LmbrainError(
            f"{target} takes {size / 1e6:,.1f} MB more, but its disk has {free / 1e6:,.1f} MB "
            "free; make room, or name another folder in the config or in LMBRAIN_DATA."
        )


def _broken(row: Row, target: Path, part: Path, error: Exception) -> str:
    came = part.stat().st_size if part.is_file() else 0
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if came:
        return (
            f"The connection to {row['url']} failed ({reason}); the first {came:,} bytes are kept, "
            "repeat the command to go on from there."
        )
    return (
        f"{row['url']} does not answer ({reason}); connect to the network and repeat the command, "
        f"or fetch the file elsewhere and put it at {target}."
    )


def _mark(part: Path) -> Path:
    """The file that holds the server's mark of the version that a partial file is of."""
    return part.with_name(f"{part.name}.version")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)


def _slots(text: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", text)
