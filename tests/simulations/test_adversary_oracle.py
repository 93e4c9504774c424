"""A model is asked for deviations at an endpoint; what it answers is data, and never run."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from headwater_attribution.rules import BY_ROWS, CAUSES
from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary import Arena, Budget, Copy, Noise, Space, Split, attack
from headwater_simulations.adversary.ideas import ideas_text, read_ideas
from headwater_simulations.adversary.oracle import (
    MOST_BYTES,
    ChatOracle,
    ask_for_ideas,
    question_about,
)
from headwater_simulations.cli import app
from headwater_simulations.errors import OracleError

BLIND = Arena(blind_at=40_000_000, precedence=0, cost_reworded=5)
SPACE = Space((Split, Copy, Noise))
IDEA = ideas_text([(Copy(100_000_000, 40_000_000),)])
KEY = "sk-not-to-be-shown"


class Endpoint:
    """Speaks OpenAI's dialect on loopback and says what it is told to, the last thing for ever."""

    def __init__(self, *says: str, status: int = 200) -> None:
        self.says, self.status = list(says), status
        self.asked: list[dict[str, object]] = []
        self.credentials: list[str | None] = []
        self.url = ""

    def body(self, asked: bytes) -> bytes:
        self.asked.append(json.loads(asked))
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        return json.dumps({"choices": [{"message": {"content": said}}]}).encode()


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.credentials.append(self.headers.get("Authorization"))
            body = endpoint.body(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(endpoint.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def oracle_at(endpoint: Endpoint) -> Iterator[ChatOracle]:
    headers = {"Authorization": f"Bearer {KEY}"}
    with serving(endpoint), httpx.Client(headers=headers, timeout=20) as http:
        yield ChatOracle(http, endpoint.url, "tiny")


def test_a_model_is_told_the_rule_and_what_was_wrong_until_its_idea_helps_an_attack() -> None:
    bribe = json.dumps({"format": "headwater.ideas/1", "strategies": [[{"kind": "Bribe"}]]})
    endpoint = Endpoint("Certainly! I would copy.", bribe, f"```json\n{IDEA}```")
    with oracle_at(endpoint) as oracle:
        ideas = ask_for_ideas(oracle, CAUSES, BLIND, SPACE)
    assert ideas == read_ideas(IDEA)
    first, second, third = (json.dumps(each) for each in endpoint.asked)
    assert "def pay_causes" in first
    assert "could not be used" not in first
    assert "could not be used" in second
    assert "There is no deviation Bribe" in third
    assert "Whitewash" not in first
    assert endpoint.credentials == [f"Bearer {KEY}"] * 3
    budget = Budget(
        candidates=2, generation=2, search_worlds=4, shortlist=2, pick_worlds=40, proof_worlds=400
    )
    told = attack(CAUSES, BLIND, SPACE, budget, seed=3, ideas=ideas)
    assert told.verdict.value == "exploit"
    assert told.finalists[0].strategy == ideas[0]
    again = question_about(CAUSES, BLIND, SPACE, told.finalists)
    assert "Copy(share 100 %, edit 40 %): +" in again


def test_code_in_an_answer_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "run"
    code = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    for said in (
        code,
        json.dumps({"format": "headwater.ideas/1", "strategies": [[{"kind": code}]]}),
        "[" * 100_000,
    ):
        endpoint = Endpoint(said)
        with oracle_at(endpoint) as oracle, pytest.raises(OracleError, match="No answer of 2"):
            ask_for_ideas(oracle, CAUSES, BLIND, SPACE, tries=2)
        assert len(endpoint.asked) == 2
    assert not mark.exists()


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        (lambda: Endpoint(IDEA, status=503), "status 503"),
        (lambda: Endpoint("x" * MOST_BYTES), "more than 1,000,000 bytes"),
    ],
)
def test_an_endpoint_that_refuses_or_floods_is_told_of(
    endpoint: Callable[[], Endpoint], why: str
) -> None:
    with oracle_at(endpoint()) as oracle, pytest.raises(OracleError, match=why):
        ask_for_ideas(oracle, CAUSES, BLIND, SPACE)


def test_what_is_no_completion_or_no_endpoint_is_told_of_without_the_key() -> None:
    def answering(content: bytes) -> ChatOracle:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
        http = httpx.Client(transport=transport, headers={"Authorization": KEY})
        return ChatOracle(http, "http://model.test/v1", "tiny")

    for body in (b"{}", b"[]", b'{"choices": []}', b'{"choices": [{"message": {"content": 3}}]}'):
        with pytest.raises(OracleError, match="no chat completion"):
            ask_for_ideas(answering(body), CAUSES, BLIND, SPACE)
    with pytest.raises(OracleError, match="something else than JSON"):
        ask_for_ideas(answering(b"<html>"), CAUSES, BLIND, SPACE)
    with httpx.Client(headers={"Authorization": KEY}) as http:
        gone = ChatOracle(http, "http://127.0.0.1:9/v1", "tiny")
        assert KEY not in repr(gone)
        with pytest.raises(OracleError, match="does not answer") as refused:
            ask_for_ideas(gone, CAUSES, BLIND, SPACE)
        assert KEY not in str(refused.value)
        with pytest.raises(InvalidInputError, match="an endpoint's URL"):
            ChatOracle(http, "file:///etc/passwd", "tiny")


def test_the_command_writes_ideas_that_an_attack_begins_with(tmp_path: Path) -> None:
    key, ideas = tmp_path / "key", tmp_path / "ideas.json"
    key.write_text(KEY + "\n", "utf-8")
    with serving(Endpoint(ideas_text([(Noise(140),)]))) as endpoint:
        asked = ["ask", str(ideas), "--url", endpoint.url, "--model", "tiny", "--only", "Noise"]
        shown = CliRunner().invoke(app, [*asked, "--key-file", str(key), "--rule", "rows/1"])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == "Noise(rows 140)\n"
    assert endpoint.credentials == [f"Bearer {KEY}"]
    assert "def pay_rows" in json.dumps(endpoint.asked)
    one = Budget(candidates=1, generation=1, search_worlds=2, shortlist=1, proof_worlds=1_500)
    found = attack(BY_ROWS, space=Space((Noise,)), budget=one, ideas=read_ideas(ideas.read_text()))
    assert found.finalists[0].strategy == (Noise(140),)
    assert found.verdict.value == "exploit"
    refused = CliRunner().invoke(app, [*asked, "--key-file", str(tmp_path / "none")])
    assert refused.exit_code == 2
    assert "can't be read" in refused.stderr
