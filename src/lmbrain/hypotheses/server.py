"""Proposer and verifier on any server that speaks the OpenAI chat protocol."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from lmbrain.artefacts import atomic_path
from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.groups import CONVERGENT, DIVERGENT, RESEARCH, members
from lmbrain.hypotheses.hypothesis import Hypothesis

KEY_VARIABLE = "OPENAI_API_KEY"
HYPOTHESES_PER_PROMPT = 20
# prompts beyond the least number, because answers repeat one another
SPARE_PROMPTS = 3
SIMULTANEOUS = 8
_SHOWN = 80

_ITEM = re.compile(r"^[ \t]*(?:\(?\d+[.):]\)?|[-*\u2022])[ \t]+(\S.*)$", re.MULTILINE)
_VERDICT = re.compile(
    r"(?:(?:final )?(?:answer|score|verdict|rating)(?: is)?\s*[:=]?\s*)?"
    r"(?:(?P<word>yes|no)(?=\s*(?:$|[.,;:!()\n]|-(?!\w)))"
    r"|(?P<number>[01]?\.\d+|[01])(?=\.?\s*(?:$|[,;:!()\n]|-(?!\w))))",
    re.IGNORECASE,
)

Parsed = TypeVar("Parsed")


class ChatServer:
    """One model of one server, its answers kept on disk.

    Parameters
    ----------
    base_url
        Such as http://localhost:8000/v1.
    model
        The server's name for the model.
    temperature
        Of sampling, >= 0.
    cache
        Folder; an answer is kept under the hash of server, model, temperature and prompt, so that
        an interrupted run pays for nothing twice.
    retries
        Further tries after a dropped connection, status 408, 409, 429 or 5xx.

    Raises
    ------
    LmbrainError
        If the environment variable OPENAI_API_KEY is not set.
    """

    def __init__(
        self, base_url: str, model: str, temperature: float, cache: str | Path, retries: int = 4
    ) -> None:
        from openai import OpenAI

        self._key = os.environ.get(KEY_VARIABLE, "")
        if not self._key:
            raise LmbrainError(
                f"The environment variable {KEY_VARIABLE} is not set; set it to the key of "
                f"{base_url} (to any word if that server asks for none)."
            )
        self.base_url = base_url
        self.model = model
        self.temperature = temperature
        self.cache = Path(cache)
        self._client = OpenAI(base_url=base_url, api_key=self._key, max_retries=retries)

    def ask(self, prompt: str, parse: Callable[[str], Parsed]) -> tuple[str, Parsed]:
        """The model's answer to a prompt, and what `parse` makes of it.

        Only answers that `parse` accepts are kept.

        Raises
        ------
        LmbrainError
            If the server cannot be reached, refuses or answers without text.
        """
        request = {
            "server": self.base_url,
            "model": self.model,
            "temperature": self.temperature,
            "prompt": prompt,
        }
        key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        path = self.cache / key[:2] / f"{key}.json"
        if path.is_file():
            answer = json.loads(path.read_text(encoding="utf-8"))["answer"]
            return answer, parse(answer)
        answer = self._send(prompt)
        parsed = parse(answer)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps({**request, "answer": answer}), encoding="utf-8")
        return answer, parsed

    def _send(self, prompt: str) -> str:
        import openai

        where = f"The server {self.base_url} (model {self.model})"
        try:
            completion = self._client.chat.completions.create(
                model=self.model,
                temperature=self.temperature,
                messages=[{"role": "user", "content": prompt}],
            )
        except openai.AuthenticationError:
            raise LmbrainError(
                f"{where} refuses the key in {KEY_VARIABLE}; set the right one."
            ) from None
        except json.JSONDecodeError:
            raise LmbrainError(
                f"{where} answered with something that is not JSON; check that base_url ends in "
                "the chat protocol's path, such as /v1."
            ) from None
        except openai.APIConnectionError:
            raise LmbrainError(
                f"{where} cannot be reached; start it, or correct base_url in the config, and "
                "rerun (answers so far are kept)."
            ) from None
        except openai.APIStatusError as error:
            reason = error.message.replace(self._key, "***")[:200]
            raise LmbrainError(
                f"{where} answered with status {error.status_code} ({reason}); mend that and "
                "rerun (answers so far are kept)."
            ) from None
        # the client does not check what the server sends
        try:
            text = completion.choices[0].message.content
        except (AttributeError, IndexError, TypeError):
            text = None
        if not isinstance(text, str) or not text.strip():
            raise LmbrainError(
                f"{where} answered without text; check that base_url speaks the chat protocol "
                "and the model's limit on tokens."
            )
        return text


class ServerProposer:
    """Shows a model samples of both groups, under neutral labels, and reads its list.

    Parameters
    ----------
    server
        Whom to ask.
    prompt
        Text with the slots {group_a} (divergent), {group_b} (convergent) and {count}.
    hypotheses
        At most this many different ones.
    sentences_per_prompt
        Drawn from each group for a prompt (all if it has fewer), in random order.
    """

    def __init__(
        self, server: ChatServer, prompt: str, hypotheses: int, sentences_per_prompt: int
    ) -> None:
        self.server = server
        self.prompt = prompt
        self.hypotheses = hypotheses
        self.sentences_per_prompt = sentences_per_prompt

    def propose(self, groups: pd.DataFrame, seed: int) -> list[Hypothesis]:
        """Hypotheses from the research half; new samples until enough,
        in a limited number of prompts.

        Raises
        ------
        LmbrainError
            If the server fails or an answer holds no list.
        """
        rng = np.random.default_rng(seed)
        found: dict[str, Hypothesis] = {}
        prompts = -(-self.hypotheses // HYPOTHESES_PER_PROMPT) + SPARE_PROMPTS
        for _ in range(prompts):
            missing = self.hypotheses - len(found)
            if missing <= 0:
                break
            a = self._sample(members(groups, RESEARCH, DIVERGENT), rng)
            b = self._sample(members(groups, RESEARCH, CONVERGENT), rng)
            prompt = fill(
                self.prompt,
                group_a=_lines("A", a),
                group_b=_lines("B", b),
                count=str(min(missing, HYPOTHESES_PER_PROMPT)),
            )
            _, statements = self.server.ask(prompt, parse_list)
            for statement in statements[:missing]:
                found.setdefault(
                    statement.casefold().rstrip("."),
                    Hypothesis(
                        name=f"h{len(found) + 1:02d}",
                        text=statement,
                        property=None,
                        provenance={
                            "backend": "openai",
                            "server": self.server.base_url,
                            "model": self.server.model,
                            "temperature": self.server.temperature,
                            "prompt": prompt,
                            "group_a": a["sentence"].tolist(),
                            "group_b": b["sentence"].tolist(),
                        },
                    ),
                )
        return list(found.values())

    def _sample(self, group: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        chosen = rng.permutation(len(group))[: self.sentences_per_prompt]
        return group.iloc[chosen]


class ServerVerifier:
    """Asks a model of every hypothesis and sentence whether the one holds for the other.

    Parameters
    ----------
    server
        Whom to ask.
    prompt
        Text with the slots {hypothesis} and {sentence} that asks for yes, no or a number from
        0 to 1.
    """

    def __init__(self, server: ChatServer, prompt: str) -> None:
        self.server = server
        self.prompt = prompt

    def verify(self, hypotheses: list[Hypothesis], texts: list[str]) -> np.ndarray:
        """T' in [0, 1], shape (hypothesis, sentence).

        Raises
        ------
        LmbrainError
            If the server fails, or an answer is neither yes, no nor a number from 0 to 1.
        """
        from tqdm import tqdm

        pairs = [(h, text) for h in hypotheses for text in texts]
        pool = ThreadPoolExecutor(SIMULTANEOUS)
        try:
            answers = pool.map(lambda pair: self._score(*pair), pairs)
            scores = list(tqdm(answers, total=len(pairs), desc="verdicts", unit="verdict"))
        finally:
            pool.shutdown(cancel_futures=True)
        return np.array(scores, float).reshape(len(hypotheses), len(texts))

    def _score(self, hypothesis: Hypothesis, text: str) -> float:
        def parse(answer: str) -> float:
            score = parse_verdict(answer)
            if score is None:
                raise LmbrainError(
                    f"The model {self.server.model} was asked whether hypothesis "
                    f"{hypothesis.name} ({hypothesis.text!r}) holds for the sentence {text!r} and "
                    f"answered {answer[:_SHOWN]!r}, which is neither yes, no nor a number from 0 "
                    "to 1; make hypotheses.verifier.prompt ask for one of these alone."
                )
            return score

        prompt = fill(self.prompt, hypothesis=hypothesis.text, sentence=text)
        _, score = self.server.ask(prompt, parse)
        return score


def fill(template: str, **slots: str) -> str:
    """Put texts into the {slots} named; other braces, and braces in the texts, stay."""
    pattern = "|".join(re.escape(name) for name in slots)
    return re.sub(rf"\{{({pattern})\}}", lambda match: slots[match.group(1)], template)


def parse_list(answer: str) -> list[str]:
    """The items of a numbered or bulleted list, without marks and quotation marks.

    Raises
    ------
    LmbrainError
        If the answer holds no such item.
    """
    items = [
        " ".join(re.sub(r"\*\*|__", "", item).split()).strip("\"'\u201c\u201d ")
        for item in _ITEM.findall(_spoken(answer))
    ]
    items = [item for item in items if item]
    if not items:
        raise LmbrainError(
            f"The proposer's answer holds no numbered or bulleted list (it begins "
            f"{answer[:_SHOWN]!r}); make hypotheses.proposer.prompt ask for one."
        )
    return items


def parse_verdict(answer: str) -> float | None:
    """Yes as 1, no as 0, or a number from 0 to 1; None if the answer is nothing of these.

    Marks around the word, a label before it (`Answer: yes`) and a reason after it are accepted.
    """
    text = re.sub(r"[*_`\"'\u201c\u201d]", "", _spoken(answer)).strip()
    match = _VERDICT.match(text)
    if match is None:
        return None
    if match["word"]:
        return float(match["word"].lower() == "yes")
    number = float(match["number"])
    return number if number <= 1 else None


def _spoken(answer: str) -> str:
    """The answer without the thoughts that some models put before it."""
    return re.sub(r"<think>.*?</think>", "", answer, flags=re.DOTALL)


def _lines(label: str, sentences: pd.DataFrame) -> str:
    return "\n".join(f"{label}{i}. {t}" for i, t in enumerate(sentences["text"], start=1))
