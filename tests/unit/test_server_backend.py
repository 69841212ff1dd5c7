"""Against a real HTTP server on this machine that speaks the chat protocol."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.backends import propose, verify
from lmbrain.hypotheses.groups import choose_groups, members
from lmbrain.hypotheses.hypothesis import Hypothesis
from lmbrain.hypotheses.server import ChatServer, fill, parse_list, parse_verdict

KEY = "secret-key-of-the-test"


class Server:
    """Answers `reply(prompt)`; `failures` are statuses given before that; counts requests."""

    def __init__(self):
        self.requests, self.keys, self.failures = [], [], []
        self.reply = lambda prompt: "yes"
        self.raw = None
        outer, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.requests.append({"path": self.path, **content})
                    outer.keys.append(self.headers["Authorization"])
                    status = outer.failures.pop(0) if outer.failures else 200
                if status == 200:
                    body = outer.raw or outer.completion(content["messages"][0]["content"])
                else:
                    body = json.dumps({"error": {"message": f"refused {KEY}"}}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def completion(self, prompt):
        message = {"role": "assistant", "content": self.reply(prompt)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
            }
        ).encode()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = Server()
    yield server
    server.close()


@pytest.fixture
def groups():
    n = 40
    words = ["sorrow" if i % 2 else "timber" for i in range(n)]
    return choose_groups(
        pd.DataFrame(
            {
                "sentence": range(n),
                "text": [f"It was {w} number {i}." for i, w in enumerate(words)],
                "divergence": [10.0 + i if i % 2 else float(i) / 100 for i in range(n)],
            }
        ),
        8,
        4,
    )


def proposer(server, cache, **changed):
    return {
        "backend": "openai",
        "hypotheses": 3,
        "threshold": 1.0,
        "model": "m",
        "base_url": server.url,
        "temperature": 0.7,
        "sentences_per_prompt": 5,
        "prompt": "A:\n{group_a}\nB:\n{group_b}\nName {count}, not {braces}.",
        "cache": cache,
        **changed,
    }


def verifier(server, cache):
    return {
        "backend": "openai",
        "model": "m",
        "base_url": server.url,
        "prompt": "Statement: {hypothesis}\nSentence: {sentence}\nYes or no?",
        "cache": cache,
    }


def test_proposer_shows_research_sentences_and_reads_the_list(server, groups, tmp_path):
    server.reply = lambda prompt: "Here:\n1. The sentence is sad.\n2. **It names wood.**\n- Third"
    found = propose(groups, 0, **proposer(server, tmp_path))
    assert [h.text for h in found] == ["The sentence is sad.", "It names wood.", "Third"]
    assert [h.name for h in found] == ["h01", "h02", "h03"]
    request = server.requests[0]
    assert request["path"] == "/v1/chat/completions"
    assert (request["model"], request["temperature"]) == ("m", 0.7)
    prompt = request["messages"][0]["content"]
    shown_a, shown_b = prompt.split("B:\n")
    assert shown_a.count("sorrow") == 5 and "timber" not in shown_a
    assert shown_b.count("timber") == 5 and "sorrow" not in shown_b
    assert prompt.endswith("Name 3, not {braces}.")
    research = set(members(groups, "research", "divergent")["sentence"])
    assert set(found[0].provenance["group_a"]) <= research
    assert found[0].provenance["prompt"] == prompt
    assert all(key == f"Bearer {KEY}" for key in server.keys)


def test_proposer_asks_again_until_enough_different_ones_came(server, groups, tmp_path):
    answers = iter(["1. One.\n2. one", "1. ONE.\n2. Two.", "1. Three.\n2. Four."])
    server.reply = lambda prompt: next(answers)
    found = propose(groups, 0, **proposer(server, tmp_path))
    assert [h.text for h in found] == ["One.", "Two.", "Three."]
    assert [h.name for h in found] == ["h01", "h02", "h03"]


def test_proposer_ends_when_nothing_new_comes(server, groups, tmp_path):
    server.reply = lambda prompt: "1. Always this."
    assert len(propose(groups, 0, **proposer(server, tmp_path))) == 1


def test_same_seed_repeats_from_the_cache_without_a_request(server, groups, tmp_path):
    server.reply = lambda prompt: "1. One.\n2. Two.\n3. Three."
    first = propose(groups, 4, **proposer(server, tmp_path))
    asked = len(server.requests)
    assert propose(groups, 4, **proposer(server, tmp_path)) == first
    assert len(server.requests) == asked
    propose(groups, 4, **proposer(server, tmp_path, temperature=0.1))
    propose(groups, 4, **proposer(server, tmp_path, model="other"))
    propose(groups, 5, **proposer(server, tmp_path))
    assert len(server.requests) == asked + 3


def test_answer_without_a_list_is_refused_and_not_kept(server, groups, tmp_path):
    server.reply = lambda prompt: "I would rather not."
    with pytest.raises(LmbrainError, match="I would rather not"):
        propose(groups, 0, **proposer(server, tmp_path))
    server.reply = lambda prompt: "1. One.\n2. Two.\n3. Three."
    assert len(propose(groups, 0, **proposer(server, tmp_path))) == 3


def test_verifier_scores_land_on_their_sentences(server, groups, tmp_path):
    def reply(prompt):
        wanted = "sorrow" if "sad" in prompt else "timber"
        return "Yes." if f"was {wanted}" in prompt else "no"

    server.reply = reply
    hypotheses = [Hypothesis("h01", "It is sad.", None, {}), Hypothesis("h02", "Wood.", None, {})]
    table = verify(hypotheses, groups, **verifier(server, tmp_path))
    texts = groups.set_index("sentence")["text"]
    assert len(table) == 2 * 20
    for row in table.itertuples():
        word = {"h01": "sorrow", "h02": "timber"}[row.hypothesis]
        assert row.score == float(word in texts[row.sentence])
    assert all(request["temperature"] == 0 for request in server.requests)


def test_interrupted_verification_pays_for_each_answer_once(server, groups, tmp_path):
    broken = groups.loc[(groups["half"] == "validation") & (groups["group"] == "divergent"), "text"]
    server.reply = lambda prompt: "hm" if broken.iloc[-1] in prompt else "no"
    hypotheses = [Hypothesis("h01", "It is sad.", None, {})]
    with pytest.raises(LmbrainError):
        verify(hypotheses, groups, **verifier(server, tmp_path))
    server.reply = lambda prompt: "no"
    verify(hypotheses, groups, **verifier(server, tmp_path))
    prompts = [request["messages"][0]["content"] for request in server.requests]
    assert len(set(prompts)) == 20
    assert all(prompts.count(p) == 1 for p in prompts if broken.iloc[-1] not in p)


def test_unparseable_verdict_names_hypothesis_sentence_and_answer(server, groups, tmp_path):
    server.reply = lambda prompt: "Well, that depends " + "very " * 50
    with pytest.raises(
        LmbrainError, match=r"h07.*It is odd.*It was timber number 10.*Well, that depends"
    ) as e:
        verify([Hypothesis("h07", "It is odd.", None, {})], groups, **verifier(server, tmp_path))
    assert len(str(e.value)) < 500


def test_server_errors_are_tried_again(server, tmp_path):
    server.failures = [500, 429]
    answer, parsed = ChatServer(server.url, "m", 0.0, tmp_path).ask("Hello", str.upper)
    assert (answer, parsed) == ("yes", "YES")
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "words"), [(401, "refuses the key"), (404, "status 404")])
def test_refusals_are_one_sentence_without_the_key(server, tmp_path, status, words):
    server.failures = [status]
    with pytest.raises(LmbrainError, match=words) as error:
        ChatServer(server.url, "m", 0.0, tmp_path).ask("Hello", str)
    assert KEY not in str(error.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "raw", [b"{}", b"[]", b'{"choices": []}', b'{"choices": [{}]}', b'{"choices": "x"}', b"{oops"]
)
def test_garbage_is_refused_in_one_sentence(server, tmp_path, raw):
    server.raw = raw
    with pytest.raises(LmbrainError, match="base_url"):
        ChatServer(server.url, "m", 0.0, tmp_path).ask("Hello", str)
    assert not list(tmp_path.iterdir())


def test_empty_answer_is_refused(server, tmp_path):
    server.reply = lambda prompt: "  "
    with pytest.raises(LmbrainError, match="without text"):
        ChatServer(server.url, "m", 0.0, tmp_path).ask("Hello", str)


def test_absent_server_is_one_clear_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(LmbrainError, match="cannot be reached; start it"):
        ChatServer("http://127.0.0.1:9/v1", "m", 0.0, tmp_path, retries=0).ask("Hello", str)


def test_absent_key_is_refused_before_any_request(server, monkeypatch, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(LmbrainError, match="OPENAI_API_KEY is not set"):
        ChatServer(server.url, "m", 0.0, tmp_path)


def test_nothing_proposed_needs_no_server(monkeypatch, groups, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert verify(
        [], groups, backend="openai", model="m", base_url="x", prompt="", cache=tmp_path
    ).empty


def test_key_is_nowhere_in_the_cache(server, tmp_path):
    ChatServer(server.url, "m", 0.0, tmp_path).ask("Hello", str)
    (file,) = tmp_path.rglob("*.json")
    assert json.loads(file.read_text())["answer"] == "yes"
    assert KEY not in file.read_text()


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("yes", 1),
        ("No.", 0),
        ("**Yes** - it does", 1),
        ('"no", because', 0),
        ("Answer: yes", 1),
        ("The", None),
        ("0.25", 0.25),
        (".5", 0.5),
        ("Score: 0.8", 0.8),
        ("1", 1),
        ("1.0", 1),
        ("0 (not at all)", 0),
        ("<think>no, or yes?</think>\nYes", 1),
        ("1.5", None),
        ("8", None),
        ("1/10", None),
        ("10", None),
        ("0-1", None),
        ("1. The sentence is", None),
        ("Not sure", None),
        ("no-one knows", None),
        ("No idea", None),
        ("", None),
    ],
)
def test_verdicts_are_read_or_refused(answer, score):
    assert parse_verdict(answer) == score


def test_lists_are_read_in_all_their_forms():
    answer = 'Sure:\n1) First one\n(2) "Second\tone"\n* Third\n\u2022 Fourth\n  3. Fifth\nThe end.'
    assert parse_list(answer) == ["First one", "Second one", "Third", "Fourth", "Fifth"]


def test_texts_with_braces_are_filled_in_untouched():
    assert fill("{a} {b} {c}", a="{b}", b="x") == "{b} x {c}"


def test_random_samples_differ_between_prompts(server, groups, tmp_path):
    server.reply = lambda prompt: "1. Same."
    propose(groups, 0, **proposer(server, tmp_path))
    prompts = {request["messages"][0]["content"] for request in server.requests}
    assert len(prompts) == len(server.requests) > 1
    assert np.all([p.count("A1.") == 1 for p in prompts])
