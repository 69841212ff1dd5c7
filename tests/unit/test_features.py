"""Language-model features against one window at a time, over tokenizers and architectures."""

import math

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from lmbrain.errors import LmbrainError
from lmbrain.features.language_model import _untrained, load_model
from lmbrain.features.static import static_features
from lmbrain.features.surprisal import word_surprisal
from lmbrain.features.tokens import token_windows
from lmbrain.features.word_features import word_features
from tiny_models import (
    BUILDERS,
    IS_WORD,
    OTHER,
    SETTINGS,
    STORY,
    WORDS,
    byte_level,
    gpt2,
    random_lm,
    story_words,
)


@pytest.fixture(scope="module", params=list(BUILDERS))
def lm(request):
    return random_lm(request.param)


@pytest.fixture(scope="module")
def byte_tokenizer():
    return byte_level(trim_offsets=False)


@pytest.fixture(scope="module")
def byte_lm(byte_tokenizer):
    torch.manual_seed(2)
    return gpt2(byte_tokenizer).eval(), byte_tokenizer


def one_at_a_time(words, model, tokenizer, context_words):
    """Every token of the word as shown, from context and window tokenized on their own."""
    end = tokenizer.convert_tokens_to_ids("</s>")
    rows = {}
    for _, story in words[words["is_word"]].groupby("story", sort=False):
        texts = list(story["text"])
        for i, row in enumerate(story.index):
            context = " ".join(texts[max(0, i - context_words + 1) : i])
            ids = tokenizer(" ".join(texts[max(0, i - context_words + 1) : i + 1]))["input_ids"]
            before = tokenizer(context)["input_ids"] if context else []
            if ids[-1] == end:
                ids, before = ids[:-1], before[:-1] or ids[:1]
            if not before and tokenizer.bos_token_id is not None:
                ids, before = [tokenizer.bos_token_id, *ids], [tokenizer.bos_token_id]
            first = len(before)
            tokens = tokenizer.convert_ids_to_tokens(ids)
            pooled = [t for t in range(first, len(ids)) if tokens[t] not in ("\u2581", "\u0120")]
            with torch.no_grad():
                output = model(torch.tensor([ids]), output_hidden_states=True)
            log2_p = torch.log_softmax(output.logits[0].double(), -1) / math.log(2)
            uniform = torch.full_like(log2_p[:1], -math.log2(log2_p.shape[1]))
            log2_p = torch.cat([uniform, log2_p])  # row t predicts token t
            rows[row] = (
                torch.stack([h[0, pooled].mean(0) for h in output.hidden_states]).numpy(),
                -sum(log2_p[t, ids[t]].item() for t in range(first, len(ids))),
                -(log2_p[first].exp2() * log2_p[first]).sum().item(),
                len(ids) - first,
            )
    return rows


def test_features_equal_one_window_at_a_time(lm):
    model, tokenizer = lm
    reference = one_at_a_time(WORDS, model, tokenizer, 6)
    got = word_features(WORDS, model, tokenizer, **{**SETTINGS, "strip_punctuation": False})
    assert sorted(reference) == list(np.flatnonzero(IS_WORD))
    for row, (states, surprisal, entropy, n_tokens) in reference.items():
        assert got["n_tokens"][row] == n_tokens, WORDS["text"][row]
        assert got["surprisal"][row] == pytest.approx(surprisal, rel=1e-5)
        assert got["entropy"][row] == pytest.approx(entropy, rel=1e-5)
        scale = np.abs(states).max()
        np.testing.assert_allclose(got["hidden"][row], states, rtol=1e-5, atol=1e-5 * scale)


def test_features_do_not_depend_on_batch_size_or_neighbours(lm):
    model, tokenizer = lm
    whole = word_features(WORDS, model, tokenizer, **SETTINGS)
    alone = word_features(WORDS, model, tokenizer, **{**SETTINGS, "batch_size": 1})
    other = story_words(OTHER)  # the second story without the first one's windows in the batches
    second = word_features(other, model, tokenizer, **{**SETTINGS, "batch_size": 64})
    for name in ("hidden", "surprisal", "entropy", "n_tokens"):
        scale = np.nanmax(np.abs(whole[name]))
        np.testing.assert_allclose(alone[name], whole[name], rtol=1e-5, atol=1e-6 * scale)
        np.testing.assert_allclose(
            second[name], whole[name][len(STORY) :], rtol=1e-5, atol=1e-6 * scale
        )


