"""Does the tuned model predict the responses better than the base model, and where and when?"""

import numpy as np
import pandas as pd
import xarray as xr

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf, write_table
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.comparison import (
    compare_models,
    sign_flip_blocks,
    sign_flip_people,
    word_improvement,
)
from lmbrain.responses import read_responses

with job(snakemake) as made:
    settings, seed = dict(snakemake.params.settings), snakemake.params.seed
    window = settings.pop("window")
    folds = read_folds(snakemake.input.folds)

    def people():
        inputs = snakemake.input
        for paths in zip(inputs.responses, inputs.base, inputs.tuned, strict=True):
            response = read_responses(paths[0]).to_numpy()
            base, tuned = (read_netcdf(path)["prediction"].to_numpy() for path in paths[1:])
            yield tuple(values.reshape(len(values), -1) for values in (response, base, tuned))

    comparison, effects = compare_models(people(), folds, seed=seed, **settings)
    like = read_netcdf(snakemake.input.base[0])["prediction"]
    inside = (like["time"] > window["start"]) & (like["time"] < window["stop"])
    targets = np.broadcast_to(inside.to_numpy(), like.shape[1:]).ravel()
    improvement = word_improvement(people(), folds, targets)
    overall = sign_flip_blocks(
        improvement.mean(axis=0)[:, None], settings["block"], folds, settings["resamples"], seed
    )
    notes = [*comparison.notes, *overall.notes]
    summary = {
        "window_effect": overall.effect[0],
        "window_ci": overall.interval[:, 0],
        "window_p": overall.p[0],
    }
    if len(improvement) > 1:
        means = np.nanmean(improvement, axis=1)[:, None]
        across = sign_flip_people(means, settings["resamples"], seed)
        summary["people_p"] = across.p[0]
        notes += across.notes
    base, tuned = (
        np.mean([read_netcdf(path)["r"].to_numpy() for path in paths], axis=0)
        for paths in (snakemake.input.base_scores, snakemake.input.tuned_scores)
    )
    place = ("sensor", "time")
    shape = like.shape[1:]
    result = xr.Dataset(
        {
            "effect": (place, comparison.effect.reshape(shape)),
            "p": (place, comparison.p.reshape(shape)),
            "p_fwe": (place, comparison.p_fwe.reshape(shape)),
            "interval": (("bound", *place), comparison.interval.reshape(2, *shape)),
            "r_gain": (place, tuned - base),
            "effect_people": (("subject", *place), effects.reshape(-1, *shape)),
        },
        coords={"sensor": like["sensor"], "time": like["time"]},
        attrs=summary | {"notes": "\n".join(notes)},
    )
    write_netcdf(result, snakemake.output.comparison, made)
    words = pd.DataFrame({"item": np.arange(len(like)), "improvement": improvement.mean(axis=0)})
    write_table(words, snakemake.output.words, made)
