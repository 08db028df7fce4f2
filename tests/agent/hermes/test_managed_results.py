"""The managed state of a run: what it holds goes into the file with the rollout, and what its server
did not parse is said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak

STATE = {
    "nodes": [
        {
            "full_text": "hi Yes",
            "tokens": [1, 2, 3],
            "masked_tokens": [-100, 2, 3],
            "logprobs": [1.0, -0.5, -0.25],
            "metadata": {"finish_reason": "stop"},
        }
    ]
}


class Managed:
    """A server as Atropos' ManagedServer is one: raw text, and a state."""

    def __init__(self, text: str = "Yes", tool_parser: str | None = None) -> None:
        self.text, self._tool_parser_name = text, tool_parser

    async def chat_completion(self, **asked: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.text}
        return {"choices": [{"message": message, "finish_reason": "stop"}]}

    def get_state(self) -> dict[str, Any]:
        return STATE


def loop(server: Managed, **options: Any) -> ak.AgentLoop:
    schema = {"type": "function", "function": {"name": "echo", "parameters": {}}}
    return ak.AgentLoop(server, [schema], {"echo"}, dispatch=lambda *a, **k: "x", **options)


async def test_a_saved_result_keeps_its_managed_state(tmp_path: Path) -> None:
    result = await loop(Managed()).run([{"role": "user", "content": "hi"}])
    for given in (result, [result, result]):
        ak.save(given, tmp_path / "run.jsonl")
        for loaded in ak.load(tmp_path / "run.jsonl", all=True):
            assert loaded.meta["managed_state"] == STATE
            assert ak.tokens_df(loaded).equals(ak.tokens_df(result))
            assert ak.prefix_check(loaded) == ak.prefix_check(result)
            assert repr(ak.tokens(loaded)) == repr(ak.tokens(result))
    ak.save(ak.load(tmp_path / "run.jsonl", all=True)[0], tmp_path / "again.jsonl")
    again = ak.load(tmp_path / "again.jsonl", all=True)[0]
    assert again.meta["managed_state"] == STATE
    assert "managed_state" not in result.trajectory.meta


CALL = '<tool_call>{"name": "echo", "arguments": {}}</tool_call>'


@pytest.mark.parametrize(
    ("parser", "says"),
    [(None, "parses no calls: make it with tool_parser"), ("mistral", "tool_parser 'mistral'")],
)
async def test_why_a_managed_server_left_calls_in_the_text(parser: str | None, says: str) -> None:
    server = Managed(CALL, parser)
    result = await loop(server, max_turns=1).run([{"role": "user", "content": "hi"}])
    (found,) = [p for p in result.trajectory.turns[0].problems if p.code == "tool_call_in_content"]
    assert says in found.message
    plain = await loop(Managed(), max_turns=1).run([{"role": "user", "content": "hi"}])
    assert not plain.trajectory.turns[0].problems
