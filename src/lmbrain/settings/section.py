"""What the sections of the configuration share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
