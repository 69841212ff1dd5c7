import re

import numpy as np
import pandas as pd

from lmbrain.calibration.rates import summarise
from lmbrain.divergence import MEASURES
from lmbrain.report.calibration import overview, sections
from lmbrain.report.page import render


def made_up(noise="ar0", rejections=10):
    rates = summarise(
        pd.DataFrame(
            {
                "test": np.repeat(["chance: target", "published"], 4),
                "noise": noise,
                "words": 500,
                "level": 0.05,
                "judged": np.repeat([True, False], 4),
                "story": np.tile(range(4), 2),
                "tests": 100,
                "rejections": np.repeat([rejections, 40], 4),
            }
        )
    )
    place = {"noise": "ar0", "words": 500}
    coverage = pd.DataFrame(
        [
            {
                **place,
                "effect": "r",
                "strength": 0.1,
                "intervals": 50,
                "truth": 0.1,
                "width": 0.2,
                "coverage": 0.9,
                "ci_low": 0.8,
                "ci_high": 0.97,
                "inside": False,
                "judged": True,
                "holds": True,
            }
        ]
    )
    power = pd.DataFrame(
        [
            {
                **place,
                "question": "chance",
                "test": "block flips, maximum",
                "strength": strength,
                "cohorts": 20,
                "nominal": strength,
                "threshold": 0.04,
                "equal": strength,
                "ci_low": 0.0,
                "ci_high": 1.0,
            }
            for strength in (0.0, 0.5)
        ]
    )
    numbers = ["auc_words", "auc_sentences", "auc_explained_by_lm", "auc_explained_by_controls"]
    numbers += ["auc_private", "energy"]
    detection = pd.DataFrame(
        [
            {
                "words": words,
                "strength": strength,
                "gain": 0.3,
                "people": "average" if measure == "squared_error" else "group",
                "measure": measure,
                "cohorts": 2,
                **dict.fromkeys(numbers, 0.5 + strength / 4),
                **{f"{name}_error": 0.01 for name in numbers},
            }
            for words in (1000, 2000)
            for strength in (0.0, 0.85)
            for measure in MEASURES
        ]
    )
    lags = {"lag1": 0.5, "decay": 5.0, "lag1_cleared": 0.4, "decay_cleared": 3.0}
    leaks = {"attack": "scaling", "attempts": 9, "r": 0.001, "error": 0.01, "p": 0.9}
    leaks |= {"bound": 1e-4, "caught": 0.05, "r_leaky": 0.4, "error_leaky": 0.01, "tight": True}
    return {
        "rates": rates,
        "coverage": coverage,
        "power": power,
        "detection": detection,
        "autocorrelation": pd.DataFrame([{**place, **lags}]),
        "leaks": pd.DataFrame([leaks]),
    }


def page(**tables):
    shown = sections(**tables)
    head = overview("calibration", {"features": 12}, shown, {"numpy": "2"})
    return render(head, shown)


def test_the_page_shows_every_part_and_needs_no_other_file():
    text = page(**made_up())
    for anchor in ("false-positives", "coverage", "power", "detection", "leaks"):
        assert f'<section id="{anchor}">' in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "published rejects up to 40% at 0.05" in text
    assert "Measured noise was left out" in text
    assert "SIMULATED" in text
    assert "of the average as published, reaches 0.71" in text


def test_measured_noise_is_not_said_to_be_missing_where_it_is_there():
    assert "Measured noise was left out" not in page(**made_up(noise="fMRI"))


def test_a_test_that_fails_is_said_to_fail():
    assert "1 of 1 cells" in page(**made_up(rejections=5))
    text = page(**made_up(rejections=20))
    assert "0 of 1 cells" in text
    assert "FAILS" in text


def test_the_same_numbers_give_the_same_page():
    assert page(**made_up()) == page(**made_up())
