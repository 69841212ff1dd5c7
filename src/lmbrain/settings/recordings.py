"""Sections on preprocessing and responses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmbrain.settings.section import NonNegative, Positive, Section, Window


class BadChannels(Section):
    search: bool
    search_duration: Positive | None
    extra: list[str]


class Maxwell(Section):
    apply: bool
    tsss_duration: Positive | None


class Artefacts(Section):
    ecg_components: Annotated[int, Field(ge=0)]
    eog_components: Annotated[int, Field(ge=0)]


class Preprocessing(Section):
    bad_channels: BadChannels
    maxwell: Maxwell
    notch_frequencies: list[Positive]
    band: tuple[NonNegative, Positive]
    artefacts: Artefacts

    @model_validator(mode="after")
    def ordered(self) -> Preprocessing:
        if self.band[1] <= self.band[0]:
            raise ValueError(f"band {list(self.band)} must rise from low to high")
        return self


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
