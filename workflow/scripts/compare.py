"""Does the tuned model predict the responses better than the base model, and where and when?"""

import numpy as np
import pandas as pd
import xarray as xr

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf, write_table
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.comparison import (
    compare_models,
    correlation_gain,
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
        for path in snakemake.input.responses:
            response = read_responses(path).to_numpy()
            yield response.reshape(len(response), -1), base, tuned

    like = read_netcdf(snakemake.input.base[0])["prediction"]
    base, tuned = (
        read_netcdf(path)["prediction"].to_numpy().reshape(len(like), -1)
        for path in (snakemake.input.base[0], snakemake.input.tuned[0])
    )

    comparison, effects = compare_models(people(), folds, seed=seed, **settings)
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
    place = ("sensor", "time")
    shape = like.shape[1:]
    result = xr.Dataset(
        {
            "effect": (place, comparison.effect.reshape(shape)),
            "p": (place, comparison.p.reshape(shape)),
            "p_fwe": (place, comparison.p_fwe.reshape(shape)),
            "interval": (("bound", *place), comparison.interval.reshape(2, *shape)),
            "r_gain": (place, correlation_gain(people(), folds).mean(axis=0).reshape(shape)),
            "effect_people": (("subject", *place), effects.reshape(-1, *shape)),
        },
        coords={"sensor": like["sensor"], "time": like["time"]},
        attrs=summary | {"notes": "\n".join(notes)},
    )
    write_netcdf(result, snakemake.output.comparison, made)
    words = pd.DataFrame({"item": np.arange(len(like)), "improvement": improvement.mean(axis=0)})
    write_table(words, snakemake.output.words, made)
