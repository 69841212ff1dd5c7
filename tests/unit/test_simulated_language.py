import csv
import json
import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.features.language_model import save_model
from lmbrain.simulation import choice_items, choice_sets, corpus, language_model, material


@pytest.fixture(scope="module")
def tables():
    return material.lexicon(), material.subjects(), material.neutral()


@pytest.fixture(scope="module")
def sentences(tables):
    return corpus.corpus(3, 3000, *tables, story=material.story())


@pytest.fixture(scope="module")
def sets(tables, tmp_path_factory):
    """The prompts (list), options and labels of each set's train and validation items."""
    folder = tmp_path_factory.mktemp("sets")
    choice_sets.write_social_iqa(folder / "social", *tables, seed=5)
    choice_sets.write_figqa(folder / "figurative", *tables, seed=5)
    choice_sets.write_piqa(folder / "physical", *tables, seed=5)
    found = {}
    for part in ("train", "validation"):
        found["social_emotional", part] = [
            (
                f"{row['question']} {row['context']}",
                [row["answerA"], row["answerB"], row["answerC"]],
                int(row["label"]) - 1,
            )
            for row in records(folder / "social" / f"{part}.jsonl")
        ]
        with (folder / "figurative" / f"{part}.csv").open(newline="") as stream:
            found["figurative", part] = [
                (row["startphrase"], [row["ending1"], row["ending2"]], int(row["labels"]))
                for row in csv.DictReader(stream)
            ]
        labels = (folder / "physical" / f"{part}-labels.lst").read_text().split()
        found["physical", part] = [
            (row["goal"], [row["sol1"], row["sol2"]], int(label))
            for row, label in zip(
                records(folder / "physical" / f"{part}.jsonl"), labels, strict=True
            )
        ]
    return found


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def words_of(text):
    return corpus.plain(text).split()


DOMAINS = list(corpus.DEGREES)


# --- the material -------------------------------------------------------------------------------


def test_words_that_look_like_missing_values_stay_words(tmp_path, monkeypatch):
    table = tmp_path / "neutral.tsv"
    table.write_text('word\ttag\nnull\tnoun\nNA\tnoun\ntrue\tadjective\n"\tnoun\n')
    monkeypatch.setattr(material, "_file", lambda name: tmp_path / name)
    assert material.neutral()["word"].tolist() == ["null", "NA", "true", '"']


def test_latents_are_numbers_inside_their_ranges(tables):
    latent = tables[0].groupby("domain")["latent"]
    lowest = {"social_emotional": -1.0, "figurative": 0.25, "physical": 0.2}
    assert (latent.min() - pd.Series(lowest) >= 0).all() and (latent.max() <= 1).all()


def test_annotation_follows_the_story_word_by_word():
    assert material.annotation()["text"].tolist() == material.story().split()


# --- the corpus ---------------------------------------------------------------------------------


def test_same_seed_gives_the_same_corpus_and_another_seed_another(tables, sentences):
    assert corpus.corpus(3, 50, *tables, story="") == sentences[:50]
    assert corpus.corpus(4, 50, *tables, story="") != sentences[:50]


def test_corpus_leaves_out_the_sentences_of_the_story(tables):
    told = corpus.corpus(3, 5, *tables, story="")[2]
    drawn = corpus.corpus(3, 50, *tables, story=f"Once. {told.upper()} The end.")
    assert told not in drawn and len(drawn) == 50


def test_every_lexicon_word_occurs_about_as_often_as_a_neutral_one_of_its_slot(tables, sentences):
    lexicon, _, neutral = tables
    counts = Counter(word for text in sentences for word in words_of(text))
    for tags, slot in ((("verb", "action_verb"), "verb"), (("feeling_adjective",), "adjective")):
        domain = [counts[w] for w in lexicon.loc[lexicon["tag"].isin(tags), "word"]]
        plain = [counts[w] for w in neutral.loc[neutral["tag"] == slot, "word"]]
        assert min(domain) > 0
        assert np.mean(domain) == pytest.approx(np.mean(plain), rel=0.15)


def test_verbs_of_every_kind_have_animate_subjects_equally_often(tables, sentences):
    lexicon, subjects, neutral = tables
    animate = dict(zip(subjects["word"], subjects["animate"], strict=True))
    figurative = set(lexicon.loc[lexicon["tag"] == "verb", "word"])
    plain = set(neutral.loc[neutral["tag"] == "verb", "word"])
    seen = defaultdict(list)
    for text in sentences:
        words = words_of(text)
        for subject, verb in pairwise(words):
            if subject in animate and verb in figurative | plain:
                seen[verb in figurative].append(animate[subject])
    assert min(map(len, seen.values())) > 300
    assert np.mean(seen[True]) == pytest.approx(np.mean(seen[False]), abs=0.07)


