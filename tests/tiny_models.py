"""Tiny language models with random weights and their tokenizers, of the kinds that are in use."""

import numpy as np
import torch
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from lmbrain.words import make_words

torch.set_num_threads(1)  # threads only slow such small products down, most where cores are shared

TEXT = (
    'The old lighthouse-keeper didn\u2019t sleep. "Stop!" she said, \u201cit\u2019s '
    "na\u00efve...\u201d + He (almost) laughed; the cat\U0001f408 purred -- \u00c5ngstr\u00f6m's "
    "3.14 caf\u00e9s, and then the wind rose \u4e2d\u6587 over the old, cold sea\U0001f30a "
    "and nobody slept at all. Once more the old sea rose over the lighthouse."
)
STORY, OTHER = TEXT.split()[:-9], TEXT.split()[-9:]
SETTINGS = {
    "context_words": 6,
    "layers": "all",
    "pooling": "mean",
    "strip_punctuation": True,
    "batch_size": 4,
    "progress": False,
}


def story_words(*stories):
    texts = [text for story in stories for text in story]
    names = [f"s{i}" for i, story in enumerate(stories) for _ in story]
    onset = np.concatenate([0.5 * np.arange(len(story)) for story in stories])
    return make_words(names, ["1"] * len(texts), texts, onset, np.full(len(texts), 0.5))


WORDS = story_words(STORY, OTHER)
IS_WORD = WORDS["is_word"].to_numpy()


def byte_level(trim_offsets, normalizer=None, pre_tokenizer=None):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(STORY[:12] + OTHER)], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )


def regex_byte_level():
    """As Llama 3 and Qwen: a regex cuts the text, and letters keep the character before them."""
    cut = r"[^\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+"
    return byte_level(
        True,
        normalizers.NFC(),
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(cut), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        ),
    )


def sentencepiece_like():
    """As Llama 2: a mark for every space, bytes for unknown characters, a start token."""
    alphabet = sorted(set("".join(OTHER) + "dtm,\u2581"))
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = {t: i for i, t in enumerate(["<unk>", "<s>", "</s>", *fallback, *alphabet])}
    merges = [("t", "h"), ("th", "e"), ("\u2581", "the"), ("o", "l"), ("ol", "d")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def unigram():
    """Words and characters behind Metaspace, without any start or end token."""
    alphabet = sorted(set("".join(STORY + OTHER)) | {"\u2581"})
    pieces = [("<unk>", 0.0), *((c, -6.0) for c in alphabet), ("\u2581the", -2.0), ("old", -2.5)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def gpt2(tokenizer, n_positions=160, n_layer=2, n_embd=32):
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=n_positions,
        n_embd=n_embd,
        n_layer=n_layer,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config)


def llama(tokenizer):
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
    )
    return LlamaForCausalLM(config)


def neox(tokenizer):
    config = GPTNeoXConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
    )
    return GPTNeoXForCausalLM(config)


BUILDERS = {
    "gpt2, byte-level": (gpt2, lambda: byte_level(trim_offsets=False)),
    "neox, byte-level trimmed": (neox, lambda: byte_level(True, normalizers.NFC())),
    "llama, sentencepiece": (llama, sentencepiece_like),
    "gpt2, unigram without start": (gpt2, unigram),
    "llama, regex byte-level": (llama, regex_byte_level),
}


def random_lm(kind, seed=1):
    """A model and its tokenizer; weights far from uniform predictions and equal layers."""
    architecture, make_tokenizer = BUILDERS[kind]
    tokenizer = make_tokenizer()
    torch.manual_seed(seed)
    model = architecture(tokenizer).eval()
    for weight in model.parameters():
        weight.data += 0.15 * torch.randn_like(weight)
    return model, tokenizer
