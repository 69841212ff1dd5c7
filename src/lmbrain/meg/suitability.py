"""Whether a recording allows what the settings of its preprocessing ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import mne

from lmbrain.errors import LmbrainError
from lmbrain.meg.bad_channels import known_bad_channels
from lmbrain.meg.saturation import usable

Settings = Mapping[str, Any]


def check(raw: mne.io.BaseRaw, source: str, settings: Settings) -> None:
    """Refuse what would fail or go wrong later.

    Parameters
    ----------
    raw
        The recording, as it comes.
    source
        Its name, for the message.
    settings
        All settings of `lmbrain.meg.preprocessing.preprocess`.

    Raises
    ------
    LmbrainError
        With the first problem and its mend.
    """
    known = known_bad_channels(raw, source, settings["bad_channels"]["extra"])
    problems = {
        "has no MEG sensors; give a MEG recording": not any(k in raw for k in ("grad", "mag")),
        **_maxwell(raw, settings),
        **_gradients(raw, settings),
        **_filters(raw, settings),
        **_artefacts(raw, settings["artefacts"], {*known["marked"], *known["extra"]}),
    }
    for problem, is_so in problems.items():
        if is_so:
            raise LmbrainError(f"{source} {problem}.")


def check_length(raw: mne.io.BaseRaw, source: str, settings: Settings) -> None:
    """Refuse a recording without a usable stretch as long as the search and tSSS need."""
    seconds = max((stop - start for start, stop in usable(raw)), default=0) / raw.info["sfreq"]
    maxwell, search = settings["maxwell"], settings["bad_channels"]
    tsss = maxwell["tsss_duration"] if maxwell["apply"] else None
    if seconds == 0:
        raise LmbrainError(
            f"{source} holds nothing but gaps and saturated sensors; name the run under "
            "data.missing for this person."
        )
    lasts = f"{source} lasts {seconds:.1f} s without gaps or saturation, less than"
    if tsss is not None and round(seconds * 1e3) < round(tsss * 1e3):
        raise LmbrainError(f"{lasts} preprocessing.maxwell.tsss_duration; shorten it.")
    if search["search"] and round(seconds * 1e3) < round(search["interval"] * 1e3):
        raise LmbrainError(
            f"{lasts} the {search['interval']:g} s of preprocessing.bad_channels.interval; "
            "shorten it, or set preprocessing.bad_channels.search to false."
        )


def _maxwell(raw: mne.io.BaseRaw, settings: Settings) -> dict[str, bool]:
    apply = settings["maxwell"]["apply"]
    wanted = apply or settings["bad_channels"]["search"]
    history = raw.info["proc_history"] or []
    separated = any(p.get("max_info", {}).get("sss_info") for p in history)
    return {
        "has already been Maxwell filtered; set preprocessing.maxwell.apply and "
        "preprocessing.bad_channels.search to false": wanted and separated,
        "was recorded with MaxShield and needs the Maxwell filter; set "
        "preprocessing.maxwell.apply to true": bool(raw.info.get("maxshield")) and not apply,
        "holds no head position (dev_head_t); set preprocessing.maxwell.apply and "
        "preprocessing.bad_channels.search to false": wanted and raw.info["dev_head_t"] is None,
    }


def _gradients(raw: mne.io.BaseRaw, settings: Settings) -> dict[str, bool]:
    wanted, apply = settings["ctf_compensation"], settings["maxwell"]["apply"]
    grades = {0} | {int(comp["kind"]) for comp in raw.info["comps"]}
    now = raw.compensation_grade or 0
    return {
        f"has no gradient compensation of grade {wanted} (it has "
        f"{', '.join(str(g) for g in sorted(grades))}); correct "
        "preprocessing.ctf_compensation": wanted is not None and wanted not in grades,
        "is gradient-compensated, which the Maxwell filter cannot take; set "
        "preprocessing.ctf_compensation to 0, or preprocessing.maxwell.apply to false": apply
        and bool(now if wanted is None else wanted),
    }


def _filters(raw: mne.io.BaseRaw, settings: Settings) -> dict[str, bool]:
    rate, band, new = raw.info["sfreq"], settings["band"], settings["resample"]
    nyquist, highest = rate / 2, max(settings["notch_frequencies"], default=0)
    problems = {
        f"is sampled at {rate:g} Hz, but preprocessing.notch_frequencies holds {highest:g} Hz; "
        f"keep those below {nyquist:g} Hz": highest >= nyquist,
    }
    if band is not None:
        problems |= {
            f"is sampled at {rate:g} Hz, but preprocessing.band ends at {band[1]:g} Hz; end it "
            f"below {nyquist:g} Hz": band[1] >= nyquist,
        }
    if new is not None:
        # Where the band-pass filter has fallen to its stop band (MNE's transition width).
        end = nyquist if band is None else band[1] + max(band[1] / 4, 2.0)
        problems |= {
            f"is sampled at {rate:g} Hz, less than preprocessing.resample ({new:g} Hz); lower "
            "that or set it to null": new > rate,
            f"would be resampled to {new:g} Hz (preprocessing.resample), but the band-pass leaves "
            f"signal up to {end:g} Hz; resample to at least {2 * end:g} Hz or lower the end of "
            "preprocessing.band": new < min(2 * end, rate),
        }
    return problems


def _artefacts(raw: mne.io.BaseRaw, artefacts: Settings, bad: Collection[str]) -> dict[str, bool]:
    problems = {}
    kinds = raw.get_channel_types()
    for kind in ("ecg", "eog"):
        wanted = artefacts["method"] != "none" and artefacts[f"{kind}_components"] > 0
        channel = artefacts[f"{kind}_channel"]
        names = [channel]
        if channel is None:
            names = [n for n, k in zip(raw.ch_names, kinds, strict=True) if k == kind]
        problems |= {
            f"has no {kind.upper()} channel; name one in preprocessing.artefacts.{kind}_channel, "
            f"or set preprocessing.artefacts.{kind}_components to 0": (wanted and not names),
            f"has no {kind.upper()} channel that is not bad (in the file or by "
            f"preprocessing.bad_channels.extra); name another in preprocessing.artefacts."
            f"{kind}_channel, or set preprocessing.artefacts.{kind}_components to 0": (
                wanted and bool(names) and set(names) <= set(bad)
            ),
            f"has no channel {channel!r}; correct preprocessing.artefacts.{kind}_channel": (
                wanted and channel is not None and channel not in raw.ch_names
            ),
        }
    return problems