def test_items_that_are_no_words_get_nan_and_leave_no_trace_in_contexts(byte_lm):
    with_cross = word_features(WORDS, *byte_lm, **SETTINGS)
    np.testing.assert_array_equal(np.isfinite(with_cross["surprisal"]), IS_WORD)
    np.testing.assert_array_equal(np.isfinite(with_cross["hidden"]).all(axis=(1, 2)), IS_WORD)
    without = story_words([t for t in STORY if t not in ("+", "--")], OTHER)
    np.testing.assert_allclose(
        word_features(without, *byte_lm, **SETTINGS)["hidden"],
        with_cross["hidden"][IS_WORD],
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_window_does_not_reach_into_the_story_before(byte_lm):
    a = word_features(story_words(STORY, OTHER), *byte_lm, **SETTINGS)["hidden"][len(STORY) :]
    b = word_features(story_words(OTHER[::-1], OTHER), *byte_lm, **SETTINGS)["hidden"][len(OTHER) :]
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_layers_are_chosen_by_number_and_labelled(byte_lm):
    everything = word_features(WORDS, *byte_lm, **SETTINGS)
    some = word_features(WORDS, *byte_lm, **{**SETTINGS, "layers": [2, 0]})
    assert everything["layer"].values.tolist() == [0, 1, 2]
    assert some["layer"].values.tolist() == [2, 0]
    np.testing.assert_allclose(some["hidden"], everything["hidden"].sel(layer=[2, 0]))
    assert everything["hidden"].dtype == np.float32
    assert not np.allclose(
        everything["hidden"].sel(layer=0)[IS_WORD], everything["hidden"].sel(layer=2)[IS_WORD]
    )


def test_pooling_last_is_the_state_of_the_last_token(byte_lm):
    model, tokenizer = byte_lm
    got = word_features(WORDS, *byte_lm, **{**SETTINGS, "pooling": "last", "layers": [2]})
    window = token_windows(WORDS, tokenizer, context_words=6, strip_punctuation=True)[5]
    with torch.no_grad():
        states = model(
            torch.from_numpy(window.ids).long()[None], output_hidden_states=True
        ).hidden_states[2]
    np.testing.assert_allclose(
        got["hidden"][window.row, 0], states[0, window.pooled[-1]], rtol=1e-5, atol=1e-6
    )


def pooled_text(tokenizer, text, strip_punctuation, context="the"):
    words = story_words([context, text])
    window = token_windows(words, tokenizer, context_words=2, strip_punctuation=strip_punctuation)[
        1
    ]
    return tokenizer.decode([window.ids[i] for i in window.pooled]).strip()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('"Stop!"', "Stop"),
        ("(almost)", "almost"),
        ("na\u00efve...\u201d", "na\u00efve"),
        ("didn\u2019t", "didn\u2019t"),
        ("lighthouse-keeper,", "lighthouse-keeper"),
        ("cat\U0001f408", "cat"),
        ("3.14", "3.14"),
    ],
)
def test_punctuation_around_a_word_is_left_out_of_the_pooling(byte_tokenizer, text, kept):
    assert pooled_text(byte_tokenizer, text, strip_punctuation=True) == kept
    assert pooled_text(byte_tokenizer, text, strip_punctuation=False) == text


def test_repeated_words_are_located_at_the_end_of_the_window(lm):
    _, tokenizer = lm
    words = story_words(["the", "the", "the"])
    for window in token_windows(words, tokenizer, context_words=3, strip_punctuation=True)[1:]:
        assert window.first + window.own == len(window.ids)
        assert window.pooled[-1] == len(window.ids) - 1
        assert window.pooled[0] >= window.first > 0


def test_a_token_shared_with_the_context_counts_for_the_word():
    """A vocabulary in which "e o" is one token, as where merges cross spaces."""
    vocabulary = {t: i for i, t in enumerate(["<unk>", *"thold e", "e ", "e o"]) if t != "<unk>"}
    vocabulary = {"<unk>": 0} | {t: i + 1 for i, t in enumerate(dict.fromkeys(vocabulary))}
    merges = [("e", " "), ("e ", "o")]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    )
    window = token_windows(
        story_words(["the", "old"]), tokenizer, context_words=2, strip_punctuation=True
    )[1]
    tokens = tokenizer.convert_ids_to_tokens(window.ids)
    assert tokens == ["t", "h", "e o", "l", "d"]
    assert (window.first, window.own, window.pooled) == (2, 3, (2, 3, 4))


