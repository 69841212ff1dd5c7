"""The hypotheses' rules with a language-model server: the real client, a real local server."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lmbrain.artefacts import read_table

pytestmark = pytest.mark.workflow

KEY = "a-secret-that-must-not-appear"


class Handler(BaseHTTPRequestHandler):
    """Answers chat completions: two statements to a proposer, yes or no to a verifier."""

    asked: list[dict]

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, "key": self.headers["Authorization"], **request})
        prompt = request["messages"][-1]["content"]
        proposing = "PROPOSE" in prompt
        answer = "1. The sentence is long.\n2. The sentence is short." if proposing else "0.5"
        message = {"role": "assistant", "content": answer}
        body = json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Handler.asked = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/v1"
    http.shutdown()
    http.server_close()


def test_a_server_proposes_and_verifies_through_the_workflow(smoke, server, tmp_path):
    checkout = smoke.copy_sources(tmp_path / "project")
    for part in ("results", ".snakemake"):
        shutil.copytree(smoke.root / part, checkout.root / part, symlinks=True)
    backend = {"backend": "openai", "base_url": server}
    change = {
        "hypotheses": {
            "proposer": {
                **backend,
                "hypotheses": 2,
                "prompt": "PROPOSE {count}: {group_a} {group_b}",
            },
            "verifier": {**backend, "prompt": "{hypothesis} {sentence} 0 to 1?"},
        }
    }
    without_key = checkout.snakemake("hypotheses", change=change)
    assert without_key.returncode != 0
    assert "OPENAI_API_KEY" in without_key.stderr
    result = checkout.snakemake("hypotheses", change=change, OPENAI_API_KEY=KEY)
    assert result.returncode == 0, result.stderr
    ranked = read_table(checkout.root / "results" / "smoke" / "hypotheses" / "ranked.tsv")
    assert set(ranked["text"]) == {"The sentence is long.", "The sentence is short."}
    assert {request["path"] for request in Handler.asked} == {"/v1/chat/completions"}
    assert {request["key"] for request in Handler.asked} == {f"Bearer {KEY}"}
    written = [p for p in checkout.root.rglob("*") if p.is_file() and p.stat().st_size < 5e6]
    assert not [p for p in written if KEY.encode() in p.read_bytes()]
    count = len(Handler.asked)
    shutil.rmtree(checkout.root / "results" / "smoke" / "hypotheses")
    again = checkout.snakemake("hypotheses", change=change, OPENAI_API_KEY=KEY)
    assert again.returncode == 0, again.stderr
    assert len(Handler.asked) == count, "answers are kept, not paid for twice"
