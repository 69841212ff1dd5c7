"""The features file: equal to the features in memory, resumed without loss, read by layer."""

import threading
import time
import tracemalloc

import netCDF4
import numpy as np
import pytest
import torch

from lmbrain.artefacts import read_netcdf
from lmbrain.encoding.model import read_features
from lmbrain.errors import LmbrainError
from lmbrain.features import feature_file
from lmbrain.features.devices import AHEAD, in_turns, replica
from lmbrain.features.language_model import fingerprint
from lmbrain.features.word_features import word_features, write_word_features
from tiny_models import IS_WORD, SETTINGS, STORY, WORDS, byte_level, gpt2, random_lm, story_words

MADE = {"rule": "test", "settings": {"code": "1"}}
PROBES = 3  # passes in which a model is tried before the first batch


@pytest.fixture(scope="module")
def lm():
    return random_lm("llama, regex byte-level")


def write(path, lm, words=WORDS, made=MADE, **changes):
    settings = {**SETTINGS, "seconds_per_block": 0.0, **changes}  # a block a batch
    write_word_features(path, made, words, *lm, **settings)
    return read_netcdf(path)


def equal(one, other):
    assert set(one.data_vars) == set(other.data_vars)
    for name in [*one.data_vars, *one.coords]:
        np.testing.assert_array_equal(one[name], other[name])


class Passes:
    """Counts a model's forward passes; the one numbered `fail_at` stops the job."""

    def __init__(self, model, fail_at=None):
        self.count, self.fail_at = 0, fail_at
        self.handle = model.get_input_embeddings().register_forward_pre_hook(self)

    def __call__(self, _module, _args):
        self.count += 1
        if self.count == self.fail_at:
            raise MemoryError("out of memory")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.handle.remove()


@pytest.mark.parametrize("surprisal", [True, False])
@pytest.mark.parametrize("layers", ["all", [2], [3, 1]])
def test_the_file_holds_what_is_computed_in_memory(lm, tmp_path, layers, surprisal):
    changes = {"layers": layers, "surprisal": surprisal}
    expected = word_features(WORDS, *lm, **{**SETTINGS, **changes})
    for seconds in (0.0, 60.0):  # a block a batch, one block for all
        got = write(tmp_path / "lm.nc", lm, seconds_per_block=seconds, **changes)
        equal(got, expected)
        assert set(got.data_vars) == {"hidden", "n_tokens"} | (
            {"surprisal", "entropy"} if surprisal else set()
        )
    assert {k: got.attrs[k] for k in expected.attrs} == expected.attrs
    assert got.attrs["made_by"].startswith('{"rule": "test"')
    assert got["hidden"].dtype == np.float32
    assert got["hidden"].dims == ("word", "layer", "feature")
    np.testing.assert_array_equal(np.isfinite(got["n_tokens"]), IS_WORD)


def test_chunks_of_words_are_joined_in_their_places(lm, tmp_path, monkeypatch):
    expected = word_features(WORDS, *lm, **SETTINGS)
    for size in (1, 7, len(WORDS), 1000):
        monkeypatch.setattr(feature_file, "WORDS_PER_CHUNK", size)
        equal(write(tmp_path / "lm.nc", lm), expected)


def test_a_stopped_job_goes_on_where_it_was(lm, tmp_path):
    model = lm[0]
    path = tmp_path / "lm.nc"
    with Passes(model) as whole:
        expected = write(tmp_path / "whole.nc", lm)
    batches = whole.count - PROBES
    assert batches > 8
    with Passes(model, fail_at=PROBES + 6), pytest.raises(MemoryError):
        write(path, lm)
    assert not path.exists()
    with Passes(model, fail_at=PROBES + 3), pytest.raises(MemoryError):
        write(path, lm)  # stopped a second time, after two more batches
    with Passes(model) as rest:
        got = write(path, lm)
    assert rest.count == PROBES + batches - 7
    equal(got, expected)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_what_was_pending_is_kept_when_a_batch_fails(lm, tmp_path):
    with Passes(lm[0], fail_at=PROBES + 6), pytest.raises(MemoryError):
        write(tmp_path / "lm.nc", lm, seconds_per_block=60.0)
    with Passes(lm[0]) as whole:
        write(tmp_path / "whole.nc", lm)
    with Passes(lm[0]) as rest:
        write(tmp_path / "lm.nc", lm)
    assert rest.count == whole.count - 5


