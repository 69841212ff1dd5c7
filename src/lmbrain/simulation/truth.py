"""What the simulated brains respond to, word by word: the planted truth.

Only the simulation and the scorecard read the truth table. The category table stands for the
judgements of human annotators and is an input of the evaluation.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.words import bare

LM_PROJECTIONS = 6


def truth_table(
    words: pd.DataFrame,
    annotation: pd.DataFrame,
    lm_features: np.ndarray,
    planted_domains: list[str],
) -> pd.DataFrame:
    """The regressors of the simulated responses.

    Parameters
    ----------
    words
        Words table of the items shown.
    annotation
        One row a word of the story, in order: ``text`` and one column of latents a domain
        (0 where the word does not belong to the domain).
    lm_features
        Items x features, float, of the language model that drives the simulated brains; rows of
        items that are no words are not read and may be NaN.
    planted_domains
        Columns of `annotation` that the brains respond to.

    Returns
    -------
    One row an item: ``item``, ``text``; ``onset`` (1 for each item); ``length`` in characters,
    z-scored over words (a cross counts as one character); ``lm_1`` ..., see `lm_projections`
    (0 for items that are no words); and the planted domains, each with root mean square 1 over
    the words that carry it and 0 elsewhere, so that strengths refer to a typical such word.

    Raises
    ------
    LmbrainError
        If the annotation does not fit the words, or a domain is unknown or carried by no word.
    """
    is_word = words["is_word"].to_numpy(bool)
    rows = _annotated_rows(words, annotation)
    table = pd.DataFrame({"item": words["item"], "text": words["text"], "onset": 1.0})
    length = words["text"].map(lambda text: max(len(bare(text)), 1)).to_numpy(float)
    table["length"] = (length - length[is_word].mean()) / length[is_word].std()
    projections = np.zeros((len(words), LM_PROJECTIONS))
    projections[is_word] = lm_projections(np.asarray(lm_features)[is_word], LM_PROJECTIONS)
    for number in range(LM_PROJECTIONS):
        table[f"lm_{number + 1}"] = projections[:, number]
    for domain in planted_domains:
        latent = _latent(rows, domain)
        carried = latent != 0
        if not carried.any():
            raise LmbrainError(
                f"No word of the story shown carries the domain {domain!r}; raise "
                "data.simulated.recordings.words or drop it from planted_domains."
            )
        table[domain] = 0.0
        table.loc[is_word, domain] = latent / np.sqrt(np.mean(latent[carried] ** 2))
    return table


def category_table(
    words: pd.DataFrame, annotation: pd.DataFrame, domains: list[str]
) -> pd.DataFrame:
    """Which words belong to which domain, as human annotators would mark them.

    Parameters
    ----------
    words, annotation
        As for `truth_table`.
    domains
        Columns of `annotation`.

    Returns
    -------
    One row an item: ``item``, ``text`` and one boolean column a domain.
    """
    is_word = words["is_word"].to_numpy(bool)
    rows = _annotated_rows(words, annotation)
    table = words[["item", "text"]].copy()
    for domain in domains:
        table[domain] = False
        table.loc[is_word, domain] = _latent(rows, domain) != 0
    return table


def lm_projections(features: np.ndarray, count: int) -> np.ndarray:
    """Leading principal components of a language model's word features, each z-scored.

    Parameters
    ----------
    features
        Words x features; features are standardised first, constant ones left out.
    count
        Number of components.

    Returns
    -------
    Words x `count`; uncorrelated, mean 0 and variance 1; the sign is such that each component's
    largest loading is positive.

    Raises
    ------
    LmbrainError
        If the features are not finite or span fewer than `count` dimensions.
    """
    features = np.asarray(features, float)
    if not np.isfinite(features).all():
        row = int((~np.isfinite(features)).any(axis=1).argmax())
        raise LmbrainError(
            f"The brain model's features of word {row + 1} are not finite; make them again."
        )
    centred = features - features.mean(axis=0)
    spread = centred.std(axis=0)
    varying = spread > 1e-8 * max(float(spread.max(initial=0)), 1e-30)
    scaled = centred[:, varying] / spread[varying]
    left, singular, loadings = np.linalg.svd(scaled, full_matrices=False)
    if (singular > 1e-8 * singular.max(initial=0)).sum() < count:
        raise LmbrainError(
            f"The brain model's features span fewer than {count} dimensions over the words "
            "shown; raise data.simulated.recordings.words or the model's width."
        )
    largest = np.abs(loadings[:count]).argmax(axis=1)
    sign = np.sign(loadings[np.arange(count), largest])
    return left[:, :count] * sign * np.sqrt(len(features))


def _annotated_rows(words: pd.DataFrame, annotation: pd.DataFrame) -> pd.DataFrame:
    """The annotation's rows of the words shown, which are its first ones."""
    shown = words.loc[words["is_word"], "text"].tolist()
    rows = annotation.iloc[: len(shown)]
    if rows["text"].tolist() != shown:
        differs = [a != b for a, b in zip(rows["text"], shown, strict=False)]
        row = differs.index(True) if any(differs) else len(rows)
        raise LmbrainError(
            f"Row {row + 1} of the annotation does not match the story's word "
            f"{shown[row]!r}; make annotation.tsv again from story.txt."
        )
    return rows


def _latent(rows: pd.DataFrame, domain: str) -> np.ndarray:
    if domain not in rows.columns or domain in ("item", "text", "sentence"):
        raise LmbrainError(
            f"The annotation has no domain {domain!r}; choose among its columns "
            f"({', '.join(rows.columns)}) in planted_domains."
        )
    return rows[domain].to_numpy(float)
