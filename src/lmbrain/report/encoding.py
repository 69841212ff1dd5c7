"""The report's section on the encoding models: how well, where and when, beside the ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from lmbrain.encoding.penalties import edge_note
from lmbrain.report import encoding_figures as drawn
from lmbrain.report.blocks import Block, Cell, Fold, Section, Table, Text
from lmbrain.report.wording import count, number, p_value, percent, plain, signed, space

if TYPE_CHECKING:
    import mne

BEST = 0.1  # share of sensors called the best predicted
LEAKS = (
    "Denoised responses were computed from all words at once (denoising.within_folds: false, as "
    "published): their scores have seen the test words."
)


@dataclass(frozen=True)
class SpaceScores:
    """Scores of one feature space.

    Attributes
    ----------
    r : (people, sensor, time)
    best : (people, time)
        Mean over the best predicted sensors, chosen inside each training fold.
    """

    r: np.ndarray
    best: np.ndarray

    @property
    def mean(self) -> float:
        """Over people, sensors and bins."""
        return float(self.r.mean())

    @property
    def people(self) -> np.ndarray:
        """Mean over sensors and bins, of each person."""
        return self.r.mean(axis=(1, 2))


def best_sensors(scores: Sequence[xr.Dataset]) -> np.ndarray:
    """The best tenth of the sensors of each outer fold, by r of its inner folds alone.

    Parameters
    ----------
    scores
        Of each person, with `validation_r` (fold, sensor, time).

    Returns
    -------
    (fold, sensor) bool
    """
    validation = np.nanmean([s["validation_r"].mean("time").to_numpy() for s in scores], axis=0)
    keep = max(1, round(BEST * validation.shape[1]))
    order = np.argsort(-validation, axis=1, kind="stable")[:, :keep]
    mask = np.zeros(validation.shape, bool)
    np.put_along_axis(mask, order, True, axis=1)
    return mask


def summarise(scores: Sequence[xr.Dataset], best: np.ndarray) -> SpaceScores:
    """Scores of one space; `best` from `best_sensors`."""
    folds = np.stack([s["r_per_fold"].to_numpy() for s in scores])
    chosen = np.stack([folds[:, k, mask].mean(axis=1) for k, mask in enumerate(best)])
    return SpaceScores(np.stack([s["r"].to_numpy() for s in scores]), np.nanmean(chosen, axis=0))


def at_best(values: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Mean of (sensor, time) values over each fold's best sensors, then over folds: (time,)."""
    return np.mean([values[mask].mean(axis=0) for mask in best], axis=0)


def ceiling_of_mean(reliability: np.ndarray) -> float:
    """Ceiling of the mean r of many targets: square root of their mean reliability.

    The mean of single targets' ceilings would come out too high where nothing is shared, because
    each of them is 0 where its reliability is negative by chance.
    """
    return float(np.sqrt(max(np.mean(reliability), 0)))


def penalty_note(scores: Sequence[xr.Dataset]) -> str:
    """Whether the grid of penalties was too narrow for people's predictable targets."""
    chosen, validation = (
        np.concatenate([s[name].to_numpy().ravel() for s in scores])
        for name in ("penalty", "validation_r2")
    )
    return edge_note(chosen, np.ravel(scores[0].attrs["penalties"]), validation)


def section(
    scores: Mapping[str, Sequence[xr.Dataset]],
    denoised: Sequence[xr.Dataset],
    significance: Mapping[str, xr.Dataset],
    ceiling: xr.Dataset,
    info: mne.Info | None,
    topography_times: Sequence[float],
    parts: Mapping[str, Sequence[str]],
) -> Section:
    """Describe the encoding models.

    Parameters
    ----------
    scores
        Of each feature space, each person's scores (`lmbrain.encoding.model.encode`).
    denoised
        Each person's scores of `lm` against denoised responses; may be empty.
    significance
        Of each space.
    ceiling
        `ceiling`, `leave_one_out`, perhaps `cross_subject`; NaN and a `note` for one person.
    info
        The sensors' positions; None draws no maps.
    topography_times
        Seconds after onset.
    parts
        What each space is made of.
    """
    best = best_sensors(scores["lm"])
    summary = {name: summarise(people, best) for name, people in scores.items()}
    smooth = summarise(denoised, best) if denoised else None
    like = scores["lm"][0]
    blocks: list[Block] = []
    if like.sizes["time"] > 1:
        if info is not None:
            blocks.append(drawn.maps(summary["lm"].r, like, info, topography_times))
        limit = at_best(ceiling["reliability"].to_numpy(), best)
        blocks.append(drawn.time_courses(summary, smooth, significance, ceiling, limit, like))
        blocks.append(_table(summary, smooth, scores, significance, limit, parts))
    else:
        blocks.append(drawn.regions(summary, ceiling, like))
        blocks.append(_region_table(summary, significance, ceiling, like, parts))
    blocks.append(_autocorrelation(significance["lm"], like.sizes["time"] > 1))
    blocks += _remarks(denoised, ceiling, len(scores["lm"]))
    blocks.append(Fold("Ridge penalties: were the grids wide enough?", [_penalties(scores)]))
    return Section("encoding", "Encoding models", _verdict(summary, significance, ceiling), blocks)