def test_a_word_without_a_token_stops_with_its_row_and_text():
    vocabulary = {character: i for i, character in enumerate("these a")}
    del vocabulary["e"]  # BPE without an unknown token: other characters vanish
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE(vocabulary, [])))
    with pytest.raises(LmbrainError, match=r"item 2 \('zephyr'\)"):
        token_windows(
            story_words(["the", "sea", "zephyr"]),
            tokenizer,
            context_words=3,
            strip_punctuation=True,
        )


def test_surprisal_and_entropy_equal_direct_sums():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 4, 11, generator=generator, dtype=torch.float64)
    ids = torch.randint(0, 11, (3, 4), generator=generator)
    own = torch.tensor([1, 4, 2])
    surprisal, entropy = word_surprisal(logits, ids, own)
    for b, n in enumerate(own.tolist()):
        p = np.exp(logits[b].numpy()) / np.exp(logits[b].numpy()).sum(1, keepdims=True)
        tokens = range(4 - n, 4)
        assert surprisal[b].item() == pytest.approx(-sum(np.log2(p[t, ids[b, t]]) for t in tokens))
        assert entropy[b].item() == pytest.approx(-(p[4 - n] * np.log2(p[4 - n])).sum())


def test_uniform_model_gives_log2_vocabulary_per_token(byte_lm):
    _, tokenizer = byte_lm
    flat = gpt2(tokenizer).eval()
    flat.lm_head.weight.data.zero_()  # tied to the embeddings
    got = word_features(WORDS, flat, tokenizer, **SETTINGS).isel(word=IS_WORD)
    bits = np.log2(len(tokenizer))
    np.testing.assert_allclose(got["surprisal"], bits * got["n_tokens"], rtol=1e-6)
    np.testing.assert_allclose(got["entropy"], bits, rtol=1e-6)


def test_a_model_that_computes_all_logits_gives_the_same_surprisal(lm, monkeypatch):
    model, tokenizer = lm
    expected = word_features(WORDS, model, tokenizer, **SETTINGS)
    forward = model.forward
    monkeypatch.setattr(
        model,
        "forward",
        lambda input_ids, use_cache, output_hidden_states=False: forward(
            input_ids=input_ids, output_hidden_states=output_hidden_states
        ),
    )
    got = word_features(WORDS, model, tokenizer, **SETTINGS)
    np.testing.assert_allclose(got["surprisal"], expected["surprisal"], rtol=1e-5)


def test_a_window_too_long_for_the_model_names_context_and_limit(byte_tokenizer):
    with pytest.raises(LmbrainError, match=r"context_words 6.*at most 12"):
        word_features(WORDS, gpt2(byte_tokenizer, n_positions=12), byte_tokenizer, **SETTINGS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": [3]}, r"no layer 3; use 0 \(embeddings\) to 2"),
        ({"layers": [-1]}, "no layer -1"),
        ({"layers": []}, "name each once"),
        ({"pooling": "max"}, "'mean' or 'last'"),
        ({"context_words": 0}, "use 1 or more"),
        ({"batch_size": 0}, "use 1 or more"),
    ],
)
def test_wrong_settings_are_refused_by_name(byte_lm, change, message):
    with pytest.raises(LmbrainError, match=message):
        word_features(WORDS, *byte_lm, **{**SETTINGS, **change})


def test_values_that_are_not_finite_stop_with_the_item(byte_tokenizer):
    broken = gpt2(byte_tokenizer).eval()
    broken.transformer.h[1].mlp.c_fc.weight.data[0, 0] = float("nan")
    with pytest.raises(LmbrainError, match="not finite"):
        word_features(WORDS, broken, byte_tokenizer, **SETTINGS)


def test_a_foreign_tokenizer_and_an_empty_story_are_refused(byte_lm):
    model, tokenizer = byte_lm
    small = gpt2(range(50)).eval()
    with pytest.raises(LmbrainError, match="belongs to the model"):
        word_features(WORDS, small, tokenizer, **SETTINGS)
    with pytest.raises(LmbrainError, match="no word"):
        word_features(WORDS.assign(is_word=False), model, tokenizer, **SETTINGS)


