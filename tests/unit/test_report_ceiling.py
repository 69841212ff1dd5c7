import numpy as np
import pytest
import xarray as xr

from lmbrain.report import ceiling
from lmbrain.report.blocks import Fold, Picture, Table, Text

PLACE = ("sensor", "time")
PEOPLE = ("subject", *PLACE)
OTHERS = ("subject", "other", *PLACE)
TIME = np.array([0.1, 0.2, 0.3])


def file_of(people=3, reliability=0.04, low=0.03, across=True, repeats=False, times=TIME, note=""):
    """What the rule writes, with the same value at each of two sensors, rising over time."""
    rise = np.linspace(0.5, 1.5, len(times)) * np.ones((2, len(times)))
    everybody = np.ones((people, 1, 1)) * rise
    others = np.ones((people, people - 1, 1, 1)) * rise
    pools = np.arange(1, people)
    alone = people == 1
    empty = np.nan if alone else 1.0
    variables = {
        "reliability": (PLACE, empty * reliability * rise),
        "reliability_low": (PLACE, empty * np.where(rise > 1, low, -0.01)),
        "leave_one_out": (PEOPLE, empty * 0.06 * everybody),
        "leave_one_out_shared": (OTHERS, empty * 0.04 * others),
        "leave_one_out_agreement": (PEOPLE, empty * 0.04 * everybody),
        "leave_one_out_pools": (("pool", *PLACE), 0.03 * pools[:, None, None] * rise),
    }
    if across:
        variables |= {
            "cross_subject": (PEOPLE, 0.1 * everybody),
            "cross_subject_shared": (OTHERS, 0.0225 * others),
            "cross_subject_agreement": (PEOPLE, 0.0225 * everybody),
            "cross_subject_pools": (("pool", *PLACE), 0.05 * pools[:, None, None] * rise),
        }
    if repeats:
        variables |= {
            "split_half": (PEOPLE, 0.36 * everybody),
            "split_half_single": (PEOPLE, 0.1 * everybody),
        }
    mean = [np.nan] * 3 if alone else [reliability, low, 0.05]
    return xr.Dataset(
        variables,
        coords={
            "sensor": ["a", "b"],
            "time": times,
            "subject": list("ABCDEFGH"[:people]),
            "pool": pools,
        },
        attrs={"note": note, "mean_reliability": mean},
    )


def scores(level, people=3, times=TIME):
    return [xr.Dataset({"r": (PLACE, np.full((2, len(times)), level))}) for _ in range(people)]


def kinds(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_the_verdict_says_what_a_perfect_model_would_reach_and_other_brains_do():
    section = ceiling.section(file_of(), scores(0.05))
    assert "4% of the variance" in section.verdict
    assert "mean reliability 0.040 [0.030, 0.050]" in section.verdict
    assert "r = 0.200 [0.173, 0.224] with one person" in section.verdict
    assert "in 33% of the sensors and bins" in section.verdict
    assert "predict one person with r = 0.100, infinitely many would with 0.150" in section.verdict
    assert "controls predict less than those" in section.verdict
    assert "predict more than those" in ceiling.section(file_of(), scores(0.12)).verdict


def test_a_person_s_own_ceiling_is_that_of_pairs_of_different_others():
    made = file_of()
    made["leave_one_out_shared"][{"other": 0}] *= 1.5
    made["leave_one_out_shared"][{"other": 1}] *= 0.5
    table = kinds(ceiling.section(made, scores(0.05)), Fold)[0].blocks[0]
    assert table.rows[0][2] == f"{np.sqrt(0.06 * 0.02 / 0.04):.3f}"


def test_an_extrapolation_that_reaches_1_is_not_given():
    made = file_of()
    made["cross_subject_agreement"] = made["cross_subject_agreement"] / 1000
    section = ceiling.section(made, scores(0.05))
    assert "infinitely many would" not in section.verdict
    assert kinds(section, Fold)[0].blocks[0].rows[0][1:] == ["0.060", "0.200", "0.100", "n/a"]


def test_data_that_share_nothing_measurable_are_called_so():
    section = ceiling.section(file_of(reliability=0.001, low=-0.002), scores(0.0))
    assert section.verdict.startswith("On average over sensors and bins, people share nothing")
    assert "0.001 [-0.002, 0.050]; measurable in 0% of the sensors and bins" in section.verdict
    table = kinds(section, Table)[0]
    assert "the same, infinitely many others" not in [str(row[0]) for row in table.rows]


def test_an_interval_that_cannot_be_computed_is_not_called_one_that_reaches_0():
    verdict = ceiling.section(file_of(low=np.nan), scores(0.05)).verdict
    assert "share nothing" not in verdict
    assert verdict.startswith("Mean reliability 0.040, without an interval")


def test_every_ceiling_has_a_row_with_its_mean_and_its_highest_bin():
    section = ceiling.section(file_of(repeats=True), scores(0.05))
    table = kinds(section, Table)[0]
    rows = {str(row[0]): [str(cell) for cell in row[1:]] for row in table.rows}
    assert rows["noise ceiling (square root of reliability)"][1:] == ["0.245", "300"]
    assert rows["inter-subject correlation with the mean of the others"] == [
        "0.060",
        "0.090",
        "300",
    ]
    assert rows["other people's brains, mapping learned"] == ["0.100", "0.150", "300"]
    assert rows["the same, infinitely many others"][1:] == ["0.184", "300"]
    assert rows["mean of all repeats (split-half ceiling)"][1:] == ["0.735", "300"]
    assert rows["controls + language model"] == ["0.050", "0.050", "100"]
    assert len(kinds(section, Picture)) == 1


def test_each_person_s_data_are_judged():
    people = kinds(ceiling.section(file_of(), scores(0.05)), Fold)[0]
    table = people.blocks[0]
    assert [row[0] for row in table.rows] == ["A", "B", "C"]
    assert table.rows[0][1:] == ["0.060", "0.200", "0.100", "0.150"]


@pytest.mark.parametrize("repeats", [True, False])
def test_one_person_alone_has_what_repeats_say_or_just_the_reason(repeats):
    made = file_of(people=1, across=False, repeats=repeats, note="One person alone: none.")
    section = ceiling.section(made, scores(0.05, people=1))
    assert section.verdict.startswith("One person alone: none.")
    assert ("reliability of their mean 0.360, of one 0.100" in section.verdict) == repeats
    assert len(kinds(section, Picture)) == repeats
    assert any(block.warning for block in kinds(section, Text))


def test_two_people_and_regions_without_a_time_course_are_drawn():
    note = "Two people are too few."
    made = file_of(people=2, across=False, times=np.array([0.0]), note=note)
    section = ceiling.section(made, scores(0.05, 2, np.array([0.0])))
    assert kinds(section, Table)[0].rows[0][3] == "-"
    assert len(kinds(section, Picture)) == 1
    assert "too few" in kinds(section, Text)[0].text
