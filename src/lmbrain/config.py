"""The study's configuration: one model a stage, every key required, unknown keys refused.

config/config.yaml holds a value and a comment for every key; other config files override it.
The sections are in `lmbrain.settings`. The library's functions take these values as plain
arguments, named as here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from lmbrain.errors import LmbrainError
from lmbrain.settings.analysis import (
    Denoising,
    Divergence,
    Encoding,
    Evaluation,
    Features,
    Finetuning,
    Folds,
    Hypotheses,
    LanguageModel,
    Report,
    Significance,
)
from lmbrain.settings.calibration import Calibration
from lmbrain.settings.data import Data
from lmbrain.settings.recordings import Preprocessing, Responses, Timing
from lmbrain.settings.section import Name, Section


class Study(Section):
    """A whole study; see config/config.yaml for what each value means."""

    study: Name
    seed: Annotated[int, Field(ge=0)]
    target: Literal["study", "calibration"]
    data: Data
    timing: Timing
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
    calibration: Calibration

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
        extra = self.preprocessing.bad_channels.extra
        strangers = sorted(set(extra) - set(self.data.subjects)) if isinstance(extra, dict) else []
        if strangers:
            raise ValueError(
                f"preprocessing.bad_channels.extra names {strangers[0]!r}, which data.subjects "
                "does not list"
            )
        tolerance, bin_width = self.timing.tolerance, self.responses.bin_width
        if tolerance is not None and tolerance > bin_width:
            raise ValueError(
                f"timing.tolerance ({tolerance} s) must not exceed responses.bin_width "
                f"({bin_width} s): an onset further off falls in another bin"
            )
        self._check_windows()
        return self

    def _check_windows(self) -> None:
        continuous = self.data.continuous
        given = self.responses.corrections
        if given and (continuous or self.data.kind == "harry_potter"):
            raise ValueError(
                f"responses.{given[0]} is for responses that are averaged here; those of "
                f"data.kind {self.data.kind} come as they were published; set it to null"
            )
        if continuous != (self.encoding.delays is not None):
            raise ValueError(
                "encoding.delays must be set for continuous responses (data.kind alice, arrays, "
                "moth) and null for word-locked ones"
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
                    "(data.kind alice, arrays, moth) only; take it out"
                )
        if self.data.kind == "harry_potter":
            from lmbrain.datasets.harry_potter import check_bins

            check_bins(self.responses.model_dump())
        windows = [("divergence.window", self.divergence.window)]
        windows += [("evaluation.windows", window) for window in self.evaluation.windows]
        whole = self.responses.window
        for name, window in windows:
            if window.start < whole.start or window.stop > whole.stop:
                raise ValueError(f"{name} must lie inside responses.window")
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
