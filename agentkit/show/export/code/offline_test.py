"""`ak.export.pytest`: a turn, or a rollout, as a test that its answers are read as they were."""

from __future__ import annotations

from typing import Any

from agentkit.errors import UsageError, checked_keywords
from agentkit.read.response import read_response
from agentkit.show.export.code.literals import lines_of, literal
from agentkit.show.export.code.rollout_test import rollout_test
from agentkit.show.export.code.sdk import SDKS
from agentkit.show.export.document import Export
from agentkit.show.export.exported_call import ModelCall, model_call
from agentkit.trajectory.loop import request_error
from agentkit.types.answer import Response
from agentkit.types.request import Spec
from agentkit.types.wire import Exchange

_READING = '''\
def reading(exchange):
    """What an answer was read as, without what differs from one run to the next."""
    if exchange.status and exchange.status >= 300:
        return {{"failed": ak.read_error(exchange.status, exchange.headers, exchange.text).kind}}
    response = ak.read_response(exchange, {reading})
    return {{
        "finish_reason": response.finish_reason,
        "content": response.content,
        "calls": [(call.name, call.arguments, call.status) for call in response.tool_calls],
        "recoverable": [(call.name, call.arguments) for call in response.recoverable],
        "problems": [problem.code for problem in response.all_problems],
    }}
'''

_OPENAI = """\
    client = OpenAI(base_url=server, api_key=key, max_retries=0)
"""
_ANTHROPIC = """\
    url = server.rstrip("/").removesuffix("/v1")  # which this client adds
    also = {"X-Api-Key": key}
    if "api.anthropic.com" not in url:
        also["Authorization"] = f"Bearer {key}"  # where vLLM looks
    client = Anthropic(base_url=url, api_key=key, max_retries=0, default_headers=also)
"""
_WANTED = {
    "chat": "messages=[], model=omit, ",
    "responses": "",
    "messages": "messages=[], model=omit, max_tokens=1, timeout=600, ",
}
"""Arguments that a client wants beside `extra_body`, which holds all of the request."""
_ASK = '''\
def ask(server):
    """The answer of a server to the recorded request."""
    from {package} import {names}

    key = os.environ.get("AGENTKIT_API_KEY", "EMPTY")
{client}    create = client.{create}
    try:
        answer = create({wanted}extra_body=REQUEST)
    except APIStatusError as error:
        return ak.Exchange(status=error.status_code, body=error.response.text)
    text = answer.http_response.text
    if REQUEST.get("stream"):
        return ak.Exchange(status=answer.status_code, chunks=(Chunk(at=0.0, text=text),))
    return ak.Exchange(status=answer.status_code, body=text)
'''

_TESTS = """\
def test_the_recorded_answer_is_read_as_it_was():
    assert reading(ANSWER) == EXPECTED


@pytest.mark.skipif(
    not os.environ.get("AGENTKIT_LIVE"), reason="AGENTKIT_LIVE names no server to ask"
)
def test_a_server_answers_the_same():
    answer = reading(ask(os.environ["AGENTKIT_LIVE"]))
    assert {**answer, "content": None} == {**EXPECTED, "content": None}
"""

IMPORTS = "import os\n\n{pytest}import agentkit as ak\nfrom agentkit import Chunk\n"