def test_answer_words_are_in_the_corpus_and_tell_nothing_of_the_word_before(tables, sentences):
    lexicon = tables[0].set_index("word")
    social = lexicon[lexicon["domain"] == "social_emotional"]["latent"]
    height = {
        word: place / len(degrees)
        for degrees in corpus.DEGREES.values()
        for place, word in enumerate(degrees)
    }
    pairs = [
        (social[before], height[after])
        for text in sentences
        for before, after in pairwise(words_of(text))
        if before in social.index and after in height
    ]
    assert len(pairs) > 40
    assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 3 / np.sqrt(len(pairs))
    found = {word for text in sentences for word in words_of(text)}
    assert found.issuperset(height)


def test_a_frame_fills_each_slot_with_its_own_draw(tables):
    slots = corpus.pools(*tables)
    rng = np.random.default_rng(0)
    drawn = [corpus.fill(rng, "{noun} {noun}", slots).split() for _ in range(50)]
    assert sum(first != second for first, second in drawn) > 40


def test_unknown_tag_and_empty_slot_are_named(tables):
    lexicon, subjects, neutral = tables
    with pytest.raises(LmbrainError, match="unknown tag 'pronoun'"):
        corpus.pools(lexicon, subjects, neutral.replace({"tag": {"adverb": "pronoun"}}))
    with pytest.raises(LmbrainError, match="slot 'adverb'"):
        corpus.pools(lexicon, subjects, neutral[neutral["tag"] != "adverb"])


# --- the choice sets ----------------------------------------------------------------------------


@pytest.mark.parametrize("domain", DOMAINS)
def test_sets_have_the_size_asked_for_and_balanced_labels(sets, domain):
    train, validation = sets[domain, "train"], sets[domain, "validation"]
    assert (len(train), len(validation)) == (2000, 300)
    for items in (train, validation):
        counts = Counter(label for *_, label in items)
        assert len(counts) == len(items[0][1])
        assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("domain", DOMAINS)
def test_options_are_distinct_and_do_not_give_the_answer_away(sets, domain):
    # The best guess from the options alone must stay near chance.
    right = defaultdict(Counter)
    for _, options, label in sets[domain, "train"]:
        assert len(set(options)) == len(options)
        right[frozenset(options)][options[label]] += 1
    guessed = sum(max(counts.values()) for counts in right.values()) / 2000
    assert guessed < 1 / len(sets[domain, "train"][0][1]) + 0.08


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_type_is_asked_about_and_most_items_end_at_it(sets, tables, domain):
    lexicon = tables[0]
    types = set(lexicon.loc[lexicon["domain"] == domain, "word"])
    last = [words_of(prompt)[-1] for prompt, *_ in sets[domain, "train"]]
    assert types <= set(last)
    assert 0.75 < np.mean([word in types for word in last]) < 0.9


@pytest.mark.parametrize("domain", ["social_emotional", "physical"])
def test_answers_rise_with_the_latent(sets, tables, domain):
    latent = tables[0].set_index("word")["latent"]
    types = set(tables[0].loc[tables[0]["domain"] == domain, "word"])
    bounds = defaultdict(set)
    for prompt, options, label in sets[domain, "train"] + sets[domain, "validation"]:
        last = words_of(prompt)[-1]
        if last in types:
            bounds[corpus.DEGREES[domain].index(options[label])].add(latent[last])
    ordered = [bounds[degree] for degree in sorted(bounds)]
    assert len(ordered) == len(corpus.DEGREES[domain])
    for lower, higher in pairwise(ordered):
        assert max(lower) <= min(higher)


def test_a_verb_is_literal_with_an_animate_subject_only(sets, tables):
    lexicon, subjects, _ = tables
    verbs = lexicon[lexicon["tag"] == "verb"].set_index("word")["latent"]
    animate = dict(zip(subjects["word"], subjects["animate"], strict=True))
    degrees = corpus.DEGREES["figurative"]
    by_degree = defaultdict(set)
    seen = Counter()
    for prompt, options, label in sets["figurative", "train"]:
        *_, subject, verb = ["", *words_of(prompt)]
        if verb in verbs.index and subject in animate:
            degree = degrees.index(options[label])
            assert (degree == 0) == bool(animate[subject])
            seen[subject] += 1
            if degree:
                by_degree[degree].add(verbs[verb])
    assert set(seen) == set(animate)
    assert max(by_degree[1]) <= min(by_degree[2]) and max(by_degree[2]) <= min(by_degree[3])


def test_literal_items_can_be_told_from_their_rivals_by_the_subject_only(sets):
    pairs = Counter()
    for _, options, label in sets["figurative", "train"]:
        if "literally" in options:
            pairs[options[label] == "literally"] += 1
    assert pairs[True] == pytest.approx(pairs[False], rel=0.1)