def test_a_job_stopped_after_its_last_batch_computes_nothing_again(lm, tmp_path, monkeypatch):
    expected = write(tmp_path / "whole.nc", lm)
    with monkeypatch.context() as full:
        full.setattr(
            feature_file, "_write_chunk", lambda *_: (_ for _ in ()).throw(OSError("full"))
        )
        with pytest.raises(OSError, match="full"):
            write(tmp_path / "lm.nc", lm)
    assert not (tmp_path / "lm.nc").exists()
    with Passes(lm[0]) as passes:
        equal(write(tmp_path / "lm.nc", lm), expected)
    assert passes.count == 0


def test_blocks_of_other_words_settings_weights_or_code_are_never_used(lm, tmp_path):
    model, tokenizer = lm
    path = tmp_path / "lm.nc"
    with Passes(model) as whole:
        write(tmp_path / "whole.nc", lm)
    other, _ = random_lm("llama, regex byte-level", seed=9)
    changed = story_words(["Another", *STORY[1:]], WORDS["text"].tolist()[len(STORY) :])
    for given, changes in [
        (lm, {"pooling": "last"}),
        (lm, {"strip_punctuation": False}),
        (lm, {"words": changed}),
        (lm, {"made": {"rule": "test", "settings": {"code": "2"}}}),
        ((other, tokenizer), {}),
    ]:
        with Passes(model, fail_at=PROBES + 6), pytest.raises(MemoryError):
            write(path, lm)
        expected = write(tmp_path / "expected.nc", given, **changes)
        with Passes(given[0]) as passes:
            equal(write(path, given, **changes), expected)
        assert passes.count >= whole.count - 1  # all of them; other words may make a batch fewer
        assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
        path.unlink()


def test_an_earlier_file_survives_a_failure(lm, tmp_path):
    expected = write(tmp_path / "lm.nc", lm)
    with Passes(lm[0], fail_at=PROBES + 2), pytest.raises(MemoryError):
        write(tmp_path / "lm.nc", lm, pooling="last")
    equal(read_netcdf(tmp_path / "lm.nc"), expected)