def _verdict(
    summary: Mapping[str, SpaceScores],
    significance: Mapping[str, xr.Dataset],
    ceiling: xr.Dataset,
) -> str:
    lm = summary["lm"]
    share = float(significance["lm"]["significant"].mean())
    level = float(significance["lm"].attrs["level"])
    where = f"in {percent(share)} of" if share else "in none of the"
    targets = "sensors and bins" if lm.r.shape[2] > 1 else "regions"
    low, high = significance["lm"].attrs["mean_interval"]
    text = (
        "Features of the language model and the controls predict single people with a mean r of "
        f"{number(lm.mean)} [{number(low)}, {number(high)}]"
    )
    limit = ceiling_of_mean(ceiling["reliability"].to_numpy())
    if limit > 0:
        text += f" ({percent(lm.mean / limit)} of the noise ceiling, {number(limit)})"
    text += f", better than chance {where} {targets} (corrected p < {level:g} over the story"
    across = _over_people(significance["lm"])
    text += ")." if across is None else f"; over people: {percent(across)})."
    others = [name for name in ("controls", "rate") if name in summary]
    if others:
        gain = lm.people - summary[others[0]].people
        text += (
            f" Over {space(others[0])} alone, the language model adds {signed(float(gain.mean()))} "
            f"({_of_people(gain > 0)})."
        )
    return text


def _over_people(found: xr.Dataset) -> float | None:
    """Share of sensors and bins (or regions) with r above 0 over people, corrected."""
    if "p_people_fwe" not in found:
        return None
    return float((found["p_people_fwe"] < float(found.attrs["level"])).mean())


def _of_people(better: np.ndarray) -> str:
    if len(better) == 1:
        return "one person"
    return f"higher in {int(better.sum())} of {len(better)} people"


def _table(
    summary: Mapping[str, SpaceScores],
    smooth: SpaceScores | None,
    scores: Mapping[str, Sequence[xr.Dataset]],
    significance: Mapping[str, xr.Dataset],
    limit: np.ndarray,
    parts: Mapping[str, Sequence[str]],
) -> Table:
    def row(name: str, made_of: str, found: SpaceScores, fraction: str, share: str) -> list:
        features = int(scores["lm" if name == "denoised" else name][0].attrs["n_features"])
        spread = f"{number(found.people.min())} to {number(found.people.max())}"
        label = "denoised: lm" if name == "denoised" else space(name)
        best = number(float(found.best.mean()))
        mean = number(found.mean)
        if name in significance:
            low, high = significance[name].attrs["mean_interval"]
            mean += f"\n[{number(low)}, {number(high)}]"
        return [label, made_of, f"{features}", mean, spread, best, fraction, share]

    rows = []
    for name, found in summary.items():
        whole = ceiling_of_mean(limit)
        fraction = percent(found.best.mean() / whole) if whole > 0 else "n/a"
        share = percent(float(significance[name]["significant"].mean()))
        across = _over_people(significance[name])
        share += "" if across is None else f"; {percent(across)}"
        rows.append(row(name, ", ".join(map(plain, parts[name])), found, fraction, share))
    if smooth is not None:
        rows.append(row("denoised", "as above, against denoised responses", smooth, "none", "-"))
    caption = (
        "r: Pearson within each test fold, mean over folds, over all sensors and bins, then over "
        "people, with its 95% interval over other words (jackknife); people (range: lowest to "
        "highest person). Best sensors: the tenth with the highest r in the inner folds, chosen "
        "anew for each test fold. Of ceiling: mean r at those sensors over the square root of "
        "their mean reliability. Above chance: share of sensors and bins whose max-corrected p is "
        "below the level, over the story, then over people. Denoised responses share data between "
        "people: no ceiling applies to them."
    )
    columns = ["feature space", "made of", "features", "mean r", "people", "r, best sensors"]
    columns += ["of ceiling", "above chance"]
    return Table(columns, rows, caption, text_columns=2)


