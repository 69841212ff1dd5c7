"""Time, memory and agreement of word features: `python -m bench.features --size toy|small|xl`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from bench.features_contenders import PRODUCT_SIZE, token_counts
from bench.machine import describe, kernels
from bench.measure import Arrays, Contender, Run, ratios, run_in_turns, spread
from bench.tables import markdown
from lmbrain.artefacts import atomic_path
from lmbrain.errors import LmbrainError
from lmbrain.simulation import material
from lmbrain.words import is_word

PACKAGES = ("numpy", "tokenizers", "torch", "transformers")
OWN, TO_DISK, PADDED, PUBLISHED = "lmbrain", "lmbrain, to disk", "padded", "published"
PRODUCT = "matrix product float32"
CONTEXT_WORDS = 20
BATCH_SIZE = 16


@dataclass(frozen=True)
class Size:
    """A model's shape, named as in `transformers.GPT2Config`, and how it is run by default.

    Attributes
    ----------
    words : int
        The first of the toy study's story.
    free_memory : float
        GB that must be available.
    """

    n_embd: int
    n_layer: int
    n_head: int
    words: int
    rounds: int
    free_memory: float

    @property
    def shape(self) -> dict[str, int]:
        """What a GPT2Config takes."""
        return {"n_embd": self.n_embd, "n_layer": self.n_layer, "n_head": self.n_head}


SIZES = {
    "toy": Size(n_embd=64, n_layer=3, n_head=4, words=2_000, rounds=5, free_memory=1.5),
    "small": Size(n_embd=768, n_layer=12, n_head=12, words=1_024, rounds=3, free_memory=2.5),
    "xl": Size(n_embd=1_600, n_layer=48, n_head=25, words=256, rounds=1, free_memory=13.0),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, run, print tables, write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.features", description=__doc__)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--words", type=int, help="default: by size")
    parser.add_argument("--rounds", type=int, help="default: by size")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    given = parser.parse_args(arguments)
    size = SIZES[given.size]
    words, rounds = given.words or size.words, given.rounds or size.rounds
    available = psutil.virtual_memory().available / 1e9
    if available < size.free_memory:
        print(
            f"Skipped: the size {given.size} asks for {size.free_memory:.1f} GB of free memory, "
            f"and {available:.1f} GB are available."
        )
        return
    try:
        report = {"size": given.size} | compare(size, words, rounds)
    except LmbrainError as error:
        sys.exit(f"Error: {error}")
    print(as_markdown(report))
    if given.output is not None:
        with atomic_path(given.output) as path:
            path.write_text(json.dumps(report, indent=1))


def compare(size: Size, n_words: int, rounds: int) -> dict:
    """Run this project, a padding script and the published procedure in turns; as JSON."""
    texts = [text for text in material.story().split() if is_word(text)][:n_words]
    if len(texts) < n_words:
        raise LmbrainError(f"The story has {len(texts)} words only; lower --words.")
    data = {"text": np.array(texts)}
    machine = describe(PACKAGES)
    runs, results = run_in_turns(contenders(size), data, rounds)
    rate = float(results.pop(PRODUCT)["rate"])
    tokens = token_counts(data, CONTEXT_WORDS)
    floor = operations(size, tokens) / rate
    return {
        "problem": asdict(size) | {"words": n_words, "tokens_per_window": float(tokens.mean())},
        "machine": machine
        | {"kernels": kernels([run for every in runs.values() for run in every])},
        "product_rate": rate,
        "product_seconds": floor,
        "times": times(runs, floor),
        "agreement": agreement(results),
        "runs": {name: [asdict(run) for run in every] for name, every in runs.items()},
    }


def contenders(size: Size) -> list[Contender]:
    """The machine's product rate, this project, and what it is compared with."""
    common = {
        "shape": size.shape,
        "context_words": CONTEXT_WORDS,
        "batch_size": BATCH_SIZE,
    }
    place = "bench.features_contenders"
    return [
        Contender(PRODUCT, f"{place}:torch_product", {"size": PRODUCT_SIZE}),
        Contender(OWN, f"{place}:lmbrain", common | {"to_disk": False}),
        Contender(TO_DISK, f"{place}:lmbrain", common | {"to_disk": True}),
        Contender(PADDED, f"{place}:padded", common | {"published": False}),
        Contender(PUBLISHED, f"{place}:padded", common | {"published": True}),
    ]


def operations(size: Size, tokens: np.ndarray) -> float:
    """Floating-point operations of all blocks for windows of these token counts, no padding.

    A token costs 2 a parameter in the blocks' matrices, 12 n_embd^2 a block, and in attention
    4 n_embd a block and token attended to (scores and weighted sum over the whole window, as they
    are computed).
    """
    matrices = 2 * 12 * size.n_embd**2 * tokens.sum()
    attention = 4 * size.n_embd * (tokens.astype(float) ** 2).sum()
    return float(size.n_layer * (matrices + attention))


def times(runs: dict[str, list[Run]], floor: float) -> list[dict[str, str]]:
    """Rows of the table of times and memory."""
    return [
        {
            "contender": name,
            "seconds": spread([run.seconds for run in every], digits=2),
            "times lmbrain's": spread(ratios(every, runs[OWN]), digits=2),
            "of the product rate": spread([floor / run.seconds for run in every], digits=2),
            "cores busy": spread([run.cpu_seconds / run.seconds for run in every]),
            "peak memory, GB": spread([run.peak_bytes / 1e9 for run in every], digits=2),
            "of it before the work": spread([run.start_bytes / 1e9 for run in every], digits=2),
        }
        for name, every in runs.items()
        if name != PRODUCT
    ]


def agreement(results: dict[str, Arrays]) -> list[dict[str, str]]:
    """Differences from the padding script, which is exact, over all but the story's first word.

    Nothing precedes that word; this project puts the beginning-of-text token there, a plain script
    does not. A layer's differences are relative to the standard deviation of its values.
    """
    exact = results[PADDED]["hidden"][1:]
    rows = []
    for name, found in (
        (OWN, results[OWN]["hidden"][1:]),
        (TO_DISK, results[TO_DISK]["deepest"][1:, None]),
        (PUBLISHED, results[PUBLISHED]["hidden"][1:]),
    ):
        expected = exact[:, -found.shape[1] :]
        difference = np.abs(found - expected) / expected.std(axis=(0, 2), keepdims=True)
        of_word = difference.max(axis=(1, 2))
        r = np.corrcoef(found[:, -1].ravel(), expected[:, -1].ravel())[0, 1]
        rows.append(
            {
                "contender": name,
                "largest difference, SD": f"{difference.max():.1e}",
                "median of words' largest": f"{np.median(of_word):.1e}",
                "words off by more than 0.01 SD": f"{np.mean(of_word > 0.01):.1%}",
                "r in the deepest layer": f"{r:.6f}",
            }
        )
    return rows


def as_markdown(report: dict) -> str:
    """Tables and the machine of a report of `compare`, for reading and for the documentation."""
    problem = report["problem"]
    lines = [f"- {key}: {value}" for key, value in report["machine"].items()]
    lines += [
        f"- {problem['n_layer']} layers of width {problem['n_embd']}, {problem['words']} words, "
        f"{problem['tokens_per_window']:.1f} tokens a window",
        f"- matrix products: {report['product_rate'] / 1e9:.0f} (float32, torch) thousand million "
        f"operations a second; the blocks' operations alone take {report['product_seconds']:.2f} s "
        "at that rate",
    ]
    return "\n\n".join(["\n".join(lines), markdown(report["times"]), markdown(report["agreement"])])


if __name__ == "__main__":
    main()
