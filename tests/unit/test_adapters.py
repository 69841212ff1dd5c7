"""Adapters made by peft: really applied, and named when their model is missing."""

import json
import shutil

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from lmbrain.errors import LmbrainError
from lmbrain.features.language_model import fingerprint, load_model
from lmbrain.features.word_features import word_features
from tiny_models import SETTINGS, WORDS, random_lm

TARGETS = {
    "gpt2, byte-level": ["c_attn", "c_fc"],
    "neox, byte-level trimmed": ["query_key_value", "dense_4h_to_h"],
    "llama, sentencepiece": ["q_proj", "down_proj"],
}


def save(tmp_path, kind="gpt2, byte-level", alpha=8):
    """A base model and an adapter with weights that are not zero, as folders; the merged model."""
    model, tokenizer = random_lm(kind)
    base, folder = tmp_path / "base", tmp_path / "adapter"
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    model.name_or_path = model.config._name_or_path = str(base)
    settings = LoraConfig(
        r=3, lora_alpha=alpha, target_modules=TARGETS[kind], task_type="CAUSAL_LM"
    )
    adapted = get_peft_model(model, settings)
    torch.manual_seed(4)
    for name, weight in adapted.named_parameters():
        if "lora" in name:
            weight.data = 0.2 * torch.randn_like(weight)
    adapted.save_pretrained(folder)
    return base, folder, adapted.merge_and_unload().eval()


def features(model, tokenizer, **changes):
    return word_features(WORDS, model, tokenizer, **{**SETTINGS, **changes})


@pytest.mark.parametrize("kind", TARGETS)
def test_an_adapter_gives_the_merged_models_features(tmp_path, kind):
    base, folder, merged = save(tmp_path, kind)
    model, tokenizer = load_model(str(folder), None, "float32", "cpu")
    got = features(model, tokenizer)
    expected = features(merged, tokenizer)
    for name in ("hidden", "surprisal", "entropy"):
        scale = np.nanmax(np.abs(expected[name]))
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-4, atol=1e-5 * scale)
    plain = features(*load_model(str(base), None, "float32", "cpu"))
    assert np.nanmax(np.abs(got["hidden"] - plain["hidden"])) > 0.1
    assert got.attrs["model"] == f"{folder} (adapter of {base})"


