"""What the analysis found of what was planted in a simulated cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.calibration.recovery import auc
from lmbrain.divergence import MEASURES
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.ridge import nested_ridge

# A domain counts as named if a hypothesis that holds after correction (other hypotheses held
# constant) has one of these in its text.
NAMED_BY = {
    "social_emotional": ("emotion", "feeling", "social", "one another"),
    "figurative": ("figurative", "metaphor", "not meant literally"),
    "physical": ("physical", "handled", "tools"),
}
LEVEL = 0.05
PENALTIES = [1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0]


def latent_r2(features: np.ndarray, latents: pd.DataFrame, folds: Folds) -> dict[str, float]:
    """Held-out R2 of each planted latent from the base model's features and the controls.

    Near or below 0: the language model lacks what was planted, so divergence is there to find.

    Parameters
    ----------
    features : (n, p)
        The feature space of the encoding of the base model.
    latents
        One row an item, a column a domain.
    folds
    """
    if latents.shape[1] == 0:
        return {}
    values = latents.to_numpy(float)
    result = nested_ridge(features, values, folds, PENALTIES, dtype=np.float64)
    return dict(zip(latents.columns, result.r2.round(4).tolist(), strict=True))


def encoding_recovery(
    people: Sequence[xr.Dataset], planted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Mean r in each planted component's sensors and window, and everywhere else.

    Parameters
    ----------
    people
        Encoding scores of each person, with `r` (sensor, time).
    planted
        Each person's truth: `components` with `name`, `window` (s), `grad` and `mag` (sensors).

    Returns
    -------
    A row a component that language-model features or controls can predict (not the constant
    onset), with `planted` and `elsewhere` (mean over people of r; elsewhere: where nothing was
    planted).
    """
    inside: dict[str, list[float]] = {}
    outside = []
    for scores, truth in zip(people, planted, strict=True):
        free = np.ones(scores["r"].shape, bool)
        for component in truth["components"]:
            mask = _place(scores, component)
            free &= ~mask
            if component["regressor"] != "onset" and mask.any():
                values = scores["r"].to_numpy()[mask]
                inside.setdefault(component["name"], []).append(float(values.mean()))
        outside.append(float(scores["r"].to_numpy()[free].mean()))
    elsewhere = float(np.mean(outside))
    return [
        {
            "component": name,
            "planted": round(float(np.mean(r)), 4),
            "elsewhere": round(elsewhere, 4),
        }
        for name, r in inside.items()
    ]


