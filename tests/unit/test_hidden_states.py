"""Hidden states caught on their way against what transformers returns, over architectures."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lmbrain.features.hidden_states import HiddenStates
from tiny_models import BUILDERS, byte_level, gpt2, random_lm

IDS = torch.tensor([[5, 3, 8, 1, 9, 2, 7], [4, 4, 6, 2, 0, 1, 3]])
SMALL = {
    "vocab_size": 40,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "pad_token_id": 0,
}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
ARCHITECTURES = {
    "opt": {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "bloom": {"vocab_size": 40, "hidden_size": 32, "n_layer": 3, "n_head": 4},
    "gptj": {
        "vocab_size": 40,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "rotary_dim": 4,
        "n_positions": 32,
    },
    "falcon": {**SMALL, "new_decoder_architecture": False},
    "phi": SMALL,
    "mistral": GROUPED,
    "qwen2": GROUPED,
    "qwen3": GROUPED,
    "gemma2": GROUPED,
    "mixtral": {**GROUPED, "num_local_experts": 3},  # as many experts as blocks
}


def architecture(name):
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **ARCHITECTURES[name]))
    return model.eval()


def everything(model):
    with torch.no_grad():
        return model(input_ids=IDS, output_hidden_states=True, use_cache=False)


def caught(reader, **settings):
    with torch.inference_mode():
        return reader(IDS, torch.clone, **settings)


def calls(model, reader, **settings):
    """Which blocks, and whether the head, run in one pass."""
    seen = []
    blocks = [
        block.register_forward_hook(lambda *_, i=i: seen.append(i))
        for i, block in enumerate(reader.blocks)
    ]
    head = model.get_output_embeddings().register_forward_hook(lambda *_: seen.append("head"))
    caught(reader, **settings)
    for handle in (*blocks, head):
        handle.remove()
    return seen


@pytest.mark.parametrize("name", [*BUILDERS, *ARCHITECTURES])
def test_states_equal_those_that_transformers_returns(name):
    model = random_lm(name)[0] if name in BUILDERS else architecture(name)
    expected = everything(model)
    depth = len(expected.hidden_states) - 1
    for layers in ([*range(depth + 1)], [depth], [1, 0], [depth, depth - 1]):
        reader = HiddenStates(model, layers, IDS[:1])
        assert reader.blocks is not None
        for logits in (0, 3):
            states, found = caught(reader, logits=logits)
            for layer, state in zip(layers, states, strict=True):
                torch.testing.assert_close(
                    state, expected.hidden_states[layer], rtol=1e-6, atol=1e-6
                )
            if logits:
                torch.testing.assert_close(
                    found[:, -3:], expected.logits[:, -3:], rtol=1e-5, atol=1e-5
                )
            else:
                assert found is None


@pytest.mark.parametrize("name", [*BUILDERS, *ARCHITECTURES])
def test_nothing_beyond_the_deepest_layer_wanted_runs(name):
    model = random_lm(name)[0] if name in BUILDERS else architecture(name)
    depth = model.config.num_hidden_layers
    for deepest in range(depth + 1):
        reader = HiddenStates(model, [0, deepest] if deepest else [0], IDS[:1])
        assert calls(model, reader) == list(range(deepest))
    assert calls(model, reader, logits=1) == [*range(depth), "head"]


def test_states_are_reduced_one_layer_at_a_time():
    model = random_lm("llama, sentencepiece")[0]
    reader = HiddenStates(model, [0, 1, 2, 3], IDS[:1])
    alive = []

    def keep(states):
        alive.append(states.shape)
        return states[:, -1]

    with torch.inference_mode():
        states, _ = reader(IDS, keep)
    assert alive == [(2, 7, 32)] * 4
    assert [s.shape for s in states] == [(2, 32)] * 4


@pytest.mark.parametrize("oddity", ["no list of blocks", "a list that is not the blocks"])
def test_a_model_built_otherwise_gives_the_same_by_a_full_pass(oddity):
    model = gpt2(byte_level(trim_offsets=False)).eval()
    expected = everything(model).hidden_states
    if oddity == "no list of blocks":
        model.transformer.h = torch.nn.Sequential(*model.transformer.h)
    else:
        blocks = model.transformer.h
        model.transformer.h = torch.nn.Sequential(*blocks)
        model.transformer.others = torch.nn.ModuleList(torch.nn.Identity() for _ in blocks)
    reader = HiddenStates(model, [1, 2], IDS[:1])
    assert reader.blocks is None
    states, logits = caught(reader, logits=2)
    for layer, state in zip((1, 2), states, strict=True):
        assert torch.equal(state, expected[layer])
    torch.testing.assert_close(logits[:, -2:], everything(model).logits[:, -2:])
    assert caught(reader)[1] is None


def test_no_hook_stays_behind_even_after_an_error():
    model = random_lm("neox, byte-level trimmed")[0]
    reader = HiddenStates(model, [0, 1, 2], IDS[:1])

    def broken(states):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        reader(IDS, broken)
    for module in model.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_hooks or module is not model.base_model