def test_memory_does_not_grow_with_words_and_layers(tmp_path):
    tokenizer = byte_level(trim_offsets=False)
    torch.manual_seed(0)
    wide = gpt2(tokenizer, n_layer=11, n_embd=256).eval()
    words = story_words((STORY * 40)[:1200])
    tracemalloc.start()
    got = tmp_path / "lm.nc"
    write_word_features(
        got,
        MADE,
        words,
        wide,
        tokenizer,
        **{**SETTINGS, "context_words": 2, "batch_size": 16},
        surprisal=False,
        seconds_per_block=0.0,
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with netCDF4.Dataset(got) as file:
        whole = file["hidden"].size * 4
    assert whole == 1200 * 12 * 256 * 4
    assert peak < whole / 3


def test_one_layer_is_read_without_the_others(tmp_path):
    tokenizer = byte_level(trim_offsets=False)
    torch.manual_seed(0)
    wide = gpt2(tokenizer, n_layer=11, n_embd=256).eval()
    words = story_words(STORY)
    path = tmp_path / "lm.nc"
    features = write(path, (wide, tokenizer), words, surprisal=False)
    with netCDF4.Dataset(path) as file:
        assert file["hidden"].chunking() == [len(words), 1, 256]
    read_features(["base"], [path], 5, words)  # imports do not count
    tracemalloc.start()
    got = read_features(["base"], [path], 5, words)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(got, features["hidden"].sel(layer=5).to_numpy().astype(float))
    assert peak < features["hidden"].nbytes


def test_several_devices_share_the_batches_and_change_nothing(lm, tmp_path):
    expected = word_features(WORDS, *lm, **SETTINGS)
    threads = set()

    def slowly(*_):
        threads.add(threading.get_ident())
        time.sleep(0.002)  # or the first thread might be done with all before the second starts

    handle = lm[0].get_input_embeddings().register_forward_hook(slowly)
    try:
        got = word_features(WORDS, *lm, **SETTINGS, devices=["cpu", "cpu", "cpu"])
    finally:
        handle.remove()
    equal(got, expected)
    assert len(threads - {threading.get_ident()}) == 3
    equal(write(tmp_path / "lm.nc", lm, devices=["cpu", "cpu"]), expected)


def test_an_error_on_one_of_several_devices_stops_the_job_and_loses_no_block(lm, tmp_path):
    def fail(_module, args):
        if threading.current_thread() is not threading.main_thread() and args[0].shape[1] > 30:
            raise MemoryError("device")

    handle = lm[0].get_input_embeddings().register_forward_pre_hook(fail)
    try:
        with pytest.raises(MemoryError, match="device"):
            write(tmp_path / "lm.nc", lm, devices=["cpu", "cpu"])
    finally:
        handle.remove()
    with Passes(lm[0]) as whole:
        expected = write(tmp_path / "whole.nc", lm)
    with Passes(lm[0]) as rest:
        equal(write(tmp_path / "lm.nc", lm), expected)
    assert rest.count < whole.count


def test_a_value_that_is_not_finite_stops_with_the_item(tmp_path):
    tokenizer = byte_level(trim_offsets=False)
    model = gpt2(tokenizer).eval()
    model.transformer.h[1].mlp.c_fc.weight.data[0, 0] = float("nan")
    with pytest.raises(LmbrainError, match=r"gives item \d+ \('.*'\) a value that is not finite"):
        write(tmp_path / "lm.nc", (model, tokenizer))
    assert not (tmp_path / "lm.nc").exists()


def test_the_fingerprint_sees_every_weight_and_the_configuration(lm):
    model, _ = random_lm("llama, regex byte-level")
    before = fingerprint(model)
    assert before == fingerprint(lm[0])
    assert before != fingerprint(model.bfloat16())
    for change in ("weight", "config"):
        model, _ = random_lm("llama, regex byte-level")
        if change == "weight":
            model.model.layers[2].mlp.down_proj.weight.data[3, 4] += 1e-6
        else:
            model.config.rms_norm_eps *= 2
        assert fingerprint(model) != before


def test_a_replica_has_its_weights_elsewhere_and_ties_kept():
    for kind in ("gpt2, byte-level", "llama, sentencepiece"):
        model, _ = random_lm(kind)
        copied = replica(model, "meta")
        weights = [*copied.parameters(), *copied.buffers()]
        assert {weight.device.type for weight in weights} == {"meta"}
        assert {weight.device.type for weight in model.parameters()} == {"cpu"}
        tied = [m.lm_head.weight is m.get_input_embeddings().weight for m in (model, copied)]
        assert tied == [kind.startswith("gpt2")] * 2
        for one, other in zip(model.parameters(), copied.parameters(), strict=True):
            assert (one.dtype, one.requires_grad) == (other.dtype, other.requires_grad)


def test_few_batches_wait_for_the_one_who_takes_them():
    started = []

    def work(item, worker):
        started.append(item)
        return item

    results = in_turns(work, range(100), ["a", "b", "c"])
    got = []
    for result in results:
        got.append(result)
        assert len(started) <= len(got) + AHEAD * 3
    assert got == list(range(100))
