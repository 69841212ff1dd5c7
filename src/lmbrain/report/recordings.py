"""The report's section on the recordings: what was bad, what was removed, what was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmbrain.meg.word_response import STRETCH
from lmbrain.report import recording_figures as figures
from lmbrain.report.blocks import Block, Cell, Fold, Section, Table, Text
from lmbrain.report.recording_concerns import (
    BAD_KINDS,
    LEVEL,
    LIMITS,
    MUCH_LOST,
    farthest,
    lost_in_words,
    of_person,
    of_run,
    timing_of,
    verdict,
)
from lmbrain.report.wording import names, number, p_value, percent

Found = Mapping[str, Any]
Quality = Mapping[tuple[str, str], Found]


def section(
    quality: Quality, timing: Mapping[str, Found], responses: Mapping[str, Found]
) -> Section:
    """Describe the recordings.

    Parameters
    ----------
    quality
        Of each (subject, run): what `lmbrain.meg.preprocessing.preprocess` found. Empty for data
        that start from responses.
    timing
        Of each subject: how the word onsets of her runs were found. Empty for the same data.
    responses
        Of each subject: `lmbrain.meg.word_response.word_response`.
    """
    blocks: list[Block] = []
    if quality:
        blocks += [_runs(quality, timing), figures.spectra(quality)]
    blocks.append(_people(responses))
    blocks += [_person(subject, quality, timing, responses[subject]) for subject in responses]
    title = "Quality of the recordings" if quality else "Quality of the responses"
    return Section("recordings", title, verdict(quality, timing, responses), blocks)


def _runs(quality: Quality, timing: Mapping[str, Found]) -> Table:
    rows = []
    for (subject, run), found in quality.items():
        kinds = found["bad_channels"]
        listed = "; ".join(f"{kind}: {', '.join(kinds[kind])}" for kind in BAD_KINDS if kinds[kind])
        aligned = timing_of(timing, subject, run)
        said = of_run(found, aligned)
        rows.append(
            [
                f"{subject}, {run}",
                listed or "none",
                Cell(names(said) or "as expected", strong=bool(said)),
                f"{found['duration']:.0f}",
                _artefact(found["heart"]),
                _artefact(found["blinks"]),
                _moved(found["head"]),
                _residual(aligned),
            ]
        )
    caption = (
        "Each run before cleaning. Heart beats and blinks: number found, rate, and how much of "
        "them the removed components hold (SSP: share of the average's variance; ICA: score). "
        "Head: distance and rotation from the person's first run, farthest within the run where "
        "it was tracked. Onsets: largest distance of a word's onset from the fitted clock. A run "
        f"is conspicuous with {LIMITS}."
    )
    columns = [
        "person, run",
        "bad sensors",
        "verdict",
        "s",
        "heart beats",
        "blinks",
        "head",
        "onsets",
    ]
    return Table(columns, rows, caption, text_columns=3)


def _people(responses: Mapping[str, Found]) -> Table:
    rows = []
    for subject, found in responses.items():
        said = of_person(found)
        evoked = found["evoked"].values()
        rows.append(
            [
                subject,
                lost_in_words(found["lost"]),
                Cell(names(said) or "as expected", strong=bool(said)),
                f"{found['usable']:,}",
                " / ".join(number(e["agreement"], 2) for e in evoked) or "n/a",
                " / ".join(p_value(e["p"]) for e in evoked) or "n/a",
            ]
        )
    caption = (
        "Each person's words: how many were lost and why, and how many are used. Agreement: "
        f"correlation of the average responses to every other stretch of {STRETCH} words (by type "
        "of sensors). p: share of random signs of the stretches that give an average of that "
        f"energy. Conspicuous: more than {percent(MUCH_LOST)} lost, or a response with p above "
        f"{LEVEL:g} (corrected for the types of sensors)."
    )
    columns = ["person", "words lost", "verdict", "words used", "agreement", "p"]
    return Table(columns, rows, caption, text_columns=3)


def _person(subject: str, quality: Quality, timing: Mapping[str, Found], response: Found) -> Fold:
    runs = {run: found for (s, run), found in quality.items() if s == subject}
    blocks: list[Block] = []
    for run, found in runs.items():
        aligned = timing_of(timing, subject, run)
        steps = f"Run {run}: {'; '.join(found['steps'])}."
        blocks.append(Text(steps))
        if aligned is not None:
            blocks.append(Text(_timing(run, aligned), warning=bool(aligned["repairs"])))
    if runs:
        drawn = (figures.bad_sensor_maps, figures.movement, figures.components)
        blocks += [picture for plot in drawn if (picture := plot(subject, runs)) is not None]
    if response["evoked"]:
        blocks.append(figures.evoked(subject, response))
    said = [
        f"run {run}: {names(concerns)}"
        for run, found in runs.items()
        if (concerns := of_run(found, timing_of(timing, subject, run)))
    ]
    said += of_person(response)
    return Fold(f"Person {subject}: {'; '.join(said) or 'as expected'}", blocks)


def _artefact(found: Found | None) -> str:
    if found is None:
        return "not looked for"
    removed = [
        percent(c["explained"]) if "explained" in c else number(c["score"], 2)
        for c in found["components"]
    ]
    held = ", ".join(removed) or "none removed"
    return f"{found['events']}, {number(found['per_minute'], 0)}/min\n{held}"


def _moved(head: Found) -> str:
    parts = []
    if head["distance"] is not None:
        parts.append(f"{head['distance']:.1f} mm, {head['rotation']:.1f}\N{DEGREE SIGN}")
    within = farthest(head)
    if within is not None:
        parts.append(f"within {within:.1f} mm")
    return "\n".join(parts) or "n/a"


def _residual(aligned: Found | None) -> str:
    if aligned is None or aligned["residual"] is None:
        return "n/a"
    return f"{1e3 * aligned['residual']['largest']:.0f} ms"


def _timing(run: str, aligned: Found) -> str:
    """How the onsets of a run's words were found."""
    told = f"Run {run}: onsets of {aligned['items']:,} items from {aligned['source']}"
    if aligned["source"] != "events":
        told += (
            f", {aligned['found']:,} found; lag {1e3 * aligned['lag']:.0f} ms, clock rate "
            f"{aligned['rate']:.6f}, residual {1e3 * aligned['residual']['median']:.1f} ms "
            f"(largest {1e3 * aligned['residual']['largest']:.1f} ms)"
        )
    return " ".join([told + ".", *aligned["repairs"]])
