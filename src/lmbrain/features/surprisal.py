"""Surprisal and entropy of words in bits, from a language model's logits."""

from __future__ import annotations

import math

import torch


def word_surprisal(
    logits: torch.Tensor, ids: torch.Tensor, own: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Surprisal of words that end their windows, and entropy before them.

    Surprisal is ``-sum_t log2 p(token_t | tokens before it)`` over the word's tokens; entropy is
    ``-sum_v p(v) log2 p(v)`` of the distribution over the word's first token.

    Parameters
    ----------
    logits : (batch, k, vocabulary)
        Logits that predict the last k tokens (those at the positions before them).
    ids : (batch, k)
        The last k tokens.
    own : (batch,)
        Number of tokens of each word, 1 to k.

    Returns
    -------
    surprisal, entropy : (batch,)
        Bits; float32, or float64 if the logits are.
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    log_p = torch.log_softmax(logits, dim=-1)
    of_tokens = log_p.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    k = ids.shape[1]
    is_own = torch.arange(k, device=ids.device) >= k - own.unsqueeze(1)
    surprisal = -torch.where(is_own, of_tokens, 0.0).sum(dim=1)
    before = log_p[torch.arange(len(ids), device=ids.device), k - own]
    entropy = torch.special.entr(before.exp()).sum(dim=-1)
    return surprisal / math.log(2), entropy / math.log(2)
