"""Sections on preprocessing and responses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lmbrain.settings.section import (
    Count,
    Fraction,
    NonNegative,
    Positive,
    Section,
    Window,
)


class Saturation(Section):
    share: Annotated[float, Field(gt=0, le=1)] | None
    min_duration: Positive
    margin: NonNegative
    most: Annotated[float, Field(ge=0, le=1)]


class BadChannels(Section):
    search: bool
    search_duration: Positive | None
    interval: Positive
    extra: list[str] | dict[str, list[str]]


class Maxwell(Section):
    apply: bool
    tsss_duration: Positive | None
    tsss_correlation: Fraction
    origin: Literal["auto"] | tuple[float, float, float]
    internal_order: Count
    external_order: Count
    regularise: bool
    calibration: Literal["auto"] | None
    cross_talk: Literal["auto"] | None
    head_position: Literal["first_run", "none"]
    movement_compensation: bool

    @model_validator(mode="after")
    def in_metres(self) -> Maxwell:
        if self.origin != "auto" and max(abs(v) for v in self.origin) > 0.2:
            raise ValueError(f"origin {list(self.origin)} is in m, and lies inside the head")
        return self


class IndependentComponents(Section):
    components: Count | Fraction
    seed: Annotated[int, Field(ge=0)]
    high_pass: Positive
    sampling_rate: Annotated[float, Field(ge=100)]
    ecg_threshold: Fraction
    eog_threshold: Positive


class Artefacts(Section):
    method: Literal["ssp", "ica", "none"]
    ecg_components: Annotated[int, Field(ge=0)]
    eog_components: Annotated[int, Field(ge=0)]
    ecg_channel: str | None
    eog_channel: str | None
    ica: IndependentComponents


class Preprocessing(Section):
    ctf_compensation: Literal[0, 1, 2, 3] | None
    saturation: Saturation
    bad_channels: BadChannels
    maxwell: Maxwell
    notch_frequencies: list[Positive]
    band: tuple[NonNegative, Positive] | None
    artefacts: Artefacts
    resample: Positive | None

    @model_validator(mode="after")
    def ordered(self) -> Preprocessing:
        if self.band is not None and self.band[1] <= self.band[0]:
            raise ValueError(f"band {list(self.band)} must rise from low to high")
        return self

    def of(self, subject: str) -> dict[str, Any]:
        """Plain values for one person, whose own list of bad channels takes the mapping's place."""
        values = self.model_dump(mode="json")
        extra = self.bad_channels.extra
        if isinstance(extra, dict):
            values["bad_channels"]["extra"] = extra.get(subject, [])
        return values


class Timing(Section):
    trigger_channel: str | None


class Responses(Section):
    window: Window
    bin_width: Positive
    picks: Annotated[list[Literal["grad", "mag"]], Field(min_length=1)]

    @model_validator(mode="after")
    def whole_bins(self) -> Responses:
        for edge in (self.window.start, self.window.stop):
            bins = edge / self.bin_width
            if abs(bins - round(bins)) > 1e-6:
                raise ValueError(f"window edge {edge} must be a multiple of bin_width")
        return self
