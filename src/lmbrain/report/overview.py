"""The head of the report: what was run, on what, and the verdicts in brief."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lmbrain.encoding.folds import Folds
from lmbrain.report.blocks import Block, Code, Fold, Section, Table
from lmbrain.report.wording import count, names, plain

SOURCES = {
    "simulated": "simulated 306-channel MEG recordings",
    "bids": "MEG recordings of a BIDS data set",
    "harry_potter": "published MEG responses to chapters read word by word",
    "harry_potter_denoised": "published MEG responses of a group, denoised over all words",
    "moth": "published MEG time courses while listening to stories",
    "libribrain": "published MEG recordings while listening to books",
    "epochs": "word-locked responses preprocessed elsewhere",
    "arrays": "time courses preprocessed elsewhere",
    "alice": "fMRI time courses of six regions while listening",
}
SIMULATED = (
    "SIMULATED: no person was measured. Brains and recordings were made by a computer, with a "
    "planted difference to the language model; these results test the analysis and say nothing "
    "about people."
)


@dataclass(frozen=True)
class Overview:
    """The page's head; `warning` is empty for measured data."""

    title: str
    study: str
    warning: str
    summary: str
    verdicts: Sequence[Section]
    details: Sequence[Block]


def overview(
    config: Mapping[str, Any],
    words: pd.DataFrame,
    folds: Folds,
    subjects: Sequence[str],
    sections: Sequence[Section],
    versions: Mapping[str, str],
    samples_of_people: Sequence[int],
) -> Overview:
    """Summarise a study.

    Parameters
    ----------
    config
        The whole configuration.
    words
        The words table.
    folds
        The folds of the samples.
    subjects
        People analysed.
    sections
        The page's sections, whose verdicts are repeated.
    versions
        Of the packages.
    samples_of_people
        How many of the samples in the folds each subject has; told where somebody lacks some.
    """
    import yaml

    kind = config["data"]["kind"]
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=96)
    return Overview(
        title=config["report"]["title"],
        study=config["study"],
        warning=SIMULATED if kind == "simulated" else "",
        summary=_summary(config, words, folds, subjects)
        + _lacking(config, folds, dict(zip(subjects, samples_of_people, strict=True))),
        verdicts=sections,
        details=[
            Fold("The whole configuration", [Code(text)]),
            Fold("Versions", [versions_table(versions)]),
        ],
    )


def _summary(
    config: Mapping[str, Any], words: pd.DataFrame, folds: Folds, subjects: Sequence[str]
) -> str:
    data, encoding = config["data"], config["encoding"]
    spoken = words["is_word"]
    runs = words.groupby(["story", "run"]).ngroups
    sentences = int(words.loc[words["sentence"] >= 0, "sentence"].nunique())
    unit = "s" if encoding["delays"] else "words"
    used = int(folds.usable.sum())
    excluded = f" (excluded: {names(data['exclude'])})" if data["exclude"] else ""
    return (
        f"{count(len(subjects), 'person', 'people')}{excluded}, story "
        f"\u201c{plain(data['story'])}\u201d: {count(int(spoken.sum()), 'word')} in "
        f"{count(sentences, 'sentence')} and {count(runs, 'run')}; data: {_source(data)}. "
        f"Language model: {_model(config)}, hidden layer {encoding['layer']}, each word seen with "
        f"the {config['features']['context_words'] - 1} before it. {used:,} {_samples(config)} "
        f"entered {folds.n_outer} contiguous test blocks, {folds.gap:g} {unit} left out beside "
        "each."
    )


def _lacking(config: Mapping[str, Any], folds: Folds, samples: Mapping[str, int]) -> str:
    """Which people lack samples of the folds, and how many these have."""
    used = int(folds.usable.sum())
    fewer = [f"{name} {number:,}" for name, number in samples.items() if number < used]
    if not fewer:
        return ""
    full = len(samples) - len(fewer)
    return (
        f" {count(full, 'person has', 'people have')} responses to all of these, the others to "
        f"fewer {_samples(config)}: {', '.join(fewer)}. Everybody is analysed in the "
        "blocks of which at least half was recorded."
    )


def _samples(config: Mapping[str, Any]) -> str:
    if not config["encoding"]["delays"]:
        return "words"
    return "volumes" if config["data"]["kind"] == "alice" else "samples"


def _source(data: Mapping[str, Any]) -> str:
    denoised = data["kind"] == "harry_potter" and data["harry_potter"]["form"] == "denoised"
    return SOURCES["harry_potter_denoised" if denoised else data["kind"]]


def _model(config: Mapping[str, Any]) -> str:
    model = config["language_model"]
    if model["source"] == "tiny":
        return "a tiny GPT-2 trained by this workflow"
    revision = f" ({model['revision']})" if model["revision"] else ""
    return f"{model['source']}{revision}"


def versions_table(versions: Mapping[str, str]) -> Table:
    rows = [[name, version] for name, version in versions.items()]
    return Table(["package", "version"], rows, "Packages that made this page.", text_columns=2)