def planted_places(like: xr.Dataset, planted: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """(sensor, time) bool: where any person's brain responds to anything but a word's onset."""
    mask = np.zeros(like["r"].shape, bool)
    for truth in planted:
        for component in truth["components"]:
            if component["regressor"] != "onset":
                mask |= _place(like, component)
    return mask


def _place(scores: xr.Dataset, component: Mapping[str, Any]) -> np.ndarray:
    sensors = np.isin(scores["sensor"].to_numpy(), [*component["grad"], *component["mag"]])
    start, stop = component["window"]
    time = scores["time"].to_numpy()
    return sensors[:, None] & ((time > start) & (time < stop))[None, :]


def divergence_recovery(
    words: pd.DataFrame, sentences: pd.DataFrame, latents: pd.DataFrame
) -> list[dict[str, Any]]:
    """AUC with which each measure finds the planted words and the sentences that hold them.

    Parameters
    ----------
    words
        Word scores by item: `item`, `sentence` and the measures; NaN where not scored.
    sentences
        Sentence scores: `sentence` and the measures.
    latents
        One row an item, a column a planted domain; 0 where nothing was planted.

    Returns
    -------
    A row a measure: `measure`, `words` and `sentences` (AUC), and `words_<domain>`: the planted
    words of one domain against the words without any.
    """
    planted = (latents != 0).to_numpy()
    any_planted = planted.any(axis=1)
    holds = pd.Series(any_planted).groupby(words["sentence"].to_numpy()).any()
    rows = []
    for measure in [m for m in MEASURES if m in words]:
        scored = words[measure].notna().to_numpy()
        row = {"measure": measure}
        row["words"] = _auc(words.loc[scored, measure], any_planted[scored])
        in_sentence = holds.reindex(sentences["sentence"]).to_numpy(bool)
        row["sentences"] = _auc(sentences[measure], in_sentence)
        for i, domain in enumerate(latents.columns):
            rest = scored & (planted[:, i] | ~any_planted)
            row[f"words_{domain}"] = _auc(words.loc[rest, measure], planted[rest, i])
        rows.append(row)
    return rows


def _auc(score: pd.Series, label: np.ndarray) -> float | None:
    """AUC, or None where all or none are planted."""
    value = auc(score.to_numpy(float), label)
    return None if np.isnan(value) else round(value, 3)


def hypotheses_held(ranked: pd.DataFrame) -> list[str]:
    """Texts of the hypotheses that hold after correction, the best-ranked first."""
    return ranked.loc[ranked["p_partial_corrected"] < LEVEL, "text"].tolist()


def domains_named(ranked: pd.DataFrame, domains: Sequence[str]) -> dict[str, str | None]:
    """The best-ranked hypothesis that names each domain, by the rule NAMED_BY; None for none.

    Parameters
    ----------
    ranked
        Table of `lmbrain.hypotheses.validity.rank`.
    domains
        Planted domains.
    """
    held = hypotheses_held(ranked)
    named: dict[str, str | None] = dict.fromkeys(domains)
    for domain in domains:
        stems = NAMED_BY[domain]
        matches = [text for text in held if any(stem in text.lower() for stem in stems)]
        named[domain] = matches[0] if matches else None
    return named


def tuning_recovery(
    histories: Mapping[str, pd.DataFrame],
    comparisons: Mapping[str, xr.Dataset],
    specificity: pd.DataFrame | None,
) -> list[dict[str, Any]]:
    """Task accuracy and brain gain of each tuned model, and its gain on each domain's words."""
    rows = []
    for domain, history in histories.items():
        best = history.loc[history["validation_loss"].iloc[1:].idxmin()]
        row = {
            "model": domain,
            "accuracy_before": round(float(history["validation_accuracy"].iloc[0]), 3),
            "accuracy": round(float(best["validation_accuracy"]), 3),
            "window_gain": float(comparisons[domain]["window_gain"][0]),
            "window_p": float(comparisons[domain]["window_p_corrected"][0]),
        }
        if specificity is not None:
            for _, cell in specificity[specificity["model"] == domain].iterrows():
                row[f"gain_{cell['category']}"] = float(cell["gain"])
                row[f"p_{cell['category']}"] = float(cell["p_corrected"])
        rows.append(row)
    return rows


def costs(benchmarks: str | Path) -> list[dict[str, Any]]:
    """Seconds and memory of each rule, from Snakemake's benchmark files `rule_wildcards.tsv`.

    Returns
    -------
    A row a rule: `rule`, `jobs`, `seconds` (sum over jobs), `peak_mb` (largest job).
    """
    rows = []
    for path in sorted(Path(benchmarks).rglob("*.tsv")):
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        rows.append((path.stem, float(table["s"].sum()), float(table["max_rss"].max())))
    table = pd.DataFrame(rows, columns=["job", "seconds", "peak_mb"])
    table["rule"] = [_rule_name(job) for job in table["job"]]
    grouped = table.groupby("rule", sort=False)
    return [
        {
            "rule": str(rule),
            "jobs": len(part),
            "seconds": round(part["seconds"].sum(), 1),
            "peak_mb": None if part["peak_mb"].isna().all() else round(part["peak_mb"].max()),
        }
        for rule, part in grouped
    ]


def _rule_name(job: str) -> str:
    return job.split("-", 1)[0]


def scorecard_lines(card: Mapping[str, Any]) -> list[str]:
    """The scorecard as a few plain lines."""
    lines = ["", "Scorecard: what was planted, what was found"]
    lines.append("  latents held out from base features and controls, R2 (near 0: the LM lacks it)")
    lines += [f"    {domain:18} {r2:7.3f}" for domain, r2 in card["latent_r2"].items()]
    lines.append("  encoding, mean r of a person where planted / elsewhere")
    lines += [
        f"    {row['component']:18} {row['planted']:7.3f} / {row['elsewhere']:.3f}"
        for row in card["encoding"]
    ]
    lines.append("  divergence, AUC of planted words / sentences")
    lines += [
        f"    {row['measure']:28} {_number(row['words'])} / {_number(row['sentences'])}"
        + ("  <- ranks" if row["measure"] == card["measure"] else "")
        for row in card["divergence"]
    ]
    lines.append("  domains named by hypotheses that hold on held-out sentences")
    lines += [f"    {domain:18} {text or 'not named'}" for domain, text in card["named"].items()]
    lines.append("  tuned models: task accuracy; gain on own domain's words, others' (corrected p)")
    for row in card["tuning"]:
        own = row["model"]
        cells = [f"{own} {_gain(row, own)}"] if f"gain_{own}" in row else []
        cells += [
            f"{key[5:]} {_gain(row, key[5:])}"
            for key in row
            if key.startswith("gain_") and key[5:] != own
        ]
        lines.append(f"    {own:18} {row['accuracy']:.2f}; {', '.join(cells)}")
    lines.append("  checks")
    lines += [
        f"    {_verdict(row)} {row['claim']}: {'yes' if row['found'] else 'no'} ({row['detail']})"
        for row in card["checks"]
    ]
    total = sum(row["seconds"] for row in card["costs"])
    peaks = [row["peak_mb"] for row in card["costs"] if row["peak_mb"]]
    lines.append(f"  {total:.0f} s of jobs, at most {max(peaks, default=0)} MB a job")
    return lines


def _verdict(row: Mapping[str, Any]) -> str:
    if row["found"] == row["expected"]:
        return "as planted "
    return "missed     " if row["expected"] else "FALSE FIND "


def _number(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def _gain(row: Mapping[str, Any], category: str) -> str:
    return f"{row[f'gain_{category}']:+.3f} ({row[f'p_{category}']:.3f})"
