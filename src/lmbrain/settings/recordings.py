"""Sections on data, preprocessing and responses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmbrain.settings.section import Count, Label, Name, NonNegative, Positive, Section, Window


class SimulatedModel(Section):
    width: Annotated[int, Field(ge=8, multiple_of=4)]
    layers: Count
    heads: Count
    steps: Count
    seed_offset: Annotated[int, Field(ge=0)]


class SimulatedLanguage(Section):
    corpus_sentences: Count
    vocabulary: Annotated[int, Field(ge=300)]
    batch_size: Count
    learning_rate: Positive
    analysed_model: SimulatedModel
    brain_model: SimulatedModel
    choice_items: Count
    validation_items: Count


class SimulatedRecordings(Section):
    words: Count | None
    runs: Count
    sampling_rate: Annotated[float, Field(ge=100)]
    word_interval: Positive
    planted_domains: list[Name]
    onset_strength: NonNegative
    length_strength: NonNegative
    lm_strength: NonNegative
    domain_strength: NonNegative
    line_frequency: Positive


class Simulated(Section):
    language: SimulatedLanguage
    recordings: SimulatedRecordings


class Bids(Section):
    root: str | None
    task: str
    runs: list[Label]
    word_column: str
    word_trial_type: str
    trigger_channel: str | None
    categories: str | None


class HarryPotter(Section):
    root: str | None
    chapter: Literal[9, 10]


class Alice(Section):
    root: str | None
    pause: Positive
    first_volume: NonNegative
    repetition_time: Positive


class Data(Section):
    kind: Literal["simulated", "bids", "harry_potter", "alice"]
    subjects: Annotated[list[Label], Field(min_length=1)]
    exclude: list[Label]
    story: Name
    simulated: Simulated
    bids: Bids
    harry_potter: HarryPotter
    alice: Alice

    @model_validator(mode="after")
    def known_subjects(self) -> Data:
        repeated = {s for s in self.subjects if self.subjects.count(s) > 1}
        if repeated:
            raise ValueError(f"subject {min(repeated)!r} is listed twice in subjects")
        unknown = sorted(set(self.exclude) - set(self.subjects))
        if unknown:
            raise ValueError(f"exclude names {unknown[0]!r}, which subjects does not list")
        if not self.included:
            raise ValueError("exclude leaves no subject")
        return self

    @property
    def included(self) -> list[str]:
        return [s for s in self.subjects if s not in self.exclude]


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
