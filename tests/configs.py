"""The shipped configurations, merged as Snakemake merges them."""

from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]


def merge(base: dict, override: dict) -> dict:
    """Deep merge as Snakemake's --configfile does it: dicts are merged, lists replaced."""
    merged = dict(base)
    for key, value in override.items():
        inner = merged.get(key)
        merged[key] = (
            merge(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
        )
    return merged


def read_config(*names: str) -> dict:
    """config.yaml overridden by the files named."""
    config = yaml.safe_load((PROJECT / "config" / "config.yaml").read_text())
    for name in names:
        config = merge(config, yaml.safe_load((PROJECT / "config" / f"{name}.yaml").read_text()))
    return config
