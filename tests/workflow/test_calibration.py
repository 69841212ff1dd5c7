"""The calibration is a target of its own; a tiny one runs from the Snakefile to its page."""

import pytest

pytestmark = pytest.mark.workflow

CALIBRATION = ("config/calibration.yaml", "config/calibration_reduced.yaml")
TINY = {
    "study": "tiny_calibration",
    "calibration": {
        "resamples": 99,
        "false_positives": {"noise": ["ar80"], "words": [500], "stories": 2, "cohorts": 4},
        "coverage": {"words": [500], "stories": 3, "cohorts": 12},
        "power": {"words": [300], "stories": 2, "cohorts": 1},
        "detection": {"words": [500], "strengths": [0.85], "cohorts": 1},
        "leaks": 20,
    },
}


@pytest.fixture(scope="module")
def calibrated(smoke):
    """The checkout after a calibration far too small to fail."""
    result = smoke.snakemake(configs=CALIBRATION, change=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    return smoke


def test_the_calibration_runs_no_study_and_ends_in_a_page(calibrated):
    folder = calibrated.root / "results" / "tiny_calibration"
    assert not (folder / "words.tsv").exists()
    page = (folder / "report.html").read_text()
    assert "False positives" in page and "simulated" in page.lower()
    for table in ("rates", "coverage", "power", "detection", "leaks"):
        assert (folder / f"{table}.tsv").stat().st_size > 0


def test_a_calibration_value_reruns_its_part_alone(calibrated):
    change = TINY | {"calibration": TINY["calibration"] | {"leaks": 3}}
    rerun = calibrated.would_run(change, configs=CALIBRATION)
    assert rerun == {"calibrate_leaks", "calibration_report", "calibration_verdict"}
    assert calibrated.would_run(TINY, configs=CALIBRATION) == set()


def test_a_calibration_that_does_not_hold_ends_in_an_error_after_its_page(calibrated):
    """Two attacks of a kind prove nothing."""
    change = TINY | {"study": "failing", "calibration": TINY["calibration"] | {"leaks": 2}}
    result = calibrated.snakemake(configs=CALIBRATION, change=change)
    assert result.returncode != 0
    assert "The calibration fails in" in result.stdout + result.stderr
    folder = calibrated.root / "results" / "failing"
    assert (folder / "report.html").exists()
    assert not (folder / "verdict.json").exists()
