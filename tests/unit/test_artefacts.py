import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmbrain.artefacts import (
    atomic_path,
    provenance,
    read_json,
    read_netcdf,
    read_table,
    read_text,
    sha256,
    write_json,
    write_netcdf,
    write_table,
)
from lmbrain.errors import LmbrainError

MADE = {"study": "test"}


def test_a_failed_write_leaves_the_earlier_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("good")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_makes_nothing_does_not_cost_the_earlier_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(FileNotFoundError), atomic_path(folder):
        pass
    assert [p.name for p in folder.iterdir()] == ["old"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        (temporary / "new").touch()
    assert [p.name for p in folder.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [folder]


def test_words_that_look_like_missing_values_survive_a_table(tmp_path):
    words = ["null", "NA", "nan", "None", "true", "n/a", '"quoted"', "it's", "-", "", "#"]
    table = pd.DataFrame({"item": range(len(words)), "text": words})
    write_table(table, tmp_path / "t.tsv", MADE)
    assert read_table(tmp_path / "t.tsv")["text"].tolist() == words


def test_numbers_and_truth_values_come_back(tmp_path):
    table = pd.DataFrame({"x": [1.5, np.nan], "flag": [True, False]})
    write_table(table, tmp_path / "t.tsv", MADE)
    back = read_table(tmp_path / "t.tsv", numeric=("x",), boolean=("flag",))
    pd.testing.assert_frame_equal(back, table)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("x\n1\nhello\n", {"numeric": ("x",)}, "row 2: x is 'hello'"),
        ("x\n1\n", {"numeric": ("y",)}, "no column 'y'"),
        ("x\n1\t2\n3\t4\n", {}, "row 1: expected 1 fields as in the header, found 2"),
        ("x\ty\n1\t2\n\n3\n", {}, "row 2: expected 2 fields as in the header, found 1"),
        ("x\n1\n-inf\n", {"numeric": ("x",)}, "row 2: x is '-inf', not a finite number"),
        ("x\n1e999\n", {"numeric": ("x",)}, "row 1: x is '1e999', not a finite number"),
        ("x\nmaybe\n", {"boolean": ("x",)}, "row 1: x is 'maybe'"),
    ],
)
def test_a_wrong_table_is_refused_by_file_row_and_column(tmp_path, content, options, said):
    path = tmp_path / "t.tsv"
    path.write_text(content)
    with pytest.raises(LmbrainError, match="t.tsv") as error:
        read_table(path, **options)
    assert said in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n", b"  \n"])
def test_a_table_without_a_header_is_refused(tmp_path, content):
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(LmbrainError, match=r"t\.tsv is empty"):
        read_table(tmp_path / "t.tsv")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize("reader", [read_table, read_text])
def test_text_in_another_encoding_is_refused_by_file(tmp_path, reader, encoding):
    (tmp_path / "t.tsv").write_text("word\ncaf\u00e9\n", encoding=encoding)
    with pytest.raises(LmbrainError, match=r"t\.tsv is no text in UTF-8.*save it as UTF-8"):
        reader(tmp_path / "t.tsv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read_alike(tmp_path, end):
    (tmp_path / "t.tsv").write_bytes(f"x\tword{end}1\tnull{end}{end}2\ta\u2028b{end}".encode())
    table = read_table(tmp_path / "t.tsv", numeric=("x",))
    assert table["word"].tolist() == ["null", "a\u2028b"]
    assert table["x"].tolist() == [1.0, 2.0]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    (tmp_path / "t.tsv").write_bytes(b"\xef\xbb\xbfonset\tword\n1.0\tnull\n")
    assert read_table(tmp_path / "t.tsv").columns.tolist() == ["onset", "word"]


@pytest.mark.parametrize("reader", [read_table, read_text, read_json, read_netcdf])
def test_a_missing_file_is_named(tmp_path, reader):
    with pytest.raises(LmbrainError, match="absent"):
        reader(tmp_path / "absent")


def test_every_kind_of_file_says_what_made_it(tmp_path):
    write_json({"a": 1}, tmp_path / "a.json", MADE)
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "b.tsv", MADE)
    write_netcdf(xr.Dataset({"a": 1}), tmp_path / "c.nc", MADE)
    assert read_json(tmp_path / "a.json")["made_by"] == MADE
    assert read_json(tmp_path / "b.json")["made_by"] == MADE
    assert json.loads(read_netcdf(tmp_path / "c.nc").attrs["made_by"]) == MADE


def test_provenance_is_the_same_for_the_same_input_and_not_for_another(tmp_path):
    (tmp_path / "in").write_text("1")
    first = provenance("s", "rule", {"k": 1}, {"x": tmp_path / "in"})
    again = provenance("s", "rule", {"k": 1}, {"x": tmp_path / "in"})
    (tmp_path / "in").write_text("2")
    changed = provenance("s", "rule", {"k": 1}, {"x": tmp_path / "in"})
    assert first == again != changed


def test_the_hash_of_a_folder_depends_on_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    first = sha256(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert sha256(tmp_path) != first
