"""What a turn of a rollout costs in each dialect, as processor time beside a turn in chat
completions, in the same run.

    python tests/benchmarks/dialect_cost.py [TURNS ...]     # 10 and 400 turns by default

Requests are encoded and answers are read as over HTTP; nothing is sent. It prints ratios and checks
nothing but that every rollout ended well. The answers are constructed.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import Any

import agentkit as ak
from agentkit.dialects.codecs import CODECS
from agentkit.read.response import read_response
from agentkit.servers.model_call import Call, Emit, request_body
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange
from tests.support.dialect_answers import DIALECTS

REPEATS = 7
THOUGHT = "I should look this up before I answer, and then say what it is. " * 6


def lookup(key: str, count: int = 1) -> str:
    """Look up a value."""
    return json.dumps({"key": key, "count": count, "value": "cloudy with 21 degrees" * 4})


def chat_body(turn: int, last: bool) -> dict[str, Any]:
    """Write an answer with reasoning, text and a call."""
    message: dict[str, Any] = {"role": "assistant", "content": f"Turn {turn}: let me look."}
    message["reasoning_content"] = THOUGHT
    if not last:
        arguments = json.dumps({"key": f"key {turn}", "count": turn})
        function = {"name": "lookup", "arguments": arguments}
        message["tool_calls"] = [{"id": f"call_{turn}", "type": "function", "function": function}]
    finish = "stop" if last else "tool_calls"
    usage = {"prompt_tokens": 10 * turn + 40, "completion_tokens": 60}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": f"c{turn}", "object": "chat.completion", "choices": [choice], "usage": usage}


def bodies(dialect: Dialect, turns: int) -> list[str]:
    """Write the answers of a rollout."""
    chat = [chat_body(turn, turn == turns - 1) for turn in range(turns)]
    if dialect == "chat":
        return [json.dumps(body) for body in chat]
    return [json.dumps(CODECS[dialect].body_out(read_response(body))) for body in chat]


class Local(ak.Server):
    """Encodes each request, and answers from a list."""

    def __init__(self, answers: list[str]) -> None:
        super().__init__("http://localhost:1/v1")
        self.answers = iter(answers)

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Give the next answer."""
        request_body(call)
        return Exchange(body=next(self.answers), status=200)


async def rolled(dialect: Dialect, answers: list[str]) -> float:
    """Run one rollout; return its processor time for a turn, in milliseconds."""
    agent = ak.Agent("m", [lookup], Local(answers), dialect=dialect, max_turns=None)
    engine = agent.engine(agent.start("Look up gamma."))
    begun = time.process_time()
    await engine.run()
    spent = time.process_time() - begun
    assert engine.trajectory.final, engine.trajectory.error
    return spent / len(answers) * 1000


def main() -> None:
    """Print a table."""
    for turns in [int(text) for text in sys.argv[1:]] or [10, 400]:
        answers = {dialect: bodies(dialect, turns) for dialect in DIALECTS}
        taken: dict[Dialect, list[float]] = {dialect: [] for dialect in DIALECTS}
        for _ in range(REPEATS):
            for dialect in DIALECTS:
                taken[dialect].append(asyncio.run(rolled(dialect, answers[dialect])))
        chat = statistics.median(taken["chat"])
        for dialect, times in taken.items():
            turn = statistics.median(times)
            print(
                f"{turns:>5} turns  {dialect:<10} {turn:7.3f} ms a turn  {turn / chat:5.2f} x chat"
            )


if __name__ == "__main__":
    main()
