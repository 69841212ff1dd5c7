import pytest

from configs import PROJECT
from lmbrain.datasets import alice, harry_potter
from lmbrain.datasets.inventory import missing_files, missing_from_hub, missing_key, require
from lmbrain.datasets.places import data_folder
from lmbrain.errors import LmbrainError


def test_every_missing_file_is_named_with_what_it_is_and_where_it_is_published(tmp_path):
    reading = {"chapters": [9], "form": "people"}
    wanted = harry_potter.files(tmp_path, ["A"], reading, {})
    wanted |= alice.files(tmp_path, ["18"], {}, {})
    sentences = missing_files(wanted, PROJECT / "config" / "downloads.tsv", tmp_path)
    assert len(sentences) == 6
    assert any(
        "harry_annot_sub2.csv: word categories" in s and "annotator 2" in s for s in sentences
    )
    assert all(str(tmp_path) in s and "published at" in s for s in sentences)
    by_command = [s for s in sentences if "snakemake --cores 1 download" in s]
    assert len(by_command) == 4, "those of the reading data have an address"
    assert any("takes about 250 MB" in s for s in by_command)
    others = [s for s in sentences if s not in by_command]
    assert all("put it at this path" in s for s in others)
    with pytest.raises(LmbrainError, match="6 things are missing"):
        require(sentences)
    require([])


def test_a_hub_repository_out_of_reach_is_named_and_a_folder_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    [sentence] = missing_from_hub("someone/some-model", "model")
    assert "someone/some-model" in sentence
    assert missing_from_hub(str(tmp_path), "model") == []


def test_a_missing_key_is_named_but_never_shown(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "OPENAI_API_KEY" in missing_key("OPENAI_API_KEY")[0]
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert missing_key("OPENAI_API_KEY") == []


def test_the_data_folder_is_the_configs_or_the_variables(monkeypatch, tmp_path):
    monkeypatch.setenv("LMBRAIN_DATA", str(tmp_path))
    assert data_folder(None, "alice") == tmp_path / "alice"
    assert data_folder("/elsewhere", "alice").as_posix() == "/elsewhere"
    monkeypatch.delenv("LMBRAIN_DATA")
    with pytest.raises(LmbrainError, match="LMBRAIN_DATA"):
        data_folder(None, "alice")
