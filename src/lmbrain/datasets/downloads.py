"""Open files of the published data sets: fetched once, resumed where they broke off, verified."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lmbrain.artefacts import atomic_path, read_table, read_text, sha256
from lmbrain.datasets.figshare import is_listing, located
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

    A name is the file's place below the data set's folder; it and the address may hold slots in
    braces (`sub-{subject}_bold.tsv`). An address may be figshare's list of an article's files.

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


def row_of(
    rows: Sequence[Row], kind: str, path: Path, folder: Path | None = None
) -> dict[str, str]:
    """The row that a file belongs to, the slots of its name and address filled in.

    Names are places below the data set's folder; without a folder the file's own name counts.
    Where the config names the files, the only row of their kind stands for them.

    Raises
    ------
    LmbrainError
        If there is none.
    """
    own = [row for row in rows if row["kind"] == kind]
    place = path.name
    if folder is not None and path.is_relative_to(folder):
        place = path.relative_to(folder).as_posix()
    for row in sorted(own, key=lambda row: len(_slots(row["name"]))):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(row["name"]))
        found = re.fullmatch(pattern, place)
        if found:
            filled = {slot: quote(value) for slot, value in found.groupdict().items()}
            return {**row, "name": path.name, "url": row["url"].format(**filled)}
    if len(own) == 1:
        return {**own[0], "name": path.name, "url": NO_URL}
    raise LmbrainError(f"No row of the kind {kind!r} is for {place}; add one to the table.")


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
        One sentence, if the server does not answer or has no such file, answers with something
        that cannot be the file, the connection breaks, the disk is too small, or the file has
        another hash (nothing is kept of it).
    """
    known, record = row["sha256"], target.with_name(f"{target.name}.sha256")
    if known == UNVERIFIED and record.is_file():
        known = _recorded(record)
    if target.is_file() and known in (UNVERIFIED, sha256(target)):
        return _accept(row, target, record, "is there")
    part = target.with_name(f"{target.name}.part")
    row = _bring(row, target, part, hashed=known != UNVERIFIED)
    _check(row, part, known, record)
    os.replace(part, target)
    _forget(part)
    return _accept(row, target, record, "was fetched")


def _check(row: Row, part: Path, known: str, record: Path) -> None:
    """Throw away a file that is not the one expected."""
    found, advice = {"SHA-256": sha256(part)}, "correct config/downloads.tsv if it was replaced"
    expected = {} if known == UNVERIFIED else {"SHA-256": known}
    if "md5" in row:
        with open(part, "rb") as file:
            found["MD5"] = hashlib.file_digest(file, "md5").hexdigest()
        expected["MD5"] = row["md5"]
    if row["sha256"] == UNVERIFIED and record.is_file():
        advice = f"delete {record} to accept the file as it is published now"
    for kind, value in expected.items():
        if found[kind] != value:
            _forget(part)
            raise LmbrainError(
                f"{row['url']} holds another file than expected ({kind} {found[kind]}, expected "
                f"{value}); nothing was kept; try again, or {advice}."
            )


def _accept(row: Row, target: Path, record: Path, done: str) -> str:
    if row["sha256"] != UNVERIFIED:
        return f"{target} {done}, verified."
    if not record.is_file():
        with atomic_path(record) as temporary:
            temporary.write_text(f"{sha256(target)}  {target.name}\n", encoding="utf-8")
    return (
        f"{target} {done}, unverified: the table knows no hash; SHA-256 "
        f"{_recorded(record)} is kept in {record.name}."
    )


def _recorded(record: Path) -> str:
    found = re.match(r"[0-9a-f]{64}\b", read_text(record))
    if found is None:
        raise LmbrainError(f"{record} holds no SHA-256; delete it to accept the file as it is.")
    return found[0]


def _bring(row: Row, target: Path, part: Path, hashed: bool) -> Row:
    """Make the partial file whole; return the row with the file's own address."""
    import requests

    part.parent.mkdir(parents=True, exist_ok=True)
    mark = _mark(part).read_text(encoding="utf-8") if _mark(part).is_file() else ""
    if not (hashed or mark):
        _forget(part)
    try:
        if is_listing(row["url"]):
            row = located(row)
        verifiable = hashed or "md5" in row
        if not _complete(row, target, part, mark, verifiable):
            _complete(row, target, part, "", verifiable)
    except requests.RequestException as error:
        raise LmbrainError(_broken(row, target, part, error)) from None
    except OSError as error:
        raise LmbrainError(
            f"{part} cannot be written ({error.strerror}); make room on its disk and repeat the "
            "command to go on."
        ) from None
    return row


