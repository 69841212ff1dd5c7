"""Does one model predict the responses better than another, and where and when?"""

import numpy as np
import xarray as xr

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.clusters import read_neighbours
from lmbrain.inference.comparison import compare_models, sign_flip_people, window_gains
from lmbrain.inference.fits import read_fit, read_scores
from lmbrain.meg.ceiling import ceiling_of_average

with job(snakemake) as made:
    given, params = snakemake.input, snakemake.params
    settings = dict(params.settings)
    windows = settings.pop("windows")
    folds = read_folds(given.folds)
    like = read_netcdf(given.base_scores[0])["r"]
    shape, time = like.shape, like["time"].to_numpy()

    def people():
        base = map(read_fit, given.base_scores, given.base)
        tuned = map(read_fit, given.tuned_scores, given.tuned)
        for path, *fits in zip(given.responses, base, tuned, strict=True):
            response = read_scored_responses(path, folds, params.drift_cutoff).to_numpy()
            yield response.reshape(len(response), -1), *fits

    found = compare_models(
        people(),
        folds,
        adjacency=read_neighbours(given.recording, like["sensor"].to_numpy(), len(time)),
        level=params.level,
        drift_cutoff=params.drift_cutoff,
        seed=params.seed,
        **settings,
    )
    bins = [(time > w["start"]) & (time < w["stop"]) for w in windows] or [np.ones(len(time), bool)]
    inside = window_gains(found, [np.broadcast_to(b, shape).ravel() for b in bins])
    course = window_gains(found, [np.broadcast_to(b, shape).ravel() for b in np.eye(len(time)) > 0])
    own = np.array(
        [
            (read_scores(tuned)[0] - read_scores(base)[0]).mean(axis=0)
            for base, tuned in zip(given.base_people, given.tuned_people, strict=True)
        ]
    )
    reliability = read_netcdf(given.ceiling)["reliability"].to_numpy()
    limit = ceiling_of_average(reliability, params.average_of)
    shared = np.array([reliability[:, b].mean() for b in bins])
    place, notes = ("sensor", "time"), list(found.notes)
    result = xr.Dataset(
        {
            name: (place, getattr(found, name).reshape(shape))
            for name in ("r_gain", "p", "p_fwe", "q", "error_gain")
        }
        | {
            name: (("bound", *place), getattr(found, name).reshape(2, *shape))
            for name in ("interval", "error_interval")
        }
        | {
            "window_start": ("window", [w["start"] for w in windows] or [time.min()]),
            "window_stop": ("window", [w["stop"] for w in windows] or [time.max()]),
            "window_gain": ("window", inside.effect),
            "window_interval": (("bound", "window"), inside.interval),
            "window_ceiling": ("window", ceiling_of_average(shared, params.average_of)),
            "window_p": ("window", inside.p),
            "window_p_corrected": ("window", inside.p_corrected),
            "ceiling_share": (
                place,
                found.r_gain.reshape(shape) / np.where(limit > 0, limit, np.nan),
            ),
            "course": ("time", course.effect),
            "course_interval": (("bound", "time"), course.interval),
            "r_gain_people": (("subject", *place), own.reshape(-1, *shape)),
        },
        coords={"sensor": like["sensor"], "time": like["time"]},
    )
    if found.p_cluster is not None:
        result["p_cluster"] = (place, found.p_cluster.reshape(shape))
    if len(own) > 1:
        across = sign_flip_people(own, settings["resamples"], params.seed)
        means = np.column_stack([own.reshape(-1, *shape)[:, :, b].mean(axis=(1, 2)) for b in bins])
        in_window = sign_flip_people(means, settings["resamples"], params.seed)
        result["p_people"] = (place, across.p.reshape(shape))
        result["p_people_fwe"] = (place, across.p_fwe.reshape(shape))
        result["window_people_gain"] = ("window", in_window.effect)
        result["window_people_p"] = ("window", in_window.p)
        notes += across.notes
    result.attrs = {"notes": "\n".join(notes), "block": found.block}
    write_netcdf(result, snakemake.output.comparison, made)
