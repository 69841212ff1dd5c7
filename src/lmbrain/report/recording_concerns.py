"""What is conspicuous about a recording or a person, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmbrain.report.wording import count, names, p_value, percent

# Limits above which a run or person is called conspicuous; conventions, not tests.
MANY_BAD = 12  # sensors
FAR_HEAD = 5.0  # mm from the reference run, or moved within a run
MUCH_LOST = 0.1  # share of the words, by other reasons than that nobody recorded them
LEVEL = 0.05  # p above which no response to words can be told
BAD_KINDS = ("noisy", "flat", "marked", "extra")
LIMITS = (
    f"more than {MANY_BAD} bad sensors, a head more than {FAR_HEAD:g} mm from the first run or "
    "moved that far within a run, heart beats or blinks that stay in, ICA that did not converge, "
    "saturated stretches, or triggers that had to be repaired"
)
Found = Mapping[str, Any]


def bad_sensors(found: Found) -> list[str]:
    """All bad sensors of a run, each once."""
    return sorted({name for kind in BAD_KINDS for name in found["bad_channels"][kind]})


def of_run(found: Found, timing: Found | None) -> list[str]:
    """Concerns about one run; empty if there is none.

    Parameters
    ----------
    found
        What `lmbrain.meg.preprocessing.preprocess` found.
    timing
        How the run's word onsets were found; None if unknown.
    """
    bad, head = len(bad_sensors(found)), found["head"]
    lines = []
    if bad > MANY_BAD:
        lines.append(f"{bad} bad sensors")
    if head["distance"] is not None and head["distance"] > FAR_HEAD:
        lines.append(f"head {head['distance']:.1f} mm from the first run")
    moved = farthest(head)
    if moved is not None and moved > FAR_HEAD:
        lines.append(f"head moved {moved:.1f} mm within the run")
    for artefact, noun in (("heart", "heart beats"), ("blinks", "blinks")):
        if found[artefact] is not None and not found[artefact]["components"]:
            lines.append(f"{found[artefact]['events']} {noun} found and none removed")
    if found["ica_converged"] is False:
        lines.append("ICA did not converge")
    if found["saturated"]:
        lines.append(f"{found['saturated']:.0f} s saturated")
    if timing is not None and timing["repairs"]:
        lines.append("triggers repaired")
    return lines


def farthest(head: Found) -> float | None:
    """Largest distance (mm) of the head from its place at the run's start; None if not tracked."""
    movement = head["movement"]
    return max(movement["distance"]) if movement else None


def of_person(response: Found) -> list[str]:
    """Concerns about one person's word-locked responses.

    Parameters
    ----------
    response
        From `lmbrain.meg.word_response.word_response`.
    """
    lines = []
    share = lost_share(response)
    if share > MUCH_LOST:
        lines.append(f"{percent(share)} of the words lost")
    found = [evoked["p"] for evoked in response["evoked"].values()]
    told = [p for p in found if p is not None]
    if found and not told:
        lines.append("too few words to tell a response")
    elif told and min(told) > LEVEL / len(told):
        lines.append(f"no response to words can be told (p {p_value(min(told))})")
    return lines


def lost_share(response: Found) -> float:
    """Share of the words recorded that cannot be used."""
    lost = response["lost"]
    words = response["items"] - lost.get("no word", 0) - lost.get("not recorded", 0)
    return (words - response["usable"]) / words if words else 0.0


def lost_in_words(lost: Mapping[str, int]) -> str:
    """`12 outside the recording, 3 annotated as bad`; items that are no words do not count."""
    reasons = [f"{n:,} {reason}" for reason, n in lost.items() if reason != "no word"]
    return ", ".join(reasons) or "none"


def verdict(
    quality: Mapping[tuple[str, str], Found],
    timing: Mapping[str, Found],
    responses: Mapping[str, Found],
) -> str:
    """One sentence about all people and runs."""
    conspicuous = [
        f"{subject} run {run}"
        for (subject, run), found in quality.items()
        if of_run(found, timing_of(timing, subject, run))
    ]
    conspicuous += [f"person {s}" for s, found in responses.items() if of_person(found)]
    people = len({s for s, _ in quality} or set(responses))
    parts = [f"{count(people, 'person', 'people')}"]
    if quality:
        parts = [f"{count(len(quality), 'run')} of {parts[0]}: {_sensors(list(quality.values()))}"]
        moved = [f["head"]["distance"] for f in quality.values()]
        known = [distance for distance in moved if distance is not None]
        if known:
            parts.append(f"heads at most {max(known):.1f} mm from their first run")
    if responses:
        worst = max(lost_share(found) for found in responses.values())
        parts.append(f"at most {percent(worst)} of a person's words lost")
    end = (
        f"conspicuous: {names(conspicuous)}"
        if conspicuous
        else "nothing conspicuous by the limits named below"
    )
    return ", ".join(parts) + f"; {end}."


def timing_of(timing: Mapping[str, Found], subject: str, run: str) -> Found | None:
    """How a run's word onsets were found; None where that is not known."""
    return timing[subject]["runs"].get(run) if subject in timing else None


def _sensors(runs: Sequence[Found]) -> str:
    bad = [len(bad_sensors(found)) for found in runs]
    return f"{sum(bad) / len(bad):.1f} bad sensors a run (at most {max(bad)})"
