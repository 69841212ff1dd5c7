import contextlib
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from configs import PROJECT
from lmbrain.datasets.downloads import fetch, read_downloads, row_of
from lmbrain.datasets.figshare import is_listing
from lmbrain.errors import LmbrainError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


class Handler(SimpleHTTPRequestHandler):
    """A server of files that knows byte ranges and can be told to misbehave."""

    def do_GET(self):
        server = self.server
        if server.scripted is not None:
            self.answer(*server.scripted)
            return
        asked = self.headers.get("Range") if server.ranges else None
        path = self.translate_path(self.path)
        if not os.path.isfile(path):  # noqa: PTH113
            server.asked.append((asked, 404, 0))
            self.send_error(404)
            return
        with open(path, "rb") as file:
            content = file.read()
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        if self.headers.get("If-Range", tag) != tag:
            asked = None
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        status = 200 if asked is None else 206 if start < len(content) else 416
        self.send_response(status)
        if server.tags:
            self.send_header("ETag", tag)
        if status == 416:
            self.send_header("Content-Range", f"bytes */{len(content)}")
            body = b""
        else:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        server.asked.append((asked, status, len(body)))
        self.end_headers()
        body = body[: server.stop_after]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for place in range(0, len(body), 50_000):
                self.wfile.write(body[place : place + 50_000])
                time.sleep(server.pause)

    def answer(self, status, headers, body):
        """A given answer, after which the connection is closed."""
        self.server.asked.append((self.headers.get("Range"), status, len(body)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "data.bin").write_bytes(CONTENT)
    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    served.asked, served.ranges, served.tags = [], True, True
    served.stop_after, served.pause, served.folder = 10**9, 0.0, folder
    served.scripted = None  # status, headers and body of every answer
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def row(server, sha256=HASH, name="data.bin"):
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    return {"name": name, "url": url, "published": "the archive", "sha256": sha256}


def broken_off(server, target, sha256=HASH, after=1_000_000):
    server.stop_after = after
    with pytest.raises(LmbrainError, match=r"first [\d,]+ bytes are kept, repeat the command"):
        fetch(row(server, sha256), target)
    server.stop_after = 10**9
    server.asked.clear()
    return target.with_name("data.bin.part").stat().st_size


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_verified_and_not_fetched_again(server, tmp_path):
    target = tmp_path / "to" / "data.bin"
    assert fetch(row(server), target).endswith("was fetched, verified.")
    assert target.read_bytes() == CONTENT
    assert left(target.parent) == ["data.bin"]
    assert fetch(row(server), target).endswith("is there, verified.")
    assert server.asked == [(None, 200, len(CONTENT))]


@pytest.mark.parametrize("sha256", [HASH, "unverified"])
def test_a_broken_download_is_gone_on_with_from_its_last_byte(server, tmp_path, sha256):
    target = tmp_path / "to" / "data.bin"
    came = broken_off(server, target, sha256)
    assert 0 < came <= 1_000_000
    assert not target.exists()
    fetch(row(server, sha256), target)
    assert server.asked == [(f"bytes={came}-", 206, len(CONTENT) - came)]
    assert target.read_bytes() == CONTENT


def test_a_killed_download_is_gone_on_with(server, tmp_path):
    target, part = tmp_path / "to" / "data.bin", tmp_path / "to" / "data.bin.part"
    server.pause = 0.02
    command = (
        "from pathlib import Path; from lmbrain.datasets.downloads import fetch; "
        f"fetch({row(server)!r}, Path({str(target)!r}))"
    )
    child = subprocess.Popen([sys.executable, "-c", command])
    while not (part.is_file() and part.stat().st_size > 300_000):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    came = part.stat().st_size
    assert came < len(CONTENT)
    server.pause = 0.0
    fetch(row(server), target)
    assert server.asked[-1] == (f"bytes={came}-", 206, len(CONTENT) - came)
    assert target.read_bytes() == CONTENT
    assert left(target.parent) == ["data.bin"]


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    target = tmp_path / "data.bin"
    broken_off(server, target)
    server.ranges = False
    fetch(row(server), target)
    assert server.asked == [(None, 200, len(CONTENT))]
    assert target.read_bytes() == CONTENT


def test_parts_of_two_versions_are_never_joined(server, tmp_path):
    target = tmp_path / "data.bin"
    broken_off(server, target, "unverified")
    (server.folder / "data.bin").write_bytes(CONTENT[::-1])
    fetch(row(server, "unverified"), target)
    assert target.read_bytes() == CONTENT[::-1]


def test_without_hash_and_mark_of_the_version_a_part_is_thrown_away(server, tmp_path):
    target = tmp_path / "data.bin"
    server.tags = False
    broken_off(server, target, "unverified")
    fetch(row(server, "unverified"), target)
    assert server.asked == [(None, 200, len(CONTENT))]


@pytest.mark.parametrize("version", [{"ETag": '"another"'}, {}])
def test_a_rest_of_another_version_is_not_joined_even_where_the_server_gives_it(
    server, tmp_path, version
):
    target = tmp_path / "data.bin"
    came = broken_off(server, target, "unverified")
    rest = {
        "Content-Range": f"bytes {came}-{came + 499}/{came + 500}",
        "Content-Length": "500",
    }
    server.scripted = (206, rest | version, b"B" * 500)
    with pytest.raises(LmbrainError, match="status 206"):  # asked for anew, which is no rest
        fetch(row(server, "unverified"), target)
    assert [asked for asked, *_ in server.asked] == [f"bytes={came}-", None]
    assert not target.exists()


@pytest.mark.parametrize("sha256", [HASH, "unverified"])
def test_a_rest_that_is_shorter_than_the_file_is_kept_and_gone_on_with(server, tmp_path, sha256):
    target = tmp_path / "data.bin"
    came = broken_off(server, target, sha256)
    tag = f'"{hashlib.md5(CONTENT).hexdigest()}"'
    place = f"bytes {came}-{came + 199}/{len(CONTENT)}"
    headers = {"ETag": tag, "Content-Range": place, "Content-Length": "200"}
    server.scripted = (206, headers, CONTENT[came : came + 200])
    with pytest.raises(LmbrainError, match=rf"first {came + 200:,} bytes of {len(CONTENT):,}"):
        fetch(row(server, sha256), target)
    assert not target.exists()
    server.scripted = None
    fetch(row(server, sha256), target)
    assert target.read_bytes() == CONTENT


def test_a_rest_that_is_longer_than_the_file_is_thrown_away(server, tmp_path):
    target = tmp_path / "data.bin"
    came = broken_off(server, target)
    headers = {"Content-Range": f"bytes {came}-{came + 9}/{came + 5}", "Content-Length": "10"}
    tag = f'"{hashlib.md5(CONTENT).hexdigest()}"'
    server.scripted = (206, headers | {"ETag": tag}, b"0123456789")
    with pytest.raises(LmbrainError, match=f"{came + 10:,} bytes of a file of {came + 5:,}"):
        fetch(row(server), target)
    assert left(tmp_path) == ["published"]


PAGE = b"<html>Please log in</html>"


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({"Content-Type": "text/html; charset=utf-8", "Content-Length": "26"}, PAGE, "a web page"),
        ({"Content-Length": "0"}, b"", "an empty file"),
        ({"Transfer-Encoding": "chunked"}, b"0\r\n\r\n", "an empty file"),
        ({"Content-Encoding": "gzip", "Content-Length": "4"}, b"abcd", "encoded as gzip"),
        ({}, b"x" * 400, "does not say how long"),
        ({"Content-Length": "abc"}, b"x" * 400, "does not say how long"),
    ],
)
def test_an_answer_that_cannot_be_the_file_is_refused_and_not_kept(
    server, tmp_path, headers, body, said
):
    server.scripted = (200, headers, body)
    with pytest.raises(LmbrainError, match=rf"{said}.*the archive") as error:
        fetch(row(server, "unverified"), tmp_path / "to" / "data.bin")
    assert "\n" not in str(error.value)
    assert left(tmp_path / "to") == []


