"""Sections on folds, models and everything that is computed from responses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmbrain.settings.section import Count, Fraction, Name, NonNegative, Positive, Section, Window


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
    method: Literal["flip_blocks", "circular_shift", "permute_words"]
    resamples: Annotated[int, Field(ge=99)]
    block: Positive | None
    minimal_shift: NonNegative
    level: Fraction


class Divergence(Section):
    measure: Annotated[
        str,
        Field(
            pattern="^(squared_error|gap|added_by_others|residual_product"
            "(_components|_generalised)?)(_relative|_adjusted)?$"
        ),
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
    windows: Annotated[list[Window], Field(min_length=1)]
    resamples: Annotated[int, Field(ge=99)]
    block: Positive | None
    unit: Literal["blocks", "words"]


class Report(Section):
    title: str
    hypotheses_shown: Count
    topography_times: Annotated[list[float], Field(min_length=1)]
