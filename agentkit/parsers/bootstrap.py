"""A first hermes parser, replaced by the engines."""

from __future__ import annotations

import json
from typing import Any

from agentkit.read.call import make_call, settle_ids
from agentkit.read.known_tools import known_tools
from agentkit.types import Policy, Problem, Record, ToolCall, problem, record

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_JSON = json.JSONDecoder()


@record
class Parsed(Record):
    content: str | None
    """The text beside the calls; None where nothing but white space is left."""
    tool_calls: tuple[ToolCall, ...]
    problems: tuple[Problem, ...] = ()


class HermesParser:
    name = "hermes"

    def parse(self, text: str, tools: Any = None, policy: Policy = "normalize") -> Parsed:
        known = known_tools(tools)
        calls: list[ToolCall] = []
        content: list[str] = []
        at = 0
        while (start := text.find(_OPEN, at)) >= 0:
            call, end = self._call(text, start, len(calls), known, policy)
            content.append(text[at:start])
            if call.status == "invalid":
                content.append(text[start:end])
            calls.append(call)
            at = end
        content.append(text[at:])
        left = "".join(content)
        return Parsed(content=left if left.strip() else None, tool_calls=settle_ids(calls))

    def _call(self, text: str, start: int, position: int, known: Any, policy: Policy) -> tuple[ToolCall, int]:
        body = start + len(_OPEN)
        while body < len(text) and text[body].isspace():
            body += 1
        try:
            value, stop = _JSON.raw_decode(text, body)
            close = text.find(_CLOSE, stop)
        except (ValueError, RecursionError):
            value, close = None, text.find(_CLOSE, body)
        end = close + len(_CLOSE) if close >= 0 else len(text)
        name = value.get("name") if isinstance(value, dict) else None
        raw = value.get("arguments") if isinstance(value, dict) else text[body:close if close >= 0 else end]
        raw = json.dumps(raw, ensure_ascii=False) if isinstance(raw, (dict, list)) else raw
        notes = () if value is not None else (problem("arguments_invalid_json", "the call is not JSON"),)
        return make_call(position, name, raw, known, policy, origin="content:hermes", span=(start, end), notes=notes), end
