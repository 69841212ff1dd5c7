"""What a section of the report is made of; page.html draws each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Text:
    """One paragraph; `warning` sets it apart."""

    text: str
    warning: bool = False
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Picture:
    """A figure as data URI, what it shows (`caption`) and what it says to those who cannot see it.

    `width` is its natural width in CSS pixels.
    """

    uri: str
    width: int
    caption: str
    alt: str
    kind: str = field(default="picture", init=False)


@dataclass(frozen=True)
class Cell:
    """A table's cell. `shade` in [-1, 1] colours it (orange below 0, blue above)."""

    text: str
    strong: bool = False
    shade: float | None = None
    title: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text or cells; the first `text_columns` are words, the others numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    caption: str
    text_columns: int = 1
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Listing:
    """A headed list of sentences."""

    heading: str
    items: Sequence[str]
    kind: str = field(default="listing", init=False)


@dataclass(frozen=True)
class ShadedWord:
    """A word of the story: `level` 0 (no shade) to `Story.levels`, None for what has no score."""

    text: str
    level: int | None
    title: str


@dataclass(frozen=True)
class ShadedSentence:
    """Consecutive items of one sentence (`number`; None between sentences)."""

    number: int | None
    level: int | None
    title: str
    words: Sequence[ShadedWord]


@dataclass(frozen=True)
class Story:
    """The story, shaded; `low` and `high` name the ends of the scale."""

    sentences: Sequence[ShadedSentence]
    levels: int
    low: str
    high: str
    caption: str
    kind: str = field(default="story", init=False)


@dataclass(frozen=True)
class Code:
    """Text shown as it is."""

    text: str
    kind: str = field(default="code", init=False)


@dataclass(frozen=True)
class Formulas:
    """The formulas of methods.html."""

    kind: str = field(default="formulas", init=False)


@dataclass(frozen=True)
class Fold:
    """Blocks behind a line that opens on a click."""

    summary: str
    blocks: Sequence[Block]
    kind: str = field(default="fold", init=False)


Block = Text | Picture | Table | Listing | Story | Code | Formulas | Fold


@dataclass(frozen=True)
class Section:
    """A section of the page; `verdict` says in words what its numbers say."""

    anchor: str
    title: str
    verdict: str
    blocks: Sequence[Block]