@checked_keywords
def pytest(source: Any, turn: int | None = None, *, whole: bool = False) -> Export:
    """Write a test file that needs no network: the recorded answer must be read as it was (calls,
    finish reason, problem codes).

    `AGENTKIT_LIVE=http://localhost:8000/v1 pytest FILE` asks that server the recorded request as
    well, with the key in `AGENTKIT_API_KEY`.

    Args:
        source: a turn, a rollout or what holds one (`Debugger`, `AgentResult`).
        turn: which turn of the rollout, counting from 0; None: the last model call, failed or not.
        whole: write a test of the whole rollout, which holds its cassette and fails with the turn
            and the field that is read otherwise.

    Raises:
        UsageError: it holds no rollout, or no answer came.
        NotFound: there is no such turn.
    """
    call = model_call(source, turn)
    if whole:
        return rollout_test(call)
    about = (
        f'"""{call.heading[0].upper()}{call.heading[1:]}: read again offline, it must say the'
        f" same.\n\n    pytest test_turn_{call.turn}.py                                           "
        " needs no network\n    AGENTKIT_LIVE=http://localhost:8000/v1 pytest"
        f' test_turn_{call.turn}.py     asks that server, too\n"""\n\n'
    )
    named = [
        f"REQUEST = {literal(call.body, 0, 10)}\n",
        f"ANSWER = {answer_source(call)}\n",
        f"EXPECTED = {literal(expected(call), 0, 11)}\n",
    ]
    parts = ["\n".join(named), reading_source(call), ask_source(call), _TESTS]
    return Export(
        about + IMPORTS.format(pytest="import pytest\n\n") + "\n" + "\n\n".join(parts),
        f"test_turn_{call.turn}.py",
    )


def ask_source(call: ModelCall) -> str:
    """Write the function that asks a server in the dialect of this rollout."""
    dialect = call.trajectory.spec.dialect
    sdk, wanted = SDKS[dialect], _WANTED[dialect]
    path, _, method = sdk.create.rpartition(".")
    return _ASK.format(
        package=sdk.package,
        names=", ".join(["APIStatusError", sdk.client, *(["omit"] if "omit" in wanted else [])]),
        client=_ANTHROPIC if sdk.client == "Anthropic" else _OPENAI,
        create=f"{path}.with_raw_response.{method}",
        wanted=wanted,
    )


def reading_source(call: ModelCall) -> str:
    """Write the function that reads an answer as this rollout reads its answers."""
    spec = call.trajectory.spec
    options = {
        "policy": spec.policy if spec.policy != "normalize" else None,
        "parser": spec.parser,
        "turn": call.turn,
    }
    given = "".join(
        f", {name}={literal(value)}" for name, value in options.items() if value is not None
    )
    return _READING.format(reading=f'REQUEST.get("tools"){given}')


def answer_source(call: ModelCall) -> str:
    """Write the expression that makes the recorded answer."""
    exchange = answered(call)
    status = f"    status={exchange.status},\n" if exchange.status else ""
    if exchange.chunks and not exchange.body:
        chunks = "".join(
            f"        Chunk(at={chunk.at!r}, text={lines_of(chunk.text, 2)}),\n"
            for chunk in exchange.chunks
        )
        return f"ak.Exchange(\n{status}    chunks=(\n{chunks}    ),\n)"
    return f"ak.Exchange(\n{status}    body={lines_of(exchange.body, 1)},\n)"


def answered(call: ModelCall) -> Exchange:
    """Return the raw answer of the call.

    Raises:
        UsageError: none came.
    """
    exchange = call.exchange
    if exchange is None or not (exchange.text or exchange.status):
        raise UsageError(
            f"no answer came in turn {call.turn}, so there is none to read again",
            hint="ak.export.curl(...) sends the request",
        )
    return exchange


def read_again(spec: Spec, exchange: Exchange, turn: int) -> Response:
    """Read an answer as the exported code does, which knows the body of the request and no more."""
    return read_response(exchange, spec.tools or None, spec.policy, parser=spec.parser, turn=turn)


def expected(call: ModelCall) -> dict[str, Any]:
    """Return the reading of the answer, in the form of the exported test."""
    exchange = answered(call)
    failed = request_error(exchange) if exchange.status and exchange.status >= 300 else None
    if failed is not None:
        return {"failed": failed.kind}
    response = read_again(call.trajectory.spec, exchange, call.turn)
    return {
        "finish_reason": response.finish_reason,
        "content": response.content,
        "calls": [(c.name, c.arguments, c.status) for c in response.tool_calls],
        "recoverable": [(c.name, c.arguments) for c in response.recoverable],
        "problems": [problem.code for problem in response.all_problems],
    }