def _region_table(
    summary: Mapping[str, SpaceScores],
    significance: Mapping[str, xr.Dataset],
    ceiling: xr.Dataset,
    like: xr.Dataset,
    parts: Mapping[str, Sequence[str]],
) -> Table:
    others = ceiling["leave_one_out"].mean("subject").to_numpy()[:, 0]
    limit = ceiling["ceiling"].to_numpy()[:, 0]
    rows = []
    for i, region in enumerate(like["sensor"].to_numpy()):
        row: list[str | Cell] = [plain(str(region))]
        for name, found in summary.items():
            r = found.r[:, i, 0]
            sd = f" \N{PLUS-MINUS SIGN} {number(r.std(ddof=1))}" if len(r) > 1 else ""
            test = significance[name]
            p = p_value(float(test["p_fwe"].to_numpy()[i, 0]))
            if "p_people_fwe" in test:
                p += f"; {p_value(float(test['p_people_fwe'].to_numpy()[i, 0]))}"
            strong = bool(test["significant"].to_numpy()[i, 0])
            row.append(Cell(f"{number(r.mean())}{sd} (p {p})", strong=strong))
        gain = summary["lm"].r[:, i, 0]
        fraction = percent(gain.mean() / limit[i]) if limit[i] > 0 else "n/a"
        rows.append([*row, number(others[i]), number(limit[i]), fraction])
    made_of = "; ".join(f"{space(n)}: {', '.join(parts[n])}" for n in summary)
    caption = (
        "r of each region: mean and standard deviation over people; p against chance, over the "
        "story (bold: below the level), then over people, both corrected by the maximum over "
        "regions. "
        "Inter-subject: correlation of each person with the mean of the others. Ceiling: square "
        f"root of the mean correlation between two people. Feature spaces - {made_of}."
    )
    columns = ["region", *map(space, summary), "inter-subject", "ceiling", "lm of ceiling"]
    return Table(columns, rows, caption)


def _penalties(scores: Mapping[str, Sequence[xr.Dataset]]) -> Table:
    rows = []
    for name, people in scores.items():
        grid = np.ravel(people[0].attrs["penalties"])
        chosen = np.concatenate([s["penalty"].to_numpy().ravel() for s in people])
        chosen = chosen[np.isfinite(chosen)]
        low, high = np.mean(chosen == grid.min()), np.mean(chosen == grid.max())
        median = f"{np.median(chosen):g}"
        ends = f"{grid.min():g} to {grid.max():g}"
        rows.append([space(name), ends, median, percent(float(low)), percent(float(high))])
    caption = (
        "Share of people, folds, sensors and bins for which the smallest or the largest penalty "
        "won. Many at the smallest ask for a wider grid; targets that nothing predicts end at "
        "the largest, which does no harm."
    )
    return Table(["feature space", "grid", "median", "smallest", "largest"], rows, caption)


def _autocorrelation(found: xr.Dataset, words: bool) -> Text:
    """How long responses resemble themselves, and the blocks that follow from it."""
    unit = "words" if words else "samples"
    text = (
        "Autocorrelation of the responses without drift: median "
        f"{number(float(found['lag1'].median()), 2)} between neighbouring {unit}; under .05 after "
        f"{float(found['decay'].quantile(0.95)):.0f} {unit} in 95% of the sensors and bins."
    )
    if "block" in found.attrs:
        text += f" Blocks of {found.attrs['block']:.0f} {'words' if words else 's'} were flipped."
    return Text(text)


def _remarks(denoised: Sequence[xr.Dataset], ceiling: xr.Dataset, people: int) -> list[Text]:
    remarks = []
    if ceiling.attrs.get("note"):
        remarks.append(Text(str(ceiling.attrs["note"]), warning=True))
    if denoised and not int(denoised[0].attrs["within_folds"]):
        remarks.append(Text(LEAKS, warning=True))
    if 1 < people < 5:
        said = count(people, "person", "people")
        remarks.append(Text(f"With {said} the spread over people is itself uncertain."))
    return remarks