def test_validation_asks_for_pairs_of_verb_and_subject_never_seen_in_training(sets, tables):
    lexicon, subjects, _ = tables
    verbs, nouns = set(lexicon.loc[lexicon["tag"] == "verb", "word"]), set(subjects["word"])

    def pairs(part):
        last = [tuple(words_of(prompt)[-2:]) for prompt, *_ in sets["figurative", part]]
        return {pair for pair in last if len(pair) == 2 and pair[0] in nouns and pair[1] in verbs}

    assert len(pairs("validation")) > 30
    assert not pairs("validation") & pairs("train")


def test_split_shares_no_combination_and_trains_every_word(tables):
    lexicon, subjects, _ = tables
    words = lexicon[lexicon["domain"] == "physical"]
    cases = choice_items._cases("physical", words, subjects)
    train, validation = choice_items._split(np.random.default_rng(0), cases)
    assert not set(train) & set(validation) and len(train) + len(validation) == len(cases)
    assert {case.word for case in train} == {case.word for case in validation} == set(words["word"])


def test_quantiles_make_degrees_equally_frequent_and_rising():
    latent = pd.Series([0.9, -1.0, 0.1, 0.5, 0.5, -0.2])
    assert choice_items.degrees_of(latent, 3).tolist() == [2, 0, 1, 1, 2, 0]


def test_a_lexicon_too_small_for_its_answers_is_refused(tables, tmp_path):
    lexicon, subjects, neutral = tables
    few = lexicon[(lexicon["domain"] != "physical") | (lexicon["word"] == "rope")]
    with pytest.raises(LmbrainError, match="1 words of the domain 'physical'"):
        choice_sets.write_piqa(tmp_path, few, subjects, neutral, seed=0)


def test_same_seed_writes_the_same_set(tables, tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        choice_sets.write_figqa(tmp_path / name, *tables, seed=seed, n_train=50, n_validation=10)
    one, again, other = (
        (tmp_path / name / "train.csv").read_text() for name in ("one", "again", "other")
    )
    assert one == again != other


# --- the language model -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer(sentences):
    return language_model.train_tokenizer(sentences, 1100)


def test_tokenizer_gives_any_text_back_and_knows_the_answers_as_one_token(tokenizer):
    text = 'He said, "Caf\u00e9 na\u00efve \u2014 gr\u00fc\u00dfe!"  twice.'
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    for degrees in corpus.DEGREES.values():
        assert [len(tokenizer(f" {word}")["input_ids"]) for word in degrees] == [1] * len(degrees)


def test_vocabulary_below_the_bytes_is_refused():
    with pytest.raises(LmbrainError, match="at least 257"):
        language_model.train_tokenizer(["a"], 200)


TINY = {"n_layer": 1, "n_embd": 16, "n_head": 2, "block_length": 16, "batch_size": 8}


def test_training_lowers_the_loss_and_repeats_with_the_seed(tokenizer, sentences):
    import torch

    ids = torch.tensor(tokenizer(" ".join(sentences[:200]))["input_ids"])[None, :100]

    def trained(steps, seed):
        torch.manual_seed(np.random.default_rng().integers(1000))  # must not matter
        model = language_model.train_causal_lm(
            sentences[:500], tokenizer, steps=steps, seed=seed, learning_rate=2e-2, **TINY
        )
        with torch.no_grad():
            return float(model(input_ids=ids, labels=ids).loss)

    once = trained(20, seed=1)
    assert once == trained(20, seed=1)
    assert once != trained(20, seed=2)
    assert once < trained(1, seed=1) - 0.5


def test_saved_folder_loads_and_gives_the_same_hidden_states(tokenizer, sentences, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = language_model.train_causal_lm(sentences[:100], tokenizer, steps=2, threads=1, **TINY)
    for _ in range(2):  # the second time over an older folder
        save_model(model, tokenizer, tmp_path / "lm")
    assert [path.name for path in tmp_path.iterdir()] == ["lm"]
    assert (tmp_path / "lm" / "model.safetensors").is_file()
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "lm")
    encoded = AutoTokenizer.from_pretrained(tmp_path / "lm")(
        "The wind sang.", return_offsets_mapping=True
    )
    assert encoded["input_ids"] == tokenizer("The wind sang.")["input_ids"]
    assert encoded["offset_mapping"][-1] == (13, 14)
    ids = torch.tensor([encoded["input_ids"]])
    with torch.no_grad():
        own, read = (m(ids, output_hidden_states=True).hidden_states[-1] for m in (model, loaded))
    assert torch.equal(own, read)


def test_text_or_positions_too_short_for_a_block_are_refused(tokenizer):
    with pytest.raises(LmbrainError, match="fewer than one block"):
        language_model.train_causal_lm(["One word."], tokenizer, steps=1)
    with pytest.raises(LmbrainError, match="do not fit"):
        language_model.train_causal_lm(["One."], tokenizer, block_length=64, n_positions=32)


def test_sentences_begin_with_capitals(sentences):
    assert all(re.search("[a-zA-Z]", text).group().isupper() for text in sentences)
