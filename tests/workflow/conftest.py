"""The real Snakefile on the smoke study, run once in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from configs import PROJECT

PARTS = ("Snakefile", "config", "profiles", "workflow", "envs", "src")
SMOKE = ("config/toy.yaml", "config/smoke.yaml")


@dataclass
class Checkout:
    """A copy of the project in which studies run."""

    root: Path

    def snakemake(self, *arguments: str, configs=SMOKE, change: dict | None = None, **variables):
        """Run snakemake; `change` is one more config file on top of `configs`."""
        files = list(configs)
        if change is not None:
            (self.root / "change.yaml").write_text(yaml.safe_dump(change))
            files.append("change.yaml")
        options = ["--configfile", *files] if files else []
        environment = {k: v for k, v in os.environ.items() if k != "OPENAI_API_KEY"}
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, *options],
            cwd=self.root,
            env=environment | {"HF_HUB_OFFLINE": "1"} | variables,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )

    def would_run(self, change: dict | None = None, configs=SMOKE) -> set[str]:
        """The rules that a dry run lists."""
        result = self.snakemake("--dry-run", configs=configs, change=change)
        assert result.returncode == 0, result.stdout + result.stderr
        table = re.search(r"^Job stats:\n(.*?)^total ", result.stdout, re.DOTALL | re.MULTILINE)
        if table is None:
            assert "Nothing to be done" in result.stdout + result.stderr
            return set()
        return {line.split()[0] for line in table[1].splitlines()[2:] if line.strip()} - {"all"}

    def copy_sources(self, target: Path) -> "Checkout":
        """A fresh checkout: the sources alone, with file times of now."""
        for part in PARTS:
            source = self.root / part
            if source.is_dir():
                shutil.copytree(
                    source,
                    target / part,
                    copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
                )
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target / part)
        return Checkout(target)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory) -> Checkout:
    """A checkout in which nothing has run."""
    return Checkout(PROJECT).copy_sources(tmp_path_factory.mktemp("fresh") / "project")


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Checkout:
    """A checkout in which the smoke study has run; tests leave it as they found it."""
    checkout = Checkout(PROJECT).copy_sources(tmp_path_factory.mktemp("smoke") / "project")
    result = checkout.snakemake()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return checkout
