"""The command that fetches open data, on a server of this machine."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = pytest.mark.workflow


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    for i in (1, 2, 3):
        (folder / f"harry_annot_sub{i}.csv").write_text(f"Word,annotator {i}\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_command_fetches_what_has_an_address_and_says_where_the_rest_is(
    fresh, published, tmp_path
):
    checkout = fresh.copy_sources(tmp_path / "project")
    table = checkout.root / "config" / "downloads.tsv"
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    for row in rows[1:]:
        here = f"http://127.0.0.1:{published.server_port}/{row[0]}"
        row[4] = here if row[1] == "annotation" else "n/a"
    table.write_text("".join("\t".join(row) + "\n" for row in rows))
    data = {"LMBRAIN_DATA": str(tmp_path / "data")}
    first = checkout.snakemake("download", configs=(), **data)
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "data" / "harry_potter"
    for i in (1, 2, 3):
        name = f"harry_annot_sub{i}.csv"
        assert (folder / name).read_text() == f"Word,annotator {i}\n"
        assert f"{name} was fetched, unverified" in first.stderr
    assert first.stderr.count("No address is known for") == 8
    assert f"{folder}/A_HP_notDetrended_25ms.mat" in first.stderr
    again = checkout.snakemake("download", configs=(), **data)
    assert again.stderr.count("csv is there, unverified") == 3
