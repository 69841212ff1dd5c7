import os
import subprocess
import sys

from lmbrain.features.canonical import canonical_json

ADAPTER = """
from lmbrain.features.canonical import canonical_json
names = {f"{part}_proj" for part in ("q", "k", "v", "o", "gate", "up", "down")}
print(canonical_json({"target_modules": names, "pattern": {"a": frozenset(names)}}), list(names))
"""


def printed(seed: str) -> tuple[str, str]:
    """The canonical text, and the set as this process prints it."""
    result = subprocess.run(
        [sys.executable, "-c", ADAPTER],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    text, _, plain = result.stdout.partition("} [")
    return text, plain


def test_settings_that_hold_sets_have_the_same_text_in_every_process():
    (first, one_order), (second, other_order) = printed("1"), printed("2")
    assert one_order != other_order  # else nothing would be tested
    assert first == second
    assert '["down_proj", "gate_proj", "k_proj"' in first


def test_different_settings_have_different_texts():
    texts = [{"a": {"x"}}, {"a": {"x", "y"}}, {"a": {1}}, {"a": {"1"}}, {"a": None}, {}]
    assert len({canonical_json(settings) for settings in texts}) == len(texts)
    assert canonical_json({"b": 1, "a": {2, 1}}) == canonical_json({"a": {1, 2}, "b": 1})
