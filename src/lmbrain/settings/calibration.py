"""The section on proof by planted truth."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from lmbrain.settings.section import Count, NonNegative, Section

Noise = Literal["ar0", "ar50", "ar80", "ar95", "drift", "one_over_f"]
Several = Annotated[int, Field(ge=2)]
Words = Annotated[list[Annotated[int, Field(ge=300)]], Field(min_length=1)]
Kinds = Annotated[list[Noise], Field(min_length=1)]
Strengths = Annotated[list[NonNegative], Field(min_length=1)]


class FalsePositives(Section):
    noise: Kinds
    words: Words
    stories: Several
    cohorts: Annotated[int, Field(ge=4)]


class Coverage(Section):
    noise: Kinds
    words: Words
    stories: Several
    # Of tests across people and of groups of four, none is left over.
    cohorts: Annotated[int, Field(ge=12, multiple_of=12)]
    strengths: Strengths


class Power(Section):
    noise: Kinds
    words: Words
    stories: Several
    cohorts: Count
    strengths: Strengths

    @field_validator("strengths")
    @classmethod
    def _thresholds(cls, strengths: list[float]) -> list[float]:
        if 0 not in strengths:
            raise ValueError("must contain 0: cohorts without an effect give the thresholds")
        return strengths


class Detection(Section):
    words: Words
    strengths: Strengths
    gains: Strengths
    cohorts: Count


class Calibration(Section):
    features: Annotated[int, Field(ge=4)]
    folds: Annotated[int, Field(ge=3)]
    gap: NonNegative
    resamples: Annotated[int, Field(ge=99)]
    false_positives: FalsePositives
    coverage: Coverage
    power: Power
    detection: Detection
    leaks: Several
    places: Several
