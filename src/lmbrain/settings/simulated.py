"""Section on simulated people: their language, their recordings, and what goes wrong in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmbrain.settings.section import Count, Label, Name, NonNegative, Positive, Section

Share = Annotated[float, Field(ge=0, le=1)]


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


class AudioFaults(Section):
    lags: list[float]
    rates: list[Positive]
    channel: bool


class TriggerFaults(Section):
    missing: Share
    doubled: Share
    shifted: Share
    shift: float

    @model_validator(mode="after")
    def disjoint(self) -> TriggerFaults:
        if self.missing + self.doubled + self.shifted > 1:
            raise ValueError("missing, doubled and shifted are shares of the items; their sum is 1")
        return self


class EventsFaults(Section):
    byte_order_mark: bool
    awkward_words: bool
    dictionary: bool


class Movement(Section):
    distance: NonNegative
    rotation: NonNegative
    coils: bool

    @property
    def moves(self) -> bool:
        """Whether heads move within runs, and their positions are on record."""
        return bool(self.distance or self.rotation)


class Saturation(Section):
    runs: list[Label]
    start: NonNegative
    stop: Positive | None
    share: Share


class Faults(Section):
    audio: AudioFaults
    triggers: TriggerFaults
    events: EventsFaults
    unpadded_runs: bool
    movement: Movement
    interference: Positive
    saturation: Saturation
    silent: list[Label]
    unresponsive: list[Label]


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
    noise_slope: NonNegative
    system: Literal["neuromag", "ctf275", "kit157"]
    faults: Faults

    @property
    def labels(self) -> list[str]:
        """Labels of the runs."""
        digits = 1 if self.faults.unpadded_runs else 2
        return [f"{number:0{digits}d}" for number in range(1, self.runs + 1)]

    @model_validator(mode="after")
    def faults_fit(self) -> SimulatedRecordings:
        for name in ("lags", "rates"):
            given = len(getattr(self.faults.audio, name))
            if given not in (0, self.runs):
                raise ValueError(
                    f"faults.audio.{name} holds {given} numbers for {self.runs} runs; give one a "
                    "run, or []"
                )
        strangers = sorted(set(self.faults.saturation.runs) - set(self.labels))
        if strangers:
            raise ValueError(
                f"faults.saturation.runs names {strangers[0]!r}; the runs are "
                f"{', '.join(self.labels)}"
            )
        if self.faults.movement.coils and self.system != "neuromag":
            raise ValueError("faults.movement.coils needs the system neuromag")
        return self


class Simulated(Section):
    language: SimulatedLanguage
    recordings: SimulatedRecordings
