"""The page of the calibration: error rates, coverage, power, detection and leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lmbrain.report.blocks import Code, Fold, Section
from lmbrain.report.calibration_effects import detection_section, power_section
from lmbrain.report.calibration_errors import coverage_section, false_positives, leaks_section
from lmbrain.report.overview import Overview, versions_table

SIMULATED = (
    "SIMULATED: responses, models and effects were made by a computer, so that the truth is known; "
    "this page tests the statistics and says nothing about people."
)


def overview(
    study: str,
    calibration: Mapping[str, Any],
    shown: Sequence[Section],
    versions: Mapping[str, str],
) -> Overview:
    """The page's head.

    Parameters
    ----------
    study
        Its name.
    calibration
        The section `calibration` of the configuration.
    shown
        The page's sections, whose verdicts are repeated.
    versions
        Of the packages.
    """
    import yaml

    text = yaml.safe_dump(dict(calibration), sort_keys=False, width=96)
    return Overview(
        title="Proof by planted truth",
        study=study,
        warning=SIMULATED,
        summary=(
            "How often each test rejects where its null holds, how often intervals hold the truth, "
            "what is found of planted effects, and whether data that know the test words only "
            "through a leak are predicted."
        ),
        verdicts=shown,
        details=[
            Fold("Sizes of the simulations", [Code(text)]),
            Fold("Versions", [versions_table(versions)]),
        ],
    )


def sections(
    *,
    rates: pd.DataFrame,
    coverage: pd.DataFrame,
    power: pd.DataFrame,
    detection: pd.DataFrame,
    autocorrelation: pd.DataFrame,
    leaks: pd.DataFrame,
) -> list[Section]:
    """All sections of the page.

    Parameters
    ----------
    rates
        From `lmbrain.calibration.rates.summarise`.
    coverage
        From `lmbrain.calibration.coverage.coverage`.
    power
        From `lmbrain.calibration.power.power_curves`.
    detection
        From `lmbrain.calibration.detection.summarise_detection`.
    autocorrelation
        Of each kind of noise, from `lmbrain.calibration.false_positives.false_positives`.
    leaks
        From `lmbrain.calibration.leaks.leak_tests`.
    """
    return [
        false_positives(rates, autocorrelation),
        coverage_section(coverage),
        power_section(power),
        detection_section(detection),
        leaks_section(leaks),
    ]
