"""One text for equal settings, the same in every process, to make hashes of."""

from __future__ import annotations

import json
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and sorted sets.

    Printed as it is, a set comes in an order that depends on the process (PYTHONHASHSEED).

    Parameters
    ----------
    value
        Of what JSON writes, and sets; anything else is written as `str` prints it.
    """
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: Any) -> list | str:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=canonical_json)
    return str(value)
