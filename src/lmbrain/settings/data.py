"""Section on the data: where words and responses come from, a class a data set."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmbrain.settings.section import (
    EachOnce,
    Label,
    Name,
    NonNegative,
    Positive,
    Section,
    filled_in,
)
from lmbrain.settings.simulated import Simulated


class BidsEvents(Section):
    word_column: str
    kind_columns: list[str]
    word_kinds: list[str]
    other_kinds: list[str]
    silences: list[str]
    quoted: bool
    dictionary_column: str | None
    story_column: str | None
    sentence_column: str | None
    sentence_pause: Positive | None

    @model_validator(mode="after")
    def one_rule_of_sentences(self) -> BidsEvents:
        if self.sentence_column is not None and self.sentence_pause is not None:
            raise ValueError("sentence_column and sentence_pause exclude each other; set one null")
        return self


class Bids(Section):
    root: str | None
    sessions: Annotated[list[Label], EachOnce]
    tasks: Annotated[list[Label], Field(min_length=1), EachOnce]
    runs: Annotated[list[Label], EachOnce]
    story_per: Literal["session", "task", "run"] | None
    repeats: Literal["session", "task", "run"] | None
    events: BidsEvents
    categories: str | None

    @model_validator(mode="after")
    def one_name_a_story(self) -> Bids:
        if self.story_per is not None and self.events.story_column is not None:
            raise ValueError("story_per and events.story_column exclude each other; set one null")
        named = {"session": self.sessions, "task": self.tasks, "run": self.runs}
        for key in ("story_per", "repeats"):
            entity = getattr(self, key)
            if entity is not None and not named[entity]:
                raise ValueError(f"{key} is {entity}, but no {entity}s are listed")
        if self.story_per is not None and self.story_per == self.repeats:
            raise ValueError(f"story_per and repeats are both {self.repeats}; set one null")
        return self

    @property
    def recordings(self) -> dict[str, dict[str, str | None]]:
        """Entities (session, task, run) of each recording, in the story's order, by its label.

        The label is the words table's `run`: of the entities those that have several values, else
        the run.
        """
        entities = {"session": self.sessions, "task": self.tasks, "run": self.runs}
        chosen = {}
        for values in product(*(listed or [None] for listed in entities.values())):
            named = dict(zip(entities, values, strict=True))
            several = [named[name] for name, listed in entities.items() if len(listed) > 1]
            chosen["_".join(several) or named["run"] or "01"] = named
        return chosen

    @property
    def presentations(self) -> dict[str, list[str]]:
        """Labels of the recordings that present the same items, by the first of them."""
        groups: dict[tuple[str | None, ...], list[str]] = {}
        for label, entities in self.recordings.items():
            others = tuple(value for name, value in entities.items() if name != self.repeats)
            groups.setdefault(others, []).append(label)
        return {labels[0]: labels for labels in groups.values()}


class HarryPotter(Section):
    root: str | None
    chapters: Annotated[list[Literal[9, 10]], Field(min_length=1), EachOnce]
    form: Literal["people", "denoised"]


class Alice(Section):
    root: str | None
    pause: Positive
    first_volume: NonNegative
    repetition_time: Positive


class EpochsColumns(Section):
    text: str
    onset: str
    duration: str | None
    story: str | None
    run: str | None
    is_word: str | None
    item: str | None


class Epochs(Section):
    root: str | None
    file: Annotated[str, filled_in("subject", needed="subject")]
    words: str | None
    columns: EpochsColumns


class Arrays(Section):
    root: str | None
    words: str
    responses: Annotated[
        str,
        Field(pattern=r"\.(npy|tsv|csv)$"),
        filled_in("subject", "story", "run", needed="subject"),
    ]
    sensors: str | None
    interval: Positive
    first_sample: float
    pause: Positive | None


class Moth(Section):
    root: str | None
    sampling_rate: Positive | None
    bin_width: Positive
    system: Literal["neuromag", "ctf275", "ctf151"] | None
    sensors: str | None
    pause: Positive | None


class LibriBrainRecording(Section):
    task: Label
    session: Label
    run: Label


LibriBrainPath = Annotated[str, filled_in("subject", "task", "session", "run", needed="session")]


class LibriBrain(Section):
    root: str | None
    recordings: Annotated[list[LibriBrainRecording], Field(min_length=1)]
    recording: LibriBrainPath
    events: LibriBrainPath
    unit: Positive


class Data(Section):
    kind: Literal[
        "simulated", "bids", "harry_potter", "moth", "libribrain", "alice", "epochs", "arrays"
    ]
    subjects: Annotated[list[Label], Field(min_length=1)]
    exclude: list[Label]
    story: Name
    missing: dict[Label, list[str]]
    simulated: Simulated
    bids: Bids
    harry_potter: HarryPotter
    moth: Moth
    libribrain: LibriBrain
    alice: Alice
    epochs: Epochs
    arrays: Arrays

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
        strangers = sorted(set(self.missing) - set(self.subjects))
        if strangers:
            raise ValueError(f"missing names {strangers[0]!r}, which subjects does not list")
        faults = self.simulated.recordings.faults
        odd = sorted({*faults.silent, *faults.unresponsive} - set(self.subjects))
        if odd:
            raise ValueError(f"simulated.recordings.faults names {odd[0]!r}, no subject")
        return self

    @model_validator(mode="after")
    def known_rate(self) -> Data:
        if self.kind == "moth" and self.moth.sampling_rate is None:
            raise ValueError("moth.sampling_rate must be given (Hz); the release does not say it")
        return self

    @model_validator(mode="after")
    def one_group(self) -> Data:
        denoised = self.kind == "harry_potter" and self.harry_potter.form == "denoised"
        if denoised and len(self.subjects) > 1:
            raise ValueError(
                "harry_potter.form denoised holds the responses of one group; write one name in "
                "data.subjects, such as [group]"
            )
        return self

    @model_validator(mode="after")
    def one_file_a_recording(self) -> Data:
        """Words read twice under two names would be trained on and tested."""
        if self.kind != "libribrain":
            return self
        for key in ("recording", "events"):
            pattern = getattr(self.libribrain, key)
            paths = [
                pattern.format(subject=subject, **recording.model_dump())
                for subject, recording in product(self.included, self.libribrain.recordings)
            ]
            twice = [path for path in paths if paths.count(path) > 1]
            if twice:
                raise ValueError(
                    f"libribrain.{key} names {twice[0]} for two recordings; list each of "
                    "libribrain.recordings once, and put what tells people and recordings apart "
                    "into the pattern"
                )
        return self

    @model_validator(mode="after")
    def known_runs(self) -> Data:
        """Runs that people lack are among the recordings, and everybody has one.

        Those of `epochs` and `arrays` are known from their files (`sources.check_lacking`).
        """
        runs = self._runs()
        if runs is None:
            return self
        for subject, lacking in self.missing.items():
            odd = sorted(set(lacking) - set(runs))
            if odd:
                raise ValueError(
                    f"missing names the run {odd[0]!r} of subject {subject!r}; the runs are "
                    f"{', '.join(runs)}"
                )
            if subject in self.included and set(lacking) == set(runs):
                raise ValueError(f"missing leaves subject {subject!r} no run; exclude the subject")
        return self

    def _runs(self) -> list[str] | None:
        """Labels of the runs, of which `missing` names some; None where the config has no list."""
        match self.kind:
            case "simulated":
                return self.simulated.recordings.labels
            case "bids":
                return list(self.bids.recordings)
            case "harry_potter":
                return [f"ch{chapter}" for chapter in self.harry_potter.chapters]
            case "libribrain":
                from lmbrain.datasets.libribrain import recordings

                return list(recordings(self.libribrain.model_dump()))
            case "moth" | "alice":
                return ["01"]
        return None

    @property
    def included(self) -> list[str]:
        return [s for s in self.subjects if s not in self.exclude]

    @property
    def recorded(self) -> bool:
        """Whether the study starts from raw recordings."""
        return self.kind in ("simulated", "bids")

    @property
    def continuous(self) -> bool:
        """Whether responses are running time courses, not averages after each word."""
        return self.sampling_interval is not None

    @property
    def sampling_interval(self) -> float | None:
        """Of continuous responses, s; None for word-locked ones."""
        return {
            "alice": self.alice.repetition_time,
            "arrays": self.arrays.interval,
            "moth": self.moth.bin_width,
        }.get(self.kind)