def _complete(row: Row, target: Path, part: Path, mark: str, verifiable: bool) -> bool:
    """Go on with a partial file, or start it; False if it cannot be gone on with (it is gone)."""
    import requests

    before = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if before:
        headers |= {"Range": f"bytes={before}-"} | ({"If-Range": mark} if mark else {})
    with requests.get(
        row["url"], headers=headers, stream=True, timeout=SECONDS_TO_ANSWER
    ) as answer:
        status, place = answer.status_code, answer.headers.get("Content-Range", "")
        if status == 200:  # also where there are no ranges, or another version by now
            _check_answer(row, target, answer, verifiable)
            _receive(answer, part, 0, target)
            _check_size(row, target, part, _length(answer))
        elif not before or status not in (206, 416):
            raise LmbrainError(_refused(row, target, _missing(status)))
        elif status == 206 and place.startswith(f"bytes {before}-") and _same(answer, mark):
            _receive(answer, part, before, target)
            _check_size(row, target, part, _number(place.rpartition("/")[2]))
        elif place != f"bytes */{before}":  # neither what was asked for nor whole already
            _forget(part)
    return part.is_file()


def _same(answer: requests.Response, mark: str) -> bool:
    """Whether an answer is of the version that the partial file is of, where that is known."""
    return not mark or mark in (answer.headers.get("ETag"), answer.headers.get("Last-Modified"))


def _check_answer(row: Row, target: Path, answer: requests.Response, verifiable: bool) -> None:
    """Refuse what cannot be the file, before it takes the place of what is there."""
    kind = answer.headers.get("Content-Type", "")
    encoding = answer.headers.get("Content-Encoding", "identity")
    chunked = answer.headers.get("Transfer-Encoding") == "chunked"  # says where it ends
    if kind.startswith("text/html"):
        raise LmbrainError(_refused(row, target, "answers with a web page, such as one to log in"))
    if encoding != "identity":
        raise LmbrainError(_refused(row, target, f"comes encoded as {encoding}"))
    if _length(answer) == 0:
        raise LmbrainError(_refused(row, target, "is an empty file"))
    if _length(answer) is None and not chunked and not verifiable:
        said = "does not say how long it is, and has no hash that told a part from the whole"
        raise LmbrainError(_refused(row, target, said))


def _check_size(row: Row, target: Path, part: Path, whole: int | None) -> None:
    came = part.stat().st_size
    if not came:
        _forget(part)
        raise LmbrainError(_refused(row, target, "is an empty file"))
    if whole is not None and came < whole:
        raise LmbrainError(
            f"{row['url']} gave the first {came:,} bytes of {whole:,}; they are kept, repeat the "
            "command to go on from there."
        )
    if whole is not None and came > whole:
        _forget(part)
        raise LmbrainError(
            f"{row['url']} gave {came:,} bytes of a file of {whole:,}; nothing was kept, try again."
        )


def _length(answer: requests.Response) -> int | None:
    return _number(answer.headers.get("Content-Length", ""))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _receive(answer: requests.Response, part: Path, before: int, target: Path) -> None:
    given = _length(answer)
    _check_disk(given or 0, target)
    if not before:
        _forget(part)
        tag = answer.headers.get("ETag", "")
        strong = tag if not tag.startswith("W/") else ""
        mark = strong or answer.headers.get("Last-Modified", "")
        _mark(part).write_text(mark, encoding="utf-8")
    total = before + (given or 0)
    with (
        Progress(total, "byte", target.name, done=before, show=given is not None) as progress,
        open(part, "ab" if before else "wb") as file,
    ):
        for chunk in answer.iter_content(CHUNK):
            file.write(chunk)
            file.flush()
            progress.update(len(chunk))


def _missing(status: int) -> str:
    return f"{'is not there' if status in (404, 410) else 'cannot be had'} (status {status})"


def _refused(row: Row, target: Path, reason: str) -> str:
    return (
        f"{row['url']} {reason}; look for the file at {row['published']}, put it at {target}, and "
        "correct config/downloads.tsv."
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
    reason = _innermost(error)
    if came:
        return (
            f"The connection to {row['url']} failed ({reason}); the first {came:,} bytes are kept, "
            "repeat the command to go on from there."
        )
    if part.is_file():
        _forget(part)
        return f"The connection to {row['url']} failed ({reason}); nothing is kept, try again."
    return (
        f"{row['url']} does not answer ({reason}); connect to the network and repeat the command, "
        f"or fetch the file elsewhere and put it at {target}."
    )


def _innermost(error: BaseException) -> str:
    """What went wrong at the bottom of a chain of errors, in a line."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _mark(part: Path) -> Path:
    """The file that holds the server's mark of the version that a partial file is of."""
    return part.with_name(f"{part.name}.version")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)


def _slots(text: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", text)
