"""Sections on preprocessing and responses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lmbrain.meg.clock import RATE_LIMIT
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
    empty_room_projections: Annotated[int, Field(ge=0)]
    notch_frequencies: list[Positive]
    band: tuple[NonNegative, Positive] | None
    artefacts: Artefacts
    resample: Positive | None
    keep_cleaned: bool

    @model_validator(mode="after")
    def ordered(self) -> Preprocessing:
        if self.band is not None and self.band[1] <= self.band[0]:
            raise ValueError(f"band {list(self.band)} must rise from low to high")
        if self.empty_room_projections and self.maxwell.apply:
            raise ValueError(
                "empty_room_projections and maxwell.apply both remove the surroundings; set "
                "empty_room_projections to 0 or maxwell.apply to false"
            )
        return self

    def of(self, subject: str) -> dict[str, Any]:
        """Plain values for one person, whose own list of bad channels takes the mapping's place."""
        values = self.model_dump(mode="json", exclude={"keep_cleaned"})
        extra = self.bad_channels.extra
        if isinstance(extra, dict):
            values["bad_channels"]["extra"] = extra.get(subject, [])
        return values


class AudioTiming(Section):
    words: str | None
    anchors: str | None
    anchor_kinds: list[str]
    anchor_column: str | None
    channel: str | None
    sound: str | None
    rate: Positive | None

    @property
    def given(self) -> list[str]:
        """Names of the keys that are filled in."""
        return [key for key, value in self if value]

    def check(self) -> None:
        """Refuse what is no one way to the clock of the sound."""
        ways = [key for key in ("anchors", "anchor_kinds", "channel") if key in self.given]
        if len(ways) != 1:
            named = " and ".join(ways) or "none of them"
            raise ValueError(
                f"audio needs one of anchors, anchor_kinds and channel, and {named} is given"
            )
        if (self.channel is None) != (self.sound is None):
            raise ValueError("audio.channel and audio.sound need each other")
        if self.channel is not None and self.rate is not None:
            raise ValueError("audio.rate is fitted from audio.channel; set it to null")
        if self.anchor_kinds and self.anchor_column is None and self.rate is None:
            raise ValueError(
                "audio.anchor_kinds without audio.anchor_column are starts of the sound, which "
                "give a lag but no rate; give audio.rate (1.0 for one clock)"
            )
        if self.rate is not None and abs(self.rate - 1) > RATE_LIMIT:
            raise ValueError(f"audio.rate must lie within {RATE_LIMIT:g} of 1")


class Timing(Section):
    onsets: Literal["events", "triggers", "audio"]
    trigger_channel: str | None
    trigger_codes: bool
    tolerance: Positive | None
    largest_lag: NonNegative | None
    most_missing: Annotated[float, Field(ge=0, le=0.5)]
    audio: AudioTiming

    @property
    def reads_recordings(self) -> bool:
        """Whether triggers or the sound are read from the recordings as they were recorded."""
        return self.onsets == "triggers" or self.audio.channel is not None

    @model_validator(mode="after")
    def one_way(self) -> Timing:
        if (self.onsets == "triggers") != (self.trigger_channel is not None):
            raise ValueError(
                f"onsets is {self.onsets} and trigger_channel {self.trigger_channel}; triggers, "
                "and only they, need a channel"
            )
        if self.onsets == "audio":
            self.audio.check()
        elif self.audio.given:
            raise ValueError(f"onsets is {self.onsets}, but audio.{self.audio.given[0]} is given")
        return self


class Reject(Section):
    grad: Positive | None
    mag: Positive | None


class Responses(Section):
    window: Window
    bin_width: Positive
    picks: Annotated[list[Literal["grad", "mag"]], Field(min_length=1)]
    baseline: Window | None
    detrend: Literal["constant", "linear"] | None
    reject: Reject

    @property
    def corrections(self) -> list[str]:
        """Names of what is done beyond averaging."""
        reject = self.reject.grad is not None or self.reject.mag is not None
        given = {
            "baseline": self.baseline is not None,
            "detrend": self.detrend is not None,
            "reject": reject,
        }
        return [name for name, used in given.items() if used]

    @model_validator(mode="after")
    def whole_bins(self) -> Responses:
        for edge in (self.window.start, self.window.stop):
            bins = edge / self.bin_width
            if abs(bins - round(bins)) > 1e-6:
                raise ValueError(f"window edge {edge} must be a multiple of bin_width")
        return self
