"""What every proposer returns and every verifier reads: a statement about sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lmbrain.artefacts import atomic_path, write_json
from lmbrain.errors import LmbrainError


@dataclass(frozen=True)
class Hypothesis:
    """A statement that is expected to hold more often for divergent sentences.

    Attributes
    ----------
    name
        Short identifier (h01, h02, ...), in the order proposed.
    text
        The statement about one sentence, in words.
    property
        Name of the property in `lmbrain.hypotheses.properties` it stands for; None for a
        statement that a language model made up.
    provenance
        What led to it: backend, prompt or statistics, sentences shown.
    """

    name: str
    text: str
    property: str | None
    provenance: Mapping[str, Any]


def write_hypotheses(
    hypotheses: Sequence[Hypothesis], path: str | Path, made: Mapping[str, Any]
) -> None:
    """Write one JSON object a line (none for none), what made them in a `.json` beside it."""
    path = Path(path)
    with atomic_path(path) as temporary:
        lines = [json.dumps(asdict(h), allow_nan=False) + "\n" for h in hypotheses]
        temporary.write_text("".join(lines), encoding="utf-8")
    write_json({"hypotheses": len(hypotheses)}, path.with_suffix(".json"), made)


def read_hypotheses(path: str | Path) -> list[Hypothesis]:
    """Read what `write_hypotheses` wrote.

    Raises
    ------
    LmbrainError
        If the file is missing or a line is no hypothesis.
    """
    path = Path(path)
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; run the rule that makes it.")
    hypotheses = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            hypotheses.append(Hypothesis(**json.loads(line)))
        except (json.JSONDecodeError, TypeError) as error:
            raise LmbrainError(
                f"{path}, line {number} is no hypothesis ({error}); delete the file and rerun."
            ) from None
    return hypotheses