def test_static_features_are_mean_embeddings_of_the_words_own_tokens(lm):
    model, tokenizer = lm
    got = static_features(WORDS, model, tokenizer, strip_punctuation=True)
    assert got["hidden"].dims == ("word", "layer", "feature")
    np.testing.assert_array_equal(np.isfinite(got["hidden"]).all(axis=(1, 2)), IS_WORD)
    windows = token_windows(WORDS, tokenizer, context_words=6, strip_punctuation=True)
    embeddings = model.get_input_embeddings().weight.detach()
    for window in windows:
        ids = [window.ids[i] for i in window.pooled]
        np.testing.assert_allclose(
            got["hidden"][window.row, 0], embeddings[ids].mean(0), rtol=1e-5, atol=1e-6
        )


def test_a_saved_model_loads_with_its_tokenizer_and_gives_the_same_features(lm, tmp_path):
    model, tokenizer = lm
    model.save_pretrained(tmp_path / "lm")
    tokenizer.save_pretrained(tmp_path / "lm")
    loaded = load_model(str(tmp_path / "lm"), None, "float32", "cpu")
    assert not loaded[0].training
    got = word_features(WORDS, *loaded, **SETTINGS)
    expected = word_features(WORDS, model, tokenizer, **SETTINGS)
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])
    assert got.attrs["model"] == str(tmp_path / "lm")


def test_untrained_weights_follow_the_seed_alone(byte_lm, tmp_path):
    byte_lm[0].save_pretrained(tmp_path)
    byte_lm[1].save_pretrained(tmp_path)
    torch.manual_seed(5)
    state = torch.random.get_rng_state()

    def weights(seed):
        model, _ = load_model(str(tmp_path), None, "float32", "cpu", untrained_seed=seed)
        return model.transformer.h[0].mlp.c_fc.weight.detach(), model

    first, model = weights(7)
    assert torch.equal(first, weights(7)[0])
    half = _untrained(str(tmp_path), {}, torch.bfloat16, 7)
    assert torch.equal(first.bfloat16(), half.transformer.h[0].mlp.c_fc.weight)
    assert not torch.equal(first, weights(8)[0])
    assert not torch.equal(first, byte_lm[0].transformer.h[0].mlp.c_fc.weight)
    assert first.std().item() == pytest.approx(model.config.initializer_range, rel=0.1)
    assert "untrained, seed 7" in model.name_or_path
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_on_a_cpu_is_refused(byte_lm, tmp_path, dtype):
    for part in byte_lm:
        part.save_pretrained(tmp_path)
    with pytest.raises(LmbrainError, match=f"dtype {dtype} .*set language_model.dtype to float32"):
        load_model(str(tmp_path), None, dtype, "cpu")


def test_a_missing_model_says_where_to_get_and_to_put_it(monkeypatch, tmp_path):
    asked = []

    def nowhere(source, *, local_files_only, **_):
        asked.append(local_files_only)
        raise OSError("no connection\nmore")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", nowhere)
    with pytest.raises(LmbrainError, match=r"huggingface\.co/nobody/none.*HF_HOME"):
        load_model("nobody/none", None, "float32", "cpu")
    assert asked == [True, False]  # the cache before the network
    with pytest.raises(LmbrainError, match="does not exist"):
        load_model(str(tmp_path / "absent"), None, "float32", "cpu")
    assert len(asked) == 2


def test_a_folder_without_a_model_or_without_its_head_is_refused(byte_lm, tmp_path):
    with pytest.raises(LmbrainError, match="no complete causal language model"):
        load_model(str(tmp_path), None, "float32", "cpu")
    model, tokenizer = byte_lm
    weights = model.state_dict()
    del weights["transformer.h.1.mlp.c_fc.weight"]
    model.save_pretrained(tmp_path, state_dict=weights)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(LmbrainError, match=r"lacks the weights '.*c_fc.weight'"):
        load_model(str(tmp_path), None, "float32", "cpu")


def test_truncated_weights_are_refused(byte_lm, tmp_path):
    for part in byte_lm:
        part.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(LmbrainError, match="no complete causal language model"):
        load_model(str(tmp_path), None, "float32", "cpu")


def test_features_survive_the_file(byte_lm, tmp_path):
    from lmbrain.artefacts import read_netcdf, write_netcdf

    features = word_features(WORDS, *byte_lm, **SETTINGS)
    write_netcdf(features, tmp_path / "features.nc", {"rule": "test"})
    again = read_netcdf(tmp_path / "features.nc")
    assert isinstance(again, type(features))
    for name in features:
        np.testing.assert_array_equal(again[name], features[name])
    assert again.attrs["context_words"] == 6