def test_the_hash_tells_whether_a_file_of_unsaid_length_is_whole(server, tmp_path):
    server.scripted = (200, {}, CONTENT)
    assert fetch(row(server), tmp_path / "data.bin").endswith("was fetched, verified.")


def test_a_connection_that_breaks_before_much_came_is_said_to_be_broken(server, tmp_path):
    server.stop_after = 1000
    with pytest.raises(LmbrainError, match=r"The connection to .* failed .*; nothing is kept"):
        fetch(row(server), tmp_path / "to" / "data.bin")
    assert left(tmp_path / "to") == []


def test_a_disk_that_fills_up_is_said_and_what_came_is_gone_on_with(server, tmp_path):
    target = tmp_path / "data.bin"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(LmbrainError, match=r"data\.bin\.part cannot be written .*make room"):
            fetch(row(server), target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    fetch(row(server), target)
    assert target.read_bytes() == CONTENT
    assert server.asked[-1][1] == 206


@pytest.mark.parametrize("content", ["", "no hash\n"])
def test_a_record_without_a_hash_is_refused_by_name(server, tmp_path, content):
    target = tmp_path / "data.bin"
    target.write_bytes(CONTENT)
    target.with_name("data.bin.sha256").write_text(content)
    with pytest.raises(LmbrainError, match=r"data\.bin\.sha256 holds no SHA-256; delete it"):
        fetch(row(server, "unverified"), target)


def test_a_part_that_is_whole_is_not_asked_for_again(server, tmp_path):
    target = tmp_path / "data.bin"
    target.with_name("data.bin.part").write_bytes(CONTENT)
    fetch(row(server), target)
    assert server.asked == [(f"bytes={len(CONTENT)}-", 416, 0)]
    assert target.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    target = tmp_path / "data.bin"
    target.with_name("data.bin.part").write_bytes(CONTENT + b"more")
    fetch(row(server), target)
    assert target.read_bytes() == CONTENT


def test_a_file_with_another_hash_leaves_nothing_behind(server, tmp_path):
    target = tmp_path / "to" / "data.bin"
    with pytest.raises(LmbrainError, match=rf"SHA-256 {HASH}, expected {'0' * 64}.*nothing was"):
        fetch(row(server, "0" * 64), target)
    assert left(target.parent) == []


def test_a_wrong_file_is_replaced_only_by_the_right_one(server, tmp_path):
    target = tmp_path / "data.bin"
    target.write_bytes(b"other")
    with pytest.raises(LmbrainError, match="nothing was kept"):
        fetch(row(server, "0" * 64), target)
    assert target.read_bytes() == b"other"
    fetch(row(server), target)
    assert target.read_bytes() == CONTENT


def test_an_unknown_hash_is_recorded_at_the_first_fetch_and_holds_from_then_on(server, tmp_path):
    target = tmp_path / "to" / "data.bin"
    assert f"unverified: the table knows no hash; SHA-256 {HASH}" in fetch(
        row(server, "unverified"), target
    )
    assert left(target.parent) == ["data.bin", "data.bin.sha256"]
    check = subprocess.run(
        ["sha256sum", "-c", "data.bin.sha256"], cwd=target.parent, capture_output=True, check=False
    )
    assert check.returncode == 0
    assert "is there, unverified" in fetch(row(server, "unverified"), target)
    assert len(server.asked) == 1
    target.write_bytes(b"spoiled")
    fetch(row(server, "unverified"), target)
    assert target.read_bytes() == CONTENT
    (server.folder / "data.bin").write_bytes(b"published anew")
    target.unlink()
    with pytest.raises(LmbrainError, match=r"another file.*delete .*data\.bin\.sha256 to accept"):
        fetch(row(server, "unverified"), target)
    assert not target.exists()


def test_a_file_put_there_by_hand_is_taken_and_its_hash_recorded(server, tmp_path):
    target = tmp_path / "data.bin"
    target.write_bytes(CONTENT)
    assert HASH in fetch(row(server, "unverified"), target)
    assert server.asked == []


def test_a_file_that_is_gone_is_said_with_where_to_look(server, tmp_path):
    target = tmp_path / "to" / "gone.bin"
    with pytest.raises(LmbrainError) as error:
        fetch(row(server, name="gone.bin"), target)
    assert "gone.bin is not there (status 404); look for the file at the archive" in str(
        error.value
    )
    assert "\n" not in str(error.value)
    assert left(target.parent) == []


def test_without_a_network_one_sentence_says_what_to_do(tmp_path):
    nowhere = {"url": "http://127.0.0.1:9/data.bin", "published": "x", "sha256": HASH}
    with pytest.raises(LmbrainError) as error:
        fetch(nowhere, tmp_path / "data.bin")
    assert "does not answer" in str(error.value)
    assert "HTTPConnectionPool" not in str(error.value), "the reason alone, not its wrappings"
    assert f"put it at {tmp_path / 'data.bin'}" in str(error.value)
    assert "\n" not in str(error.value)
    assert left(tmp_path) == []


def test_a_disk_that_is_too_small_is_said_before_a_byte_comes(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(LmbrainError, match=r"takes 3\.0 MB more, but its disk has 1\.0 MB free"):
        fetch(row(server), tmp_path / "to" / "data.bin")
    assert left(tmp_path / "to") == []


def test_the_shipped_table_is_well_formed():
    rows = read_downloads(PROJECT / "config" / "downloads.tsv")
    folder = PROJECT / "x"
    found = row_of(rows, "recording", folder / "Q_HP_notDetrended_25ms.mat", folder)
    assert found["name"] == "Q_HP_notDetrended_25ms.mat"
    assert is_listing(found["url"])
    later = folder / "chapter10" / "Q_HP_notDetrended_25ms.mat"
    assert row_of(rows, "recording_chapter10", later, folder)["url"] == "n/a"
    annotation = row_of(rows, "annotation", PROJECT / "harry_annot_sub2.csv")
    assert annotation["url"].endswith("harry_annot_sub2.csv")


HEADER = "name\tkind\twhat\tpublished\turl\tplace\tsize\tlicence\tsha256\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a\tk\tw\tp\tftp://x/a\tp\ts\tl\tunverified\n", r"row 1 \(a\): url is 'ftp"),
        ("a\tk\tw\tp\tn/a\tp\ts\tl\tabc\n", r"row 1 \(a\): sha256 is 'abc'"),
        ("a\tk\tw\tp\thttps://x/{s}\tp\ts\tl\tunverified\n", "slot 's'"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, line, said):
    (tmp_path / "t.tsv").write_text(HEADER + line)
    with pytest.raises(LmbrainError, match=said):
        read_downloads(tmp_path / "t.tsv")


def test_slots_of_the_name_are_filled_into_the_address(tmp_path):
    line = "{subject}_x.mat\tk\tw\tp\thttps://h/{subject}/x.mat\tp\ts\tl\tunverified\n"
    line += "two/{file}\tj\tw\tp\thttps://h/{file}\tp\ts\tl\tunverified\n"
    (tmp_path / "t.tsv").write_text(HEADER + line)
    rows = read_downloads(tmp_path / "t.tsv")
    assert row_of(rows, "k", tmp_path / "B_x.mat")["url"] == "https://h/B/x.mat"
    assert row_of(rows, "k", tmp_path / "other.mat")["url"] == "n/a", "the config's own name"
    below = tmp_path / "two" / "deep" / "a+b.h5"
    assert row_of(rows, "j", below, tmp_path)["url"] == "https://h/deep/a%2Bb.h5"
    with pytest.raises(LmbrainError, match="kind 'z'"):
        row_of(rows, "z", tmp_path / "B_x.mat")


def listed(server, files):
    """A figshare article with these files: name, place on the server, MD5."""
    listing = server.folder / "v2" / "articles" / "7" / "files"
    listing.parent.mkdir(parents=True)
    here = f"http://127.0.0.1:{server.server_port}"
    entries = [
        {"name": name, "download_url": f"{here}/{place}", "computed_md5": md5, "size": 1, "id": 1}
        for name, place, md5 in files
    ]
    listing.write_text(json.dumps(entries))
    return row(server, "unverified", "v2/articles/7/files?page_size=1000") | {"name": "A.mat"}


def test_a_file_of_an_article_is_found_by_its_name_and_checked_by_the_published_md5(
    server, tmp_path
):
    md5 = hashlib.md5(CONTENT).hexdigest()
    article = listed(server, [("B.mat", "gone", md5), ("A.mat", "data.bin", md5)])
    target = tmp_path / "A.mat"
    assert "was fetched" in fetch(article, target)
    assert target.read_bytes() == CONTENT
    assert "is there" in fetch(article, target)
    assert len(server.asked) == 2, "the list and the file, once"


def test_a_file_whose_md5_is_not_the_published_one_leaves_nothing_behind(server, tmp_path):
    article = listed(server, [("A.mat", "data.bin", "0" * 32)])
    with pytest.raises(LmbrainError, match=rf"MD5 \w+, expected {'0' * 32}\); nothing was kept"):
        fetch(article, tmp_path / "to" / "A.mat")
    assert left(tmp_path / "to") == []


def test_a_file_that_the_article_does_not_list_is_said_with_those_it_does(server, tmp_path):
    article = listed(server, [("B.mat", "data.bin", "0" * 32)])
    with pytest.raises(LmbrainError, match=r"lists no file A\.mat \(it lists B\.mat\); look for"):
        fetch(article, tmp_path / "A.mat")


@pytest.mark.parametrize("content", ["no list", "{}", '[{"name": "A.mat"}]', "[1]"])
def test_an_answer_that_is_no_list_of_files_is_said_so(server, tmp_path, content):
    article = listed(server, [])
    (server.folder / "v2" / "articles" / "7" / "files").write_text(content)
    with pytest.raises(LmbrainError, match=r"no (list of files|file A\.mat)"):
        fetch(article, tmp_path / "A.mat")


def test_an_article_that_is_gone_is_said_so(server, tmp_path):
    article = row(server, "unverified", "v2/articles/8/files") | {"name": "A.mat"}
    with pytest.raises(LmbrainError, match=r"no list of files \(status 404\); look for A\.mat"):
        fetch(article, tmp_path / "A.mat")
