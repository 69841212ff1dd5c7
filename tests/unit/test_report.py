"""The report's page from small made-up results of exactly the stages' forms."""

import re

import matplotlib.pyplot as plt
import mne
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmbrain.divergence import MEASURES
from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.validity import COLUMNS
from lmbrain.meg.timing import by_events
from lmbrain.report import (
    beyond,
    divergence,
    encoding,
    hypotheses,
    methods,
    parts,
    planted,
    recordings,
    tuning,
)
from lmbrain.report import encoding_figures as drawn
from lmbrain.report.blocks import Cell, Fold, Listing, Picture, Story, Table, Text
from lmbrain.report.figures import sensor_layouts
from lmbrain.report.overview import overview
from lmbrain.report.page import render, tint
from lmbrain.words import make_words

PEOPLE, SENSORS, TIME, FOLDS = 3, 12, np.arange(0.0125, 0.5, 0.025), 3
WINDOW = {"start": 0.2, "stop": 0.45}
DOMAINS = ["social_emotional", "physical"]
RNG = np.random.default_rng


def meg_info():
    info = mne.channels.read_meg_canonical_info("neuromag")
    return mne.pick_info(info, mne.pick_types(info, meg=True)[:: 306 // SENSORS][:SENSORS])


def made_words():
    story = "She felt <joy> & wept. + The lamp fell off a shelf. It was late, very late."
    text = story.split()
    n = len(text)
    return make_words(["ferry"] * n, ["01"] * n, text, np.arange(n) * 0.4, np.full(n, 0.4))


def encoding_scores(level, seed, sensors, time):
    rng = RNG(seed)
    shape = (len(sensors), len(time))
    folds = level + 0.01 * rng.standard_normal((FOLDS, *shape))
    penalty = rng.choice([1.0, 10.0, 100.0], (FOLDS, *shape))
    place = ("sensor", "time")
    return xr.Dataset(
        {
            "r": (place, folds.mean(axis=0)),
            "r_per_fold": (("fold", *place), folds),
            "validation_r": (("fold", *place), folds.copy()),
            "validation_r2": (("fold", *place), folds.copy()),
            "penalty": (("fold", *place), penalty),
        },
        coords={"sensor": sensors, "time": time},
        attrs={"n_features": 7, "penalties": [1.0, 10.0, 100.0]},
    )


def significance_of(scores, share):
    r = np.stack([s["r"].to_numpy() for s in scores])
    significant = np.zeros(r.shape[1:], np.int8)
    significant.ravel()[: round(share * significant.size)] = 1
    place = ("sensor", "time")
    found = {
        "p_fwe": (place, np.where(significant, 0.001, 0.5)),
        "significant": (place, significant),
        "lag1": (place, np.full(r.shape[1:], 0.3)),
        "decay": (place, np.full(r.shape[1:], 7.0)),
    }
    if len(scores) > 1:
        found["p_people_fwe"] = (place, np.full(r.shape[1:], 0.25))
    return xr.Dataset(
        found,
        coords=scores[0].coords,
        attrs={"level": 0.05, "mean_interval": [0.01, 0.09], "block": 40.0, "notes": "Few."},
    )


def ceiling_of(like, value, people):
    shape = (like.sizes["sensor"], like.sizes["time"])
    place = ("sensor", "time")
    alone = people == 1
    return xr.Dataset(
        {
            "ceiling": (place, np.full(shape, np.nan if alone else value)),
            "reliability": (place, np.full(shape, np.nan if alone else value**2)),
            "leave_one_out": (("subject", *place), np.full((people, *shape), value)),
        },
        coords=like.coords,
        attrs={"note": "One person alone: no ceiling." if alone else ""},
    )


def encoding_section(people=PEOPLE, sensors=None, time=TIME, info=None, denoised=True):
    sensors = sensors if sensors is not None else meg_info().ch_names
    scores = {
        space: [encoding_scores(level, 10 * i + p, sensors, time) for p in range(people)]
        for i, (space, level) in enumerate({"controls": 0.02, "lm": 0.05}.items())
    }
    return encoding.section(
        scores,
        [s.assign_attrs(within_folds=1) for s in scores["lm"]] if denoised else [],
        {"controls": significance_of(scores["controls"], 0.1),
         "lm": significance_of(scores["lm"], 0.5)},
        ceiling_of(scores["lm"][0], 0.1, people),
        info,
        [0.1, 0.3],
        {"rate": [], "controls": ["controls"], "lm": ["controls", "base"]},
    )  # fmt: skip


UNIQUE = ("alone", "unique")


def partition_of(seed, sensors, time):
    rng = RNG(seed)
    shape, place = (2, len(sensors), len(time)), ("part", "sensor", "time")
    alone = np.array([0.01, 0.03])[:, None, None] + 0.001 * rng.standard_normal(shape)
    unique = np.array([-0.002, 0.02])[:, None, None] + 0.001 * rng.standard_normal(shape)
    by_fold = ("part", "fold", "sensor", "time")
    return xr.Dataset(
        {
            "r2": (place[1:], alone.sum(axis=0)),
            "alone": (place, alone),
            "unique": (place, unique),
            "alone_per_fold": (by_fold, np.repeat(alone[:, None], FOLDS, axis=1)),
            "unique_per_fold": (by_fold, np.repeat(unique[:, None], FOLDS, axis=1)),
        },
        coords={"part": ["controls", "base"], "sensor": sensors, "time": time},
    )


def sweep_of(sensors, time, best):
    shape, place = (4, len(sensors), len(time)), ("choice", "sensor", "time")
    level = np.array([0.01, 0.02, 0.03, 0.04])[:, None, None]
    by_fold, whole = ("choice", "fold", "sensor", "time"), (4, FOLDS, *shape[1:])
    return xr.Dataset(
        {
            "r": (place, np.broadcast_to(level, shape)),
            "unique": (place, np.broadcast_to(level / 10, shape)),
            "r_per_fold": (by_fold, np.broadcast_to(level[:, None], whole)),
            "unique_per_fold": (by_fold, np.broadcast_to(level[:, None] / 10, whole)),
            "best": ("fold", best),
            "best_r": (place[1:], np.full(shape[1:], 0.037)),
            "best_unique": (place[1:], np.full(shape[1:], 0.0031)),
        },
        coords={
            "context_words": ("choice", [5, 5, 20, 20]),
            "layer": ("choice", [1, 2, 1, 2]),
            "sensor": sensors,
            "time": time,
        },
    )


def parts_section(time=TIME, sweeps=True):
    sensors = meg_info().ch_names
    mask = np.zeros((FOLDS, len(sensors)), bool)
    mask[:, :3] = True
    chosen = [[3, 3, 3, 2, 3, 3, 3, 3, 3, 3][:FOLDS], [3] * FOLDS]
    return parts.section(
        [partition_of(seed, sensors, time) for seed in range(PEOPLE)],
        [sweep_of(sensors, time, best) for best in chosen] if sweeps else [],
        mask,
    )


def divergence_section(words=None, split_half=0.42, note=""):
    words = made_words() if words is None else words
    rng = RNG(0)
    spoken = words["is_word"].to_numpy()
    scores = pd.DataFrame({m: np.where(spoken, rng.normal(size=len(words)), np.nan)
                           for m in ("divergence", *MEASURES)})  # fmt: skip
    kept = words[words["sentence"] >= 0].groupby("sentence")["text"]
    sentences = pd.DataFrame(
        {"sentence": list(kept.groups), "text": kept.agg(" ".join), "length": kept.size()}
    ).reset_index(drop=True)
    sentences["divergence"] = np.linspace(-0.1, 0.3, len(sentences))
    diagnostics = pd.DataFrame(
        {"measure": [*MEASURES, "gap_relative"], "response_energy": 0.05, "length": 0.1,
         "split_half": split_half, "ranks": [m == "gap" for m in (*MEASURES, "gap_relative")]}
    )  # fmt: skip
    return divergence.section(
        words, scores, sentences, diagnostics, {"measure": "gap", "note": note}, WINDOW
    )


def ranked_table(corrected):
    rows = [
        {"rank": i + 1, "hypothesis": f"h{i:02d}", "text": f"mentions a thing {i}",
         "property": "", "validity": 0.3 - 0.1 * i, "se": 0.1, "t": 3.0, "p_published": 0.002,
         "p": 0.01, "p_corrected": p, "z_partial": 2.5, "p_partial": 0.006,
         "p_partial_corrected": 0.2, "n_a": 4, "n_b": 4, "mean_a": 0.6, "mean_b": 0.3,
         "examples_for": "0,1", "examples_against": "2" if i else ""}
        for i, p in enumerate(corrected)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def groups_table():
    return pd.DataFrame(
        {"sentence": range(4), "text": [f"Sentence <{i}>." for i in range(4)],
         "divergence": [4.0, 3.0, 2.0, 1.0], "block": [0, 0, 1, 1],
         "half": ["research"] * 2 + ["validation"] * 2, "group": ["divergent", "convergent"] * 2}
    )  # fmt: skip


def comparison_of(effect, people, p, sensors):
    shape = (len(sensors), len(TIME))
    place = ("sensor", "time")
    around = np.array([[effect - 0.01], [effect + 0.01]])
    found = {
        "r_gain": (place, np.full(shape, effect)),
        "p_fwe": (place, np.full(shape, 0.5)),
        "p_cluster": (place, np.full(shape, 0.01)),
        "p_people_fwe": (place, np.full(shape, 0.125)),
        "interval": (("bound", *place), np.broadcast_to(around[:, :, None], (2, *shape))),
        "ceiling_share": (place, np.full(shape, effect / 0.2)),
        "window_start": ("window", [WINDOW["start"]]),
        "window_stop": ("window", [WINDOW["stop"]]),
        "window_gain": ("window", [effect]),
        "window_interval": (("bound", "window"), around),
        "window_ceiling": ("window", [0.2]),
        "window_p_corrected": ("window", [p]),
        "course": ("time", np.full(len(TIME), effect)),
        "course_interval": (("bound", "time"), np.tile(around, len(TIME))),
    }
    if people > 1:
        found |= {
            "window_people_gain": ("window", [effect]),
            "window_people_p": ("window", [0.125]),
        }
    notes = {"notes": "With 3 people no p can be below 0.12.", "level": 0.05}
    return xr.Dataset(found, coords={"sensor": sensors, "time": TIME}, attrs=notes)


def tuning_section(own_p=0.01, specificity=True, info=None, agreement=None):
    sensors = meg_info().ch_names
    history = pd.DataFrame(
        {"step": [0, 60, 120], "train_loss": [np.nan, 1.0, 0.5],
         "validation_loss": [1.1, 0.9, 0.95], "validation_accuracy": [0.33, 0.91, 0.9]}
    )  # fmt: skip
    table = pd.DataFrame(
        [
            {"model": m, "category": c, "gain": 0.05 if m == c else -0.01, "ci_low": -0.02,
             "ci_high": 0.1, "p": 0.01, "p_corrected": own_p if m == c else 0.8, "n_words": 9}
            for m in DOMAINS for c in (*DOMAINS, "own - others")
        ]
    )  # fmt: skip
    return tuning.section(
        dict.fromkeys(DOMAINS, history),
        {d: comparison_of(0.02, PEOPLE, p, sensors) for d, p in zip(DOMAINS, (0.01, 0.4),
                                                                    strict=True)},
        table if specificity else None,
        info,
        agreement,
    )  # fmt: skip


def two_windows(p, gains):
    """A comparison with another p and gain in each of two windows."""
    one = comparison_of(gains[0], PEOPLE, p[0], meg_info().ch_names)
    other = comparison_of(gains[1], PEOPLE, p[1], meg_info().ch_names)
    windows = [name for name in one if "window" in one[name].dims]
    joined = xr.concat(
        [one[windows], other[windows].assign(window_start=("window", [0.3]))], "window"
    )
    return one.drop_dims("window").assign({name: joined[name] for name in windows})


def test_the_verdict_beyond_the_controls_is_that_of_the_window_with_the_smallest_p():
    section = beyond.section(two_windows((0.9, 0.001), (-0.002, 0.03)), None)
    assert "predicted better" in section.verdict
    assert "+0.0300" in section.verdict and "300 to" in section.verdict
    section = beyond.section(two_windows((0.9, 0.2), (-0.002, 0.01)), None)
    assert "not shown" in section.verdict and "+0.0100" in section.verdict


def test_a_stricter_level_of_the_config_counts_on_the_page():
    found = comparison_of(0.01, PEOPLE, 0.03, meg_info().ch_names)
    assert "predicted better" in beyond.section(found, None).verdict
    assert "not shown" in beyond.section(found.assign_attrs(level=0.01), None).verdict


def quality_of(noisy=("MEG 0113",), distance=1.2, movement=None, saturated=0.0):
    frequencies = list(range(1, 100))
    band = {"unit": "fT/sqrt(Hz)", "median": [2.0] * 99, "low": [1.0] * 99, "high": [3.0] * 99}
    spectra = {"frequencies": frequencies, "mag": band, "grad": band}
    info = meg_info()
    kinds = dict(zip(info.ch_names, info.get_channel_types(), strict=True))
    sensors = {kind: [n for n, k in kinds.items() if k == kind] for kind in ("grad", "mag")}
    field = {kind: list(range(len(names))) for kind, names in sensors.items()}
    found = {
        "method": "ssp",
        "events": 60,
        "per_minute": 61.0,
        "components": [{"explained": 0.9, "topography": field}],
    }
    return {
        "duration": 60.0,
        "bad_channels": {"marked": [], "extra": [], "noisy": list(noisy), "flat": []},
        "head": {
            "position": [0.0, 0.0, 40.0],
            "distance": distance,
            "rotation": 0.5,
            "movement": movement,
        },
        "spectra_before": spectra,
        "spectra_after": spectra,
        "heart": found,
        "blinks": None,
        "ica_converged": None,
        "saturated": saturated,
        "sensors": sensors,
        "places": {c["ch_name"]: c["loc"][:3].tolist() for c in info["chs"]},
        "steps": ["tSSS in buffers of 10 s", "band-pass 0.1 to 40 Hz"],
    }


def timing_of(repairs=()):
    run = {
        "source": "triggers",
        "items": 300,
        "found": 299,
        "lag": 0.012,
        "rate": 1.00002,
        "residual": {"median": 0.0004, "largest": 0.003},
        "repairs": list(repairs),
    }
    return {"runs": {"01": run, "02": run}}


def word_response_of(usable=290, agreement=0.9, p=0.001):
    kinds = quality_of()["sensors"]
    values = {k: RNG(0).standard_normal((len(n), len(TIME))).tolist() for k, n in kinds.items()}
    return {
        "items": 300,
        "usable": usable,
        "lost": {"no word": 5, "annotated as bad": 295 - usable},
        "times": TIME.tolist(),
        "evoked": {
            kind: {
                "unit": "fT",
                "sensors": n,
                "values": values[kind],
                "agreement": agreement,
                "p": p,
            }
            for kind, n in kinds.items()
        },
    }


def scorecard():
    return {
        "measure": "gap",
        "latent_r2": {"social_emotional": -0.01, "physical": 0.02},
        "encoding": [{"component": "length", "planted": 0.08, "elsewhere": 0.01}],
        "divergence": [
            {"measure": "squared_error", "words": 0.5, "sentences": 0.51, "words_physical": None},
            {"measure": "gap", "words": 0.7, "sentences": 0.66, "words_physical": 0.71},
        ],
        "named": {"social_emotional": "expresses an emotion", "physical": None},
        "tuning": [{"model": "physical", "accuracy_before": 0.5, "accuracy": 0.9,
                    "window_gain": 0.01, "window_p": 0.02, "gain_physical": 0.05,
                    "p_physical": 0.01}],
        "checks": [
            {"claim": "it finds <b>", "found": True, "expected": False, "detail": "3 of 4"},
            {"claim": "divergence finds", "found": False, "expected": True, "detail": "AUC 0.5"},
        ],
        "costs": [{"rule": "encode", "jobs": 4, "seconds": 12.5, "peak_mb": None}],
    }  # fmt: skip


CONFIG = {
    "study": "toy",
    "report": {"title": "Brains & models"},
    "data": {"kind": "simulated", "story": "ferry", "exclude": []},
    "language_model": {"source": "tiny", "revision": None},
    "features": {"context_words": 20},
    "encoding": {"layer": 2, "delays": None},
    "folds": {"outer": 3, "gap": 20.0},
    "significance": {"method": "flip_blocks", "resamples": 999},
    "hypotheses": {"resamples": 999},
    "finetuning": {"domains": DOMAINS},
    "evaluation": {"unit": "blocks", "block": None, "resamples": 999},
}


def page_of(sections, kind="simulated"):
    config = CONFIG | {"data": CONFIG["data"] | {"kind": kind}}
    people = [f"{i:02d}" for i in range(PEOPLE)]
    sections = [
        *sections,
        methods.section(config, PEOPLE, {"Ceiling": ["a", "a", ""]}, {"words.tsv": "ab" * 32}),
    ]
    folds = make_folds(np.full(14, "ferry"), np.arange(14), np.ones(14, bool), FOLDS, 0.0)
    head = overview(config, made_words(), folds, people, sections, {"numpy": "2.0"}, [14] * PEOPLE)
    return render(head, sections)


@pytest.fixture(scope="module")
def encoded():
    return encoding_section(info=meg_info())


@pytest.fixture(scope="module")
def whole_page(encoded):
    quality = {("01", "01"): quality_of(), ("01", "02"): quality_of(distance=9.0)}
    return page_of(
        [
            planted.section(scorecard()),
            recordings.section(quality, {"01": timing_of()}, {"01": word_response_of()}),
            encoded,
            divergence_section(),
            hypotheses.section(ranked_table([0.01, 0.6]), groups_table(), 5),
            tuning_section(info=meg_info()),
        ]
    )


def tables(section):
    return [block for block in section.blocks if isinstance(block, Table)]


def cell_text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def test_parts_say_what_each_explains_alone_and_uniquely():
    section = parts_section(sweeps=False)
    (table,) = tables(section)
    assert [row[0] for row in table.rows] == ["controls", "language model"]
    assert table.rows[0][-1] == f"0 of {PEOPLE}"
    assert table.rows[1][-1] == f"{PEOPLE} of {PEOPLE}"
    assert "'language model' adds the most to the others (+0.02" in section.verdict
    assert [block.kind for block in section.blocks] == ["picture", "table"]
    alone = parts_section(time=np.array([0.0]), sweeps=False)
    assert [block.kind for block in alone.blocks] == ["table"]


def test_a_grid_of_penalties_that_was_too_narrow_is_noted():
    scores = [encoding_scores(0.05, seed, ["a", "b"], TIME) for seed in range(2)]
    assert "smallest penalty, 1, won 3" in encoding.penalty_note(scores)
    for person in scores:
        person["penalty"][:] = 10.0
    assert encoding.penalty_note(scores) == ""


def test_noise_explains_nothing_at_its_best_sensors():
    """Sensors chosen for fold k by the other folds say nothing of fold k."""
    rng, sensors, n_folds = RNG(4), [f"s{i}" for i in range(200)], 10
    noise = 0.05 * rng.standard_normal((1, n_folds, 200, 4))
    others = (noise.sum(axis=1, keepdims=True) - noise)[0].mean(axis=2)
    best = others >= np.quantile(others, 0.9, axis=1, keepdims=True)
    data = xr.Dataset(
        {f"{name}_per_fold": (("part", "fold", "sensor", "time"), noise) for name in UNIQUE}
        | {name: (("part", "sensor", "time"), noise.mean(axis=1)) for name in UNIQUE}
        | {"r2": (("sensor", "time"), noise[0].mean(axis=0))},
        coords={"part": ["base"], "sensor": sensors, "time": TIME[:4]},
    )
    row = tables(parts.section([data], [], best))[0].rows[0]
    assert float(row[2]) < 0.01  # of the all-fold mean: .02


def test_the_sweep_names_the_choice_of_the_inner_folds():
    section = parts_section()
    table = tables(section)[-1]
    assert [row[:2] for row in table.rows] == [["5", "1"], ["5", "2"], ["20", "1"], ["20", "2"]]
    assert table.rows[3][-1].strong and not table.rows[2][-1].strong
    assert "layer 2 over 20 words" in section.verdict
    assert "mean r of 0.037" in section.verdict


def test_the_page_needs_nothing_outside_itself(whole_page):
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", whole_page)
    assert not re.search(r"<(script|link|iframe|object)\b", whole_page)
    assert "url(" not in whole_page and "@import" not in whole_page
    assert len(whole_page) < 6e6


def test_every_section_is_there_once_with_its_verdict_in_brief(whole_page):
    anchors = re.findall(r'<section id="(\w+)">', whole_page)
    assert anchors == [
        "scorecard", "recordings", "encoding", "divergence", "hypotheses", "tuning", "methods"
    ]  # fmt: skip
    assert re.findall(r'<dt><a href="#(\w+)">', whole_page) == anchors
    assert "SIMULATED" in whole_page


def test_what_a_study_lacks_is_left_out_of_the_page():
    page = page_of([encoding_section(denoised=False)], kind="alice")
    assert re.findall(r'<section id="(\w+)">', page) == ["encoding", "methods"]
    assert "SIMULATED" not in page


def test_words_and_titles_are_escaped(whole_page):
    assert "&lt;joy&gt;" in whole_page and "<joy>" not in whole_page
    assert "<h1>Brains &amp; models</h1>" in whole_page
    assert "Sentence &lt;0&gt;." in whole_page and "Sentence <0>" not in whole_page


def test_the_same_numbers_give_the_same_figures(encoded):
    again = encoding_section(info=meg_info())
    assert again == encoded


def test_no_figure_stays_with_pyplot(whole_page):
    assert plt.get_fignums() == []


def test_encoding_verdict_states_r_ceiling_and_gain_of_the_language_model(encoded):
    assert "mean r of 0.050 [0.010, 0.090] (50% of the noise ceiling, 0.100)" in encoded.verdict
    assert "50% of sensors and bins" in encoded.verdict
    assert "adds +0.030 (higher in 3 of 3 people)" in encoded.verdict


def test_one_person_has_no_ceiling_and_no_map_without_positions(encoded):
    section = encoding_section(people=1, denoised=False)
    pictures = [sum(isinstance(b, Picture) for b in s.blocks) for s in (encoded, section)]
    assert pictures == [2, 1]
    assert "ceiling" not in section.verdict
    assert any(isinstance(b, Text) and b.warning and "no ceiling" in b.text for b in section.blocks)
    assert "n/a" in [cell_text(cell) for cell in tables(section)[0].rows[1]]


def test_continuous_responses_are_shown_region_by_region():
    regions = ["LATL", "RATL", "LIFG"]
    section = encoding_section(sensors=regions, time=np.array([0.0]), denoised=False)
    (table,) = tables(section)
    assert [row[0] for row in table.rows] == regions
    assert table.columns[1:3] == ["controls", "controls + language model"]
    assert [cell_text(row[-3]) for row in table.rows] == ["0.100"] * 3
    assert "regions" in section.verdict


def test_best_sensors_of_a_fold_are_chosen_by_its_inner_folds_only():
    scores = [encoding_scores(0.0, 1, [f"s{i}" for i in range(20)], TIME)]
    scores[0]["validation_r"][:] = 0
    scores[0]["validation_r"][0, 3] = scores[0]["validation_r"][0, 7] = 1
    scores[0]["r_per_fold"][0] = 0.5
    mask = encoding.best_sensors(scores)
    assert mask.dtype == bool and mask.sum(axis=1).tolist() == [2, 2, 2]
    assert np.flatnonzero(mask[0]).tolist() == [3, 7]
    assert encoding.summarise(scores, mask).best.mean() > 0.15


def test_pairs_of_gradiometers_are_averaged_at_their_place():
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    grad, mag = sensor_layouts(info)
    assert len(grad.members) == len(mag.members) == 102
    names = info.ch_names
    values = np.arange(306.0)
    pair = [names.index(n) for n in grad.members[5]]
    assert len(pair) == 2 and grad.values(names, values)[5] == values[pair].mean()
    assert {n[:-1] for n in grad.members[5]} == {grad.members[5][0][:-1]}


def test_the_story_is_shaded_in_order_with_every_item_shown():
    section = divergence_section()
    (story,) = [b for b in section.blocks if isinstance(b, Story)]
    words = made_words()
    shown = [word for sentence in story.sentences for word in sentence.words]
    assert [w.text for w in shown] == words["text"].tolist()
    cross = words["text"].tolist().index("+")
    assert shown[cross].level is None and "no score" in shown[cross].title
    spoken = words["is_word"].tolist()
    assert [w.level is not None for w in shown] == spoken
    assert {w.level for w in shown} <= {None, *range(story.levels + 1)}


def test_shade_grows_with_the_score_and_starts_above_zero():
    levels = divergence.shade(np.array([-1.0, 0.0, 0.01, 0.5, 1.0, 9.0, np.nan]), 1.0)
    assert levels == [0, 0, 1, 4, 8, 8, None]


@pytest.mark.parametrize(
    ("split_half", "said"),
    [(0.42, "repeat across people (0.42)"), (0.2, "repeat weakly"), (0.02, "hardly repeat"),
     (np.nan, "cannot be told")],
)  # fmt: skip
def test_divergence_verdict_follows_the_split_half_reliability(split_half, said):
    assert said in divergence_section(split_half=split_half).verdict


def test_divergence_names_its_limits_and_its_ranking_measure():
    section = divergence_section(note="One person alone.")
    assert any(isinstance(b, Text) and b.warning for b in section.blocks)
    strong = [row[0].text for row in tables(section)[-1].rows if row[0].strong]
    assert strong == ["gap to other people's brains - ranks"]


def test_hypotheses_show_their_sentences_for_and_against():
    section = hypotheses.section(ranked_table([0.01, 0.6]), groups_table(), 5)
    assert "2 hypotheses proposed; 1 held" in section.verdict
    first = next(b for b in section.blocks if isinstance(b, Fold))
    listed = [tuple(b.items) for b in first.blocks if isinstance(b, Listing)]
    assert listed == [("Sentence <0>.", "Sentence <1>."), ("none",)]


def test_no_hypothesis_is_said_plainly():
    section = hypotheses.section(ranked_table([]), groups_table(), 5)
    assert section.verdict.startswith("No hypothesis was proposed")
    assert not tables(section)


def test_the_annotators_agreement_stands_below_the_word_categories():
    agreement = pd.DataFrame(
        {"category": ["physical"], "alpha": [0.81], "low": [0.7], "high": [0.9],
         "annotators": [3], "words": [9], "share": [0.25]}
    )  # fmt: skip
    *_, categories, shown = [
        b for b in tuning_section(agreement=agreement).blocks if isinstance(b, Table)
    ]
    assert "Which words gain" in categories.caption
    assert shown.rows == [["physical", "0.81 [0.70, 0.90]", "25%"]]


def test_tuning_verdict_counts_models_that_gain():
    section = tuning_section()
    assert "1 of 2 predict the responses better" in section.verdict
    assert "gain in 2 of 2 (social emotional and physical)" in section.verdict
    assert "gain in 0 of 2" in tuning_section(own_p=0.2).verdict
    assert "cannot be told apart" in tuning_section(specificity=False).verdict


def test_own_domain_stands_out_in_the_heat_map():
    heat = tables(tuning_section())[-1]
    strong = [(row[0], heat.columns[i]) for row in heat.rows for i, c in enumerate(row)
              if isinstance(c, Cell) and c.strong]  # fmt: skip
    assert strong == [("social emotional", "social emotional"), ("physical", "physical")]


def test_a_map_outside_the_responses_is_refused_by_name():
    with pytest.raises(LmbrainError, match=r"topography_times names 0\.7 s"):
        drawn.maps(np.zeros((1, 2, 20)), xr.Dataset(coords={"time": TIME}), meg_info(), [0.7])


def quality_section(**people):
    quality = {
        ("01", "01"): quality_of(),
        ("02", "01"): quality_of(noisy=[f"MEG {i}" for i in range(20)]),
        ("02", "02"): quality_of(distance=9.0),
    }
    timing = {"01": timing_of(), "02": timing_of()}
    responses = {"01": word_response_of(), "02": word_response_of()}
    return recordings.section(quality, timing | people.get("timing", {}),
                              responses | people.get("responses", {}))  # fmt: skip


def test_conspicuous_runs_are_named():
    section = quality_section()
    assert "conspicuous: 02 run 01 and 02 run 02" in section.verdict
    assert "7.3 bad sensors a run (at most 20)" in section.verdict


def test_a_person_without_a_response_or_with_many_words_lost_is_named():
    for response, said in (
        (word_response_of(p=0.04), "no response to words can be told (p 0.040)"),
        (word_response_of(agreement=None, p=None), "too few words to tell a response"),
        (word_response_of(usable=200), "32% of the words lost"),
    ):
        section = quality_section(responses={"01": response})
        assert "person 01" in section.verdict
        assert said in next(b.summary for b in section.blocks if isinstance(b, Fold))


def test_artefacts_found_and_left_in_are_told():
    left = quality_of()["heart"] | {"components": []}
    for artefact, said in (("heart", "60 heart beats"), ("blinks", "60 blinks")):
        section = recordings.section(
            {("01", "01"): quality_of() | {artefact: left}}, {}, {"01": word_response_of()}
        )
        fold = next(b for b in section.blocks if isinstance(b, Fold))
        assert f"{said} found and none removed" in fold.summary


def test_repaired_triggers_are_told_run_by_run():
    said = "Item 12 had no trigger; its onset comes from the fitted clock."
    section = quality_section(timing={"01": timing_of([said])})
    assert "01 run 01" in section.verdict
    fold = next(b for b in section.blocks if isinstance(b, Fold))
    (told,) = [b for b in fold.blocks if isinstance(b, Text) and b.warning]
    assert said in told.text and "lag 12 ms" in told.text


def test_onsets_of_the_events_are_told_without_a_clock():
    items = pd.DataFrame({"onset": [1.0, 2.0, 4.0]})
    runs = {run: by_events(items)[1] for run in ("01", "02")}
    section = quality_section(timing={"01": {"runs": runs}})
    fold = next(b for b in section.blocks if isinstance(b, Fold))
    told = [b.text for b in fold.blocks if isinstance(b, Text)]
    assert "Run 01: onsets of 3 items from events." in told


def test_each_person_has_her_sensors_components_and_average_response_shown():
    moved = {"times": [0, 1], "distance": [0.0, 7.0], "rotation": [0.0, 1.0]}
    section = recordings.section(
        {("01", "01"): quality_of(movement=moved)}, {}, {"01": word_response_of()}
    )
    fold = next(b for b in section.blocks if isinstance(b, Fold))
    shown = [b.alt for b in fold.blocks if isinstance(b, Picture)]
    assert [alt.split(" of ")[0].split(" on ")[0] for alt in shown] == [
        "Bad sensors", "Head movement", "Heart and blink components", "Average response"
    ]  # fmt: skip
    assert "head moved 7.0 mm within the run" in fold.summary


def test_data_that_start_from_responses_show_words_and_average_responses_alone():
    section = recordings.section({}, {}, {"A": word_response_of()})
    assert section.title == "Quality of the responses"
    assert len(tables(section)) == 1
    assert not [b for b in section.blocks if isinstance(b, Picture)]


def test_scorecard_verdict_reflects_its_numbers():
    section = planted.section(scorecard())
    assert "AUC of 0.70" in section.verdict
    assert "name 1 of 2 planted domains" in section.verdict
    assert "1 of 1 tuned models gain" in section.verdict


def test_a_note_of_several_stages_is_shown_once():
    section = methods.section(CONFIG, PEOPLE, {"A": ["too few"], "B": ["too few", ""]}, {})
    listed = [block.items for block in section.blocks if isinstance(block, Listing)]
    assert listed[-1] == ["A and B: too few"]


def test_floors_follow_the_resamples_and_people():
    lines = " ".join(methods.floors(CONFIG, people=3))
    assert "p at least 0.001" in lines and "p at least 0.12" in lines


def test_tints_grow_with_the_value_and_stop_at_the_ends():
    assert tint(0.2) == "rgba(0,114,178,0.09)"
    assert tint(-3) == "rgba(213,94,0,0.45)"


@pytest.mark.parametrize("form", ["people", "denoised"])
def test_the_head_says_that_the_authors_responses_are_denoised(form):
    data = CONFIG["data"] | {"kind": "harry_potter", "harry_potter": {"form": form}}
    folds = make_folds(np.full(14, "ferry"), np.arange(14), np.ones(14, bool), FOLDS, 0.0)
    told = overview(CONFIG | {"data": data}, made_words(), folds, ["group"], [], {}, [14]).summary
    assert ("denoised over all words" in told) == (form == "denoised")


def test_the_head_says_how_many_words_people_have_where_these_differ():
    folds = make_folds(np.full(14, "ferry"), np.arange(14), np.ones(14, bool), FOLDS, 0.0)
    arguments = (CONFIG, made_words(), folds, ["01", "02", "03"], [], {})
    told = overview(*arguments, [14, 9, 13]).summary
    assert "1 person has responses to all of these, the others to fewer words: 02 9, 03 13." in told
    assert "the others" not in overview(*arguments, [14, 14, 14]).summary
    with pytest.raises(ValueError, match="zip"):
        overview(*arguments, [14, 9])


@pytest.mark.parametrize(("kind", "unit"), [("alice", "volumes"), ("moth", "samples")])
def test_only_samples_of_fmri_are_called_volumes(kind, unit):
    folds = make_folds(np.full(14, "ferry"), np.arange(14), np.ones(14, bool), FOLDS, 0.0)
    config = CONFIG | {
        "data": CONFIG["data"] | {"kind": kind},
        "encoding": CONFIG["encoding"] | {"delays": [1, 2]},
    }
    told = overview(config, made_words(), folds, ["01", "02"], [], {}, [14, 9]).summary
    assert f"14 {unit} entered" in told and f"fewer {unit}: 02 9" in told
    everything = str(encoding_section(sensors=["left"], time=np.array([0.0])).blocks)
    assert "between neighbouring samples" in everything and "volumes" not in everything
