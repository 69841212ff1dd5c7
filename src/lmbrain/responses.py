"""Brain responses of one person: word-locked (MNE Epochs) or continuous (netCDF), one form."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.errors import LmbrainError


def read_responses(path: str | Path) -> xr.DataArray:
    """Read one person's responses.

    Parameters
    ----------
    path
        `*-epo.fif` whose metadata is the words table with the column `usable`, or a netCDF file
        with a variable `responses` (sample x sensor x time) and, a sample, the coordinates
        `usable`, `seconds` (of the run's clock) and, where there are several, `story` and `run`.

    Returns
    -------
    DataArray of float32, (sample, sensor, time), or (repeat, sample, sensor, time) of stories heard
    several times (`lmbrain.repeats`), with coordinate `usable` (sample,) and the sensors' names;
    time: bin centres in seconds after word onset (a single 0 for continuous responses).

    Raises
    ------
    LmbrainError
        If the file is missing, holds a non-finite value, or a sensor that never varies.
    """
    path = Path(path)
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; run the rule that makes it.")
    responses = _from_epochs(path) if path.suffix == ".fif" else _from_netcdf(path)
    check_responses(responses, str(path))
    return responses


def check_responses(responses: xr.DataArray, source: str) -> None:
    """Refuse responses that cannot be analysed.

    Raises
    ------
    LmbrainError
        Naming the source, the sensor and the row.
    """
    usable = responses["usable"].to_numpy()
    if not usable.any():
        raise LmbrainError(f"{source} holds no usable sample; exclude the subject in the config.")
    repeated = "repeat" in responses.dims
    still, ever = np.ones(responses.sizes["sensor"], bool), np.zeros(len(usable), bool)
    for number, values in enumerate(responses.to_numpy() if repeated else [responses.to_numpy()]):
        held = ~np.isnan(values).all(axis=(1, 2)) | (not repeated)
        bad = ~np.isfinite(values) & held[:, None, None]
        if bad.any():
            sample, sensor, _ = np.argwhere(bad)[0]
            place = f"{source}, " + f"repeat {number + 1}, " * repeated + f"row {sample + 1}"
            raise LmbrainError(
                f"{place}, sensor {responses.sensor.values[sensor]}: the response is not a finite "
                "number; mend the recording or exclude the subject in the config."
            )
        used = values[usable & held]
        still &= (np.ptp(used, axis=0) == 0).all(axis=1) if len(used) else True
        ever |= held
    if not ever[usable].all():
        row = int(np.flatnonzero(usable & ~ever)[0])
        raise LmbrainError(f"{source}, row {row + 1}: no repeat has this sample; make it again.")
    if still.all():
        raise LmbrainError(
            f"{source}: every sensor is constant (all zeros?); list the subject under "
            "data.exclude in the config."
        )
    if still.any():
        name = responses.sensor.values[int(still.argmax())]
        raise LmbrainError(
            f"{source}: sensor {name} never varies; mark it as bad or exclude the subject."
        )


def continuous(
    values: pd.DataFrame,
    times: np.ndarray,
    story: Sequence[str] | None = None,
    run: Sequence[str] | None = None,
) -> xr.DataArray:
    """Continuous responses in the form that every later stage reads.

    Parameters
    ----------
    values
        A row a sample, a column a sensor or region; equally spaced inside a run.
    times : (n,)
        Seconds of the run's clock, the words' clock.
    story, run : (n,), optional
        Of each sample, as in the words table; needed where that has several.

    Returns
    -------
    DataArray (sample, sensor, time) as in `read_responses`, all samples usable.
    """
    labels = {"story": story, "run": run}
    return xr.DataArray(
        values.to_numpy(np.float32)[:, :, None],
        dims=("sample", "sensor", "time"),
        coords={
            "sensor": list(values.columns),
            "time": [0.0],
            "usable": ("sample", np.ones(len(values), bool)),
            "seconds": ("sample", np.asarray(times, float)),
        }
        | {
            name: ("sample", np.asarray(label, str))
            for name, label in labels.items()
            if label is not None
        },
        name="responses",
    )


def group_average(people: Iterable[xr.DataArray]) -> xr.DataArray:
    """Mean over people of their responses, sensor by sensor, in the responses' units.

    A plain mean over the people to whom a sample is usable, of a plain mean over each one's
    repeats of it: nothing is fitted, so no sample can leak into another. The coordinate `people`
    (sample,) says how many they are; samples that are usable in nobody are 0 and not usable.
    """
    total, count = 0.0, 0
    for person in people:
        if "repeat" in person.dims:
            person = person.mean("repeat", keep_attrs=True)
        usable = person["usable"].to_numpy()
        total = total + np.where(usable[:, None, None], person.to_numpy(), 0).astype(np.float64)
        count = count + usable.astype(int)
    mean = total / np.maximum(count, 1)[:, None, None]
    return person.copy(data=mean.astype(np.float32)).assign_coords(
        usable=("sample", count > 0), people=("sample", count)
    )


def people_averaged(responses: xr.DataArray, used: np.ndarray) -> float:
    """How many people's average the responses are worth: the harmonic mean over the used samples.

    What is private to a person has 1 / P of its variance in the average of P people, so that the
    mean variance over samples is that of an average of the harmonic mean of their numbers.

    Parameters
    ----------
    responses
        From `group_average`, or one person's (which give 1).
    used : (n,) bool
        The samples that are scored.
    """
    if "people" not in responses.coords:
        return 1.0
    return statistics.harmonic_mean(responses["people"].to_numpy()[used].tolist())


def _from_netcdf(path: Path) -> xr.DataArray:
    with xr.open_dataset(path, engine="netcdf4") as data:
        responses = data["responses"].load()
    return responses.assign_coords(usable=responses["usable"].astype(bool))


def _from_epochs(path: Path) -> xr.DataArray:
    import mne

    epochs = mne.read_epochs(path, preload=True, verbose="error")
    if epochs.metadata is None or "usable" not in epochs.metadata:
        raise LmbrainError(f"{path} has no metadata column 'usable'; make it with this workflow.")
    return xr.DataArray(
        epochs.get_data(copy=False).astype(np.float32),
        dims=("sample", "sensor", "time"),
        coords={
            "sensor": epochs.ch_names,
            # MNE keeps times on multiples of the sampling interval: they are the bins' starts
            "time": epochs.times + 0.5 / epochs.info["sfreq"],
            "usable": ("sample", epochs.metadata["usable"].to_numpy(bool)),
        },
        name="responses",
    )
