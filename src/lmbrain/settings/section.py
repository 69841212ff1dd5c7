"""What the sections of the configuration share."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(_[A-Za-z0-9]+)*$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]


def filled_in(*names: str, needed: str) -> AfterValidator:
    """A path whose `{name}` are filled in: none but `names`, and `needed` among them."""

    def check(pattern: str) -> str:
        allowed = ", ".join("{" + name + "}" for name in names)
        try:
            slots = [part[1:] for part in Formatter().parse(pattern) if part[1] is not None]
        except ValueError as error:
            raise ValueError(f"it has braces that do not pair ({error})") from None
        odd = [name for name, form, conversion in slots if name not in names or form or conversion]
        if odd:
            raise ValueError(f"it has {{{odd[0]}}}; what is filled in is {allowed}")
        if needed not in [name for name, *_ in slots]:
            raise ValueError(f"it lacks {{{needed}}}")
        return pattern

    return AfterValidator(check)


def _each_once(values: list[Any]) -> list[Any]:
    repeated = [value for value in values if values.count(value) > 1]
    if repeated:
        raise ValueError(f"it names {repeated[0]!r} twice")
    return values


EachOnce = AfterValidator(_each_once)  # of a list


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
