"""What every script does around its work: log, provenance, plain error sentences."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The library beside these scripts, whatever else is installed in the job's environment.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from lmbrain.artefacts import provenance
from lmbrain.errors import LmbrainError


@contextmanager
def job(snakemake) -> Iterator[dict[str, Any]]:
    """Run a script's body; yield the provenance that its outputs carry.

    A problem the user can mend ends the job with its one sentence, anything else with the
    traceback in the log.
    """
    logging.basicConfig(
        filename=str(snakemake.log[0]), filemode="w", level=logging.INFO, format="%(message)s"
    )
    logging.captureWarnings(True)
    try:
        yield provenance(
            study=snakemake.config["study"],
            rule=snakemake.rule,
            settings=dict(snakemake.params.items()),
            inputs=_flat(snakemake.input),
        )
    except LmbrainError as error:
        logging.error("%s", error)
        print(f"\nlmbrain: {error}\n", file=sys.stderr)
        sys.exit(1)
    except Exception:
        logging.exception("%s stopped", snakemake.rule)
        raise


def device(snakemake) -> str:
    """Where torch computes: the GPU if the rule was given one."""
    return "cuda" if snakemake.resources.get("gpu", 0) else "cpu"


def products_device(snakemake) -> str | None:
    """Where ridge computes its largest products: the GPU if the rule was given one, else numpy."""
    return "cuda" if snakemake.resources.get("gpu", 0) else None


def devices(snakemake) -> list[str]:
    """The same where a job can use several GPUs: all that the rule was given."""
    gpus = int(snakemake.resources.get("gpu", 0))
    return [f"cuda:{number}" for number in range(gpus)] or ["cpu"]


def _flat(inputs) -> dict[str, str]:
    named: dict[str, str] = {}
    for name, value in inputs.items():
        if isinstance(value, str):
            named[name] = value
        else:
            named |= {f"{name}_{i}": path for i, path in enumerate(value)}
    return named
