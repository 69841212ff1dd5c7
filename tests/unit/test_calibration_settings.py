import pytest
from pydantic import ValidationError

from lmbrain.settings.calibration import Coverage, Power

SIZES = {"noise": ["ar0"], "words": [500], "stories": 2}


@pytest.mark.parametrize("cohorts", [4, 8, 18])
def test_cohorts_that_do_not_fill_tests_across_people_are_refused(cohorts):
    assert Coverage(**SIZES, cohorts=24, strengths=[0.1]).cohorts == 24
    with pytest.raises(ValidationError, match="cohorts"):
        Coverage(**SIZES, cohorts=cohorts, strengths=[0.1])


def test_power_without_null_cohorts_is_refused():
    assert Power(**SIZES, cohorts=1, strengths=[0, 0.3]).strengths == [0, 0.3]
    with pytest.raises(ValidationError, match="must contain 0"):
        Power(**SIZES, cohorts=1, strengths=[0.3])
