"""The study's configuration: one model a stage, every key required, unknown keys refused.

config/config.yaml holds a value and a comment for every key; other config files override it.
The library's functions take these values as plain arguments, named as here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lmbrain.errors import LmbrainError

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(_[A-Za-z0-9]+)*$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(Section):
    start: float
    stop: float

    @model_validator(mode="after")
    def ordered(self) -> Window:
        if self.stop <= self.start:
            raise ValueError(f"stop ({self.stop}) must lie after start ({self.start})")
        return self


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


class Folds(Section):
    outer: Annotated[int, Field(ge=3)]
    gap: NonNegative | None


class LanguageModel(Section):
    source: str
    revision: str | None
    dtype: Literal["float32", "float16", "bfloat16"]


class Features(Section):
    context_words: Count
    layers: Literal["all"] | Annotated[list[int], Field(min_length=1)]
    pooling: Literal["mean", "last"]
    strip_punctuation: bool
    batch_size: Count
    user_columns: list[str]

    @model_validator(mode="after")
    def columns_once(self) -> Features:
        twice = [c for c in self.user_columns if self.user_columns.count(c) > 1]
        if twice:
            raise ValueError(f"user_columns names {twice[0]!r} twice")
        return self


class Spaces(Section):
    rate: list[Name]
    controls: list[Name]
    lm: Annotated[list[Name], Field(min_length=1)]
    tuned: Annotated[list[Name], Field(min_length=1)]


class Trim(Section):
    start: NonNegative
    stop: NonNegative


class Ridge(Section):
    penalties: Annotated[list[Positive], Field(min_length=2)]
    penalty_per: Literal["target", "sensor", "bin", "all"]
    weightings: Annotated[int, Field(ge=0)]
    denoised: bool


class SweepEntry(Section):
    context_words: Count
    layers: Literal["all"] | Annotated[list[int], Field(min_length=1)]


class Encoding(Section):
    spaces: Spaces
    layer: int
    sweep: list[SweepEntry]
    delays: Window | None
    drift_cutoff: Positive | None
    trim: Trim | None
    components: Count | None
    partition: bool
    ridge: Ridge

    @model_validator(mode="after")
    def lengths_once(self) -> Encoding:
        lengths = [entry.context_words for entry in self.sweep]
        twice = [length for length in lengths if lengths.count(length) > 1]
        if twice:
            raise ValueError(f"sweep lists context_words {twice[0]} twice; join the layers")
        return self


class Denoising(Section):
    penalties: Annotated[list[Positive], Field(min_length=2)]
    within_folds: bool


class Significance(Section):
    method: Literal["circular_shift", "permute_words"]
    resamples: Annotated[int, Field(ge=99)]
    minimal_shift: NonNegative
    level: Fraction


class Divergence(Section):
    measure: Literal[
        "squared_error",
        "gap",
        "residual_product",
        "residual_product_components",
        "residual_product_generalised",
    ]
    components: Count
    window: Window
    sensor_fraction: Annotated[float, Field(gt=0, le=1)]
    minimal_sentence_words: Count


class Groups(Section):
    sentences_per_group: Annotated[int, Field(ge=4)]
    blocks: Annotated[int, Field(ge=2)]


class Proposer(Section):
    backend: Literal["statistical", "openai"]
    hypotheses: Count
    threshold: Positive
    model: str
    base_url: str
    temperature: NonNegative
    sentences_per_prompt: Count
    prompt: str

    @model_validator(mode="after")
    def slots(self) -> Proposer:
        for slot in ("{group_a}", "{group_b}", "{count}"):
            if slot not in self.prompt:
                raise ValueError(f"prompt lacks the slot {slot}")
        return self


class Verifier(Section):
    backend: Literal["statistical", "openai"]
    model: str
    base_url: str
    prompt: str

    @model_validator(mode="after")
    def slots(self) -> Verifier:
        for slot in ("{hypothesis}", "{sentence}"):
            if slot not in self.prompt:
                raise ValueError(f"prompt lacks the slot {slot}")
        return self


class Hypotheses(Section):
    groups: Groups
    proposer: Proposer
    verifier: Verifier
    resamples: Annotated[int, Field(ge=99)]

    @model_validator(mode="after")
    def understand_each_other(self) -> Hypotheses:
        if self.verifier.backend == "statistical" and self.proposer.backend == "openai":
            raise ValueError(
                "verifier.backend 'statistical' can test only the statistical proposer's "
                "hypotheses; set it to 'openai'"
            )
        return self


class ChoiceSet(Section):
    form: Literal["social_iqa", "figqa", "piqa"]
    source: str
    prompt: str


class Training(Section):
    steps: Count
    batch_size: Count
    learning_rate: Positive
    lm_weight: NonNegative
    evaluate_every: Count
    patience: Count


class Finetuning(Section):
    domains: list[Name]
    sets: dict[Name, ChoiceSet]
    training: Training

    @model_validator(mode="after")
    def sets_exist(self) -> Finetuning:
        unknown = [d for d in self.domains if d not in self.sets]
        if unknown:
            raise ValueError(f"domains names {unknown[0]!r}, which sets does not define")
        return self


class Evaluation(Section):
    window: Window
    resamples: Annotated[int, Field(ge=99)]
    block: Positive
    unit: Literal["blocks", "words"]


class Report(Section):
    title: str
    hypotheses_shown: Count
    topography_times: Annotated[list[float], Field(min_length=1)]


class Study(Section):
    """A whole study; see config/config.yaml for what each value means."""

    study: Name
    seed: Annotated[int, Field(ge=0)]
    data: Data
    preprocessing: Preprocessing
    responses: Responses
    folds: Folds
    language_model: LanguageModel
    features: Features
    encoding: Encoding
    denoising: Denoising
    significance: Significance
    divergence: Divergence
    hypotheses: Hypotheses
    finetuning: Finetuning
    evaluation: Evaluation
    report: Report

    @model_validator(mode="after")
    def consistent(self) -> Study:
        for space, names in self.encoding.spaces:
            parts = {"rate", "controls", "static", "untrained", "base"}
            parts |= {"tuned"} if space == "tuned" else set()
            unknown = sorted(set(names) - parts)
            if unknown:
                raise ValueError(
                    f"encoding.spaces.{space} names {unknown[0]!r}; "
                    f"use any of {', '.join(sorted(parts))}"
                )
        for space, part in (("lm", "base"), ("tuned", "tuned")):
            if part not in getattr(self.encoding.spaces, space):
                raise ValueError(
                    f"encoding.spaces.{space} must hold {part!r}, the model's features"
                )
        layers = self.features.layers
        if layers != "all" and self.encoding.layer not in layers:
            raise ValueError(
                f"encoding.layer {self.encoding.layer} is not among features.layers {layers}"
            )
        self._check_windows()
        return self

    def _check_windows(self) -> None:
        continuous = self.data.kind == "alice"
        if continuous != (self.encoding.delays is not None):
            raise ValueError(
                "encoding.delays must be set for continuous responses (data.kind alice) "
                "and null for word-locked ones"
            )
        if self.encoding.trim is not None and not continuous:
            raise ValueError("encoding.trim must be null for word-locked responses")
        if continuous:
            if self.finetuning.domains or self.encoding.ridge.denoised:
                raise ValueError(
                    "continuous responses allow no finetuning.domains (set []) and no "
                    "encoding.ridge.denoised (set false)"
                )
            return
        for space, names in self.encoding.spaces:
            if "rate" in names:
                raise ValueError(
                    f"encoding.spaces.{space} holds 'rate', which is for continuous responses "
                    "(data.kind alice) only; take it out"
                )
        for name in ("divergence", "evaluation"):
            window, whole = getattr(self, name).window, self.responses.window
            if window.start < whole.start or window.stop > whole.stop:
                raise ValueError(f"{name}.window must lie inside responses.window")
        known = set(self.finetuning.sets)
        planted = self.data.simulated.recordings.planted_domains
        if self.data.kind == "simulated" and not known.issuperset(planted):
            raise ValueError("planted_domains names a domain that finetuning.sets does not define")


def load_study(config: Mapping[str, Any]) -> Study:
    """Check a configuration.

    Parameters
    ----------
    config
        The merged YAML content.

    Raises
    ------
    LmbrainError
        With one sentence for the first wrong key.
    """
    try:
        return Study.model_validate(dict(config))
    except ValidationError as error:
        raise LmbrainError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" ({error.error_count() - 1} more after that)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"Unknown config key {key}: remove it, or correct its spelling{more}."
    if first["type"] == "missing":
        return f"The config lacks the key {key}: add it (config/config.yaml explains it){more}."
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    where = f"Config key {key}" if key else "The config"
    value = "" if isinstance(first["input"], dict) or not key else f" is {first['input']!r}"
    return f"{where}{value}: {reason}{more}."