def test_an_adapter_and_its_model_load_from_the_hubs_cache_by_commit(tmp_path, monkeypatch):
    base, folder, _ = save(tmp_path)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(
        json.dumps({**config, "base_model_name_or_path": "me/base", "revision": "b" * 40})
    )
    cache = tmp_path / "hub"
    for name, source, commit in (("base", base, "b" * 40), ("adapter", folder, "a" * 40)):
        stored = cache / f"models--me--{name}"
        shutil.copytree(source, stored / "snapshots" / commit)
        (stored / "refs").mkdir()
        (stored / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for revision in (None, "main", "a" * 40):
        got = features(*load_model("me/adapter", revision, "float32", "cpu"))
        assert got.attrs["model"] == "me/adapter (adapter of me/base)"
        assert got.attrs["revision"] == "a" * 40
    plain = features(*load_model("me/base", None, "float32", "cpu"))
    assert plain.attrs["revision"] == "b" * 40
    assert np.nanmax(np.abs(got["hidden"] - plain["hidden"])) > 0.1


def test_layers_below_an_adapter_are_reached_without_the_ones_above(tmp_path):
    _, folder, _ = save(tmp_path)
    model, tokenizer = load_model(str(folder), None, "float32", "cpu")
    whole = features(model, tokenizer)
    calls = []
    handle = model.transformer.h[1].register_forward_hook(lambda *_: calls.append(1))
    some = features(model, tokenizer, layers=[1], surprisal=False)
    handle.remove()
    np.testing.assert_array_equal(some["hidden"], whole["hidden"].sel(layer=[1]))
    assert len(calls) == 2  # only where the model is tried as a whole


def test_the_adapters_own_tokenizer_comes_before_the_base_models(tmp_path):
    _base, folder, _ = save(tmp_path)
    _, own = random_lm("gpt2, byte-level")
    own.add_tokens(["<mine>"])
    assert "<mine>" not in load_model(str(folder), None, "float32", "cpu")[1].get_vocab()
    own.save_pretrained(folder)
    assert "<mine>" in load_model(str(folder), None, "float32", "cpu")[1].get_vocab()


def test_an_untrained_model_has_no_adapter(tmp_path):
    base, folder, _ = save(tmp_path)
    of_base, _ = load_model(str(base), None, "float32", "cpu", untrained_seed=3)
    of_adapter, _ = load_model(str(folder), None, "float32", "cpu", untrained_seed=3)
    assert of_adapter.state_dict().keys() == of_base.state_dict().keys()
    assert all(
        torch.equal(a, b)
        for a, b in zip(of_base.parameters(), of_adapter.parameters(), strict=True)
    )


def test_the_fingerprint_sees_the_adapter(tmp_path):
    seen = set()
    for alpha in (8, 16):  # a scale of the adapter, which no weight shows
        _base, folder, _ = save(tmp_path / str(alpha), alpha=alpha)
        seen.add(fingerprint(load_model(str(folder), None, "float32", "cpu")[0]))
        shutil.rmtree(tmp_path / str(alpha))
    assert len(seen) == 2


def test_the_fingerprint_of_an_adapter_does_not_follow_the_order_of_its_sets(tmp_path):
    class Reversed(set):
        """The same names, printed and walked through the other way round."""

        def __iter__(self):
            return reversed(list(super().__iter__()))

        def __repr__(self):
            return f"{{{', '.join(map(repr, self))}}}"

    _, folder, _ = save(tmp_path)
    model, _ = load_model(str(folder), None, "float32", "cpu")
    before = fingerprint(model)
    (adapter,) = model.peft_config.values()
    modules = adapter.target_modules
    assert isinstance(modules, set)
    adapter.target_modules = Reversed(modules)
    assert str(adapter.target_modules) != str(modules)
    assert fingerprint(model) == before


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("{tmp}/gone", r"adapter .*adapter was made for the model '.*gone'.*does not exist"),
        ("nobody/none", r"adapter .*adapter was made for the model 'nobody/none'.*HF_HOME"),
        (None, "does not say for which model it was made"),
    ],
)
def test_an_adapter_whose_model_is_missing_is_named(tmp_path, monkeypatch, base, message):
    _, folder, _ = save(tmp_path)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = base and base.format(tmp=tmp_path)
    (folder / "adapter_config.json").write_text(json.dumps(config))

    def nowhere(*_, **__):
        raise OSError("no connection")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", nowhere)
    monkeypatch.setattr("lmbrain.features.language_model._file", only_local)
    with pytest.raises(LmbrainError, match=message) as error:
        load_model(str(folder), None, "float32", "cpu")
    assert "\n" not in str(error.value)


def only_local(source, name, _where):
    from pathlib import Path

    path = Path(source) / name
    return str(path) if path.is_file() else None


def test_an_adapter_without_its_weights_or_for_another_model_is_refused(tmp_path):
    base, folder, _ = save(tmp_path)
    other, _ = random_lm("llama, sentencepiece")
    shutil.rmtree(base)
    other.save_pretrained(base)
    random_lm("llama, sentencepiece")[1].save_pretrained(base)
    with pytest.raises(LmbrainError, match="no complete causal language model"):
        load_model(str(folder), None, "float32", "cpu")
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(LmbrainError, match="no complete causal language model"):
        load_model(str(folder), None, "float32", "cpu")


def test_a_weight_that_the_adapter_lacks_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    _, folder, _ = save(tmp_path)
    weights = load_file(folder / "adapter_model.safetensors")
    del weights[min(weights)]
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LmbrainError, match="lacks the weights"):
        load_model(str(folder), None, "float32", "cpu")
