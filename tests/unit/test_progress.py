"""Progress is shown once: a bar on a terminal, lines in the log elsewhere."""

import logging

import pytest

from lmbrain import progress
from lmbrain.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def on_terminal(monkeypatch, yes):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: yes, raising=False)


def test_the_log_gets_share_rate_and_time_left(monkeypatch, caplog, capsys, clock):
    on_terminal(monkeypatch, False)
    caplog.set_level(logging.INFO)
    with Progress(1000, "word", "features", done=100) as shown:
        for _ in range(9):
            clock[0] += 20
            shown.update(100)
    assert [record.getMessage() for record in caplog.records] == [
        "features: 300 of 1000 words, 5 a second, 0:02:20 left",  # what was done before is no rate
        "features: 500 of 1000 words, 5 a second, 0:01:40 left",
        "features: 700 of 1000 words, 5 a second, 0:01:00 left",
        "features: 900 of 1000 words, 5 a second, 0:00:20 left",
        "features: 1000 of 1000 words, 5 a second",
    ]
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_and_the_log_nothing(monkeypatch, caplog, capsys):
    on_terminal(monkeypatch, True)
    caplog.set_level(logging.INFO)
    with Progress(10, "word", "features", done=4) as shown:
        shown.update(6)
    assert "features: 100%" in capsys.readouterr().err
    assert not caplog.records


def test_nothing_is_shown_where_nothing_is_wanted(monkeypatch, caplog, capsys):
    caplog.set_level(logging.INFO)
    for terminal in (True, False):
        on_terminal(monkeypatch, terminal)
        with Progress(10, "word", "features", show=False) as shown:
            shown.update(10)
    assert capsys.readouterr().err == ""
    assert not caplog.records
