"""`ak.export.notebook`: a turn as a notebook: the request, the recorded answer and its reading."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agentkit.errors import checked_keywords
from agentkit.show.export.code.literals import literal
from agentkit.show.export.code.offline_test import (
    IMPORTS,
    answer_source,
    answered,
    ask_source,
    expected,
    read_again,
    reading_source,
)
from agentkit.show.export.document import Export
from agentkit.show.export.exported_call import ModelCall, model_call
from agentkit.show.notebook.static_view import mimebundle
from agentkit.trajectory.loop import request_error
from agentkit.types.request import Request, Spec

_REQUEST = (
    'Request(model=REQUEST.get("model"), messages=tuple(REQUEST["{name}"]),'
    ' tools=tuple(REQUEST.get("tools", ())){dialect})'
)
_LIVE = """\
server = os.environ.get("AGENTKIT_LIVE")  # or "http://localhost:8000/v1"
if server:
    answer = reading(ask(server))
    print(answer if answer != EXPECTED else "the same")"""


@checked_keywords
def notebook(source: Any, turn: int | None = None) -> Export:
    """Write a Jupyter notebook (nbformat 4) about the turn.

    It comes with its outputs, needs no network, and gives the same outputs when it is run again.

    Args:
        source: a turn, a rollout or what holds one (`Debugger`, `AgentResult`).
        turn: which turn of the rollout, counting from 0; None: the last model call, failed or not.

    Raises:
        UsageError: it holds no rollout, or no answer came.
        NotFound: there is no such turn.
    """
    call = model_call(source, turn)
    exchange, spec = answered(call), call.trajectory.spec
    kept = replace(
        exchange, url="", headers=(), started=None, elapsed=None, retries=(), transport_error=None
    )
    failed = request_error(kept)
    reads = (
        "ak.read_error(ANSWER.status, ANSWER.headers, ANSWER.text)"
        if failed
        else _reading(spec, call.turn)
    )
    source_of_request, request = _request(call)
    cells = [
        _words(
            f"# {call.heading[0].upper()}{call.heading[1:]}",
            "",
            "Nothing here asks a server unless you say which.",
        ),
        _code(
            f"{IMPORTS.format(pytest='').replace('Chunk', 'Chunk, Request')}\nREQUEST ="
            f" {literal(call.body, 0, 10)}"
        ),
        _words("## What was asked"),
        _code(source_of_request, request),
        _words("## What came back, and what it was read as"),
        _code(
            f"ANSWER = {answer_source(call)}\n{reads}", failed or read_again(spec, kept, call.turn)
        ),
        _words("## Held to it"),
        _code(
            f"{reading_source(call)}\nEXPECTED = {literal(expected(call), 0, 11)}\n"
            "assert reading(ANSWER) == EXPECTED"
        ),
        _words(
            "## Asked again",
            "",
            "Set `AGENTKIT_LIVE` to a server's URL, and it is asked the recorded request.",
        ),
        _code(f"{ask_source(call)}\n\n{_LIVE}"),
    ]
    return Export(
        json.dumps(_book(cells), ensure_ascii=True, indent=1) + "\n", f"turn_{call.turn}.ipynb"
    )


def _request(call: ModelCall) -> tuple[str, Request]:
    """Write the request as code, and make it, of the body in its own dialect."""
    dialect = call.trajectory.spec.dialect
    name = "input" if dialect == "responses" else "messages"
    spoken = "" if dialect == "chat" else f", dialect={literal(dialect)}"
    request = Request(
        model=call.body.get("model"),
        messages=tuple(call.body[name]),
        tools=tuple(call.body.get("tools", ())),
        dialect=dialect,
    )
    return _REQUEST.format(name=name, dialect=spoken), request


def _reading(spec: Spec, turn: int) -> str:
    parser = f", parser={literal(spec.parser)}" if spec.parser else ""
    return (
        f'ak.read_response(ANSWER, REQUEST.get("tools"), {literal(spec.policy)}{parser},'
        f" turn={turn})"
    )


def _words(*lines: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(lines)}


def _code(source: str, shown: Any = None) -> dict[str, Any]:
    """Make a code cell; `shown` is the value of its last line."""
    return {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": [_output(shown)] if shown is not None else [],
    }


def _output(shown: Any) -> dict[str, Any]:
    bundle = {
        kind: text
        for kind, text in mimebundle(shown).items()
        if kind in ("text/plain", "text/html")
    }
    return {"output_type": "execute_result", "metadata": {}, "data": bundle}


def _book(cells: list[dict[str, Any]]) -> dict[str, Any]:
    count = 0
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"
        cell["source"] = cell["source"].splitlines(keepends=True)
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
            for output in cell["outputs"]:
                output["execution_count"] = count
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
