"""Every reader and parser on hostile input: nothing raises, nothing runs away. `python -m
tests.read.test_reading_fuzz SECONDS` goes on for longer.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.read.calls.arguments import read_arguments
from agentkit.read.parsers.formats.call_formats import CANONICAL, FORMATS
from agentkit.read.parsers.formats.reasoning_formats import REASONING
from agentkit.read.parsers.formats.sglang_formats import SGLANG
from agentkit.read.stream.growing import Growing
from agentkit.trajectory.profiles import PROFILES
from agentkit.types.answer import Policy
from tests.read.parsers.call_formats import WRITTEN, Call, tools_for
from tests.support.examples import examples
from tests.support.paths import CORPUS

SLOWEST = 2.0
"""Seconds of processor time for one input of a few thousand characters; a machine at rest needs
hundredths.
"""
CALLS: list[Call] = [
    ("get_weather", {"city": "Oslo", "days": 3, "tags": ["a", None, 1.5]}),
    (
        "run",
        {
            "code": 'if a < b and "x" in {\'k\': "}"}:\n\tpass </tool_call>',
            "deep": {"a": [{"b": True}]},
        },
    ),
    ("ping", {}),
]
TOOLS = tools_for(CALLS)
read_arguments(
    '{"city": 1}', parameters=TOOLS[0]["function"]["parameters"]
)  # jsonschema is imported here, not in an example
READINGS = sorted([*FORMATS, *(f"sglang/{name}" for name in SGLANG)])
MARKERS = sorted(
    {marker for form in (*CANONICAL.values(), *SGLANG.values()) for marker in form.markers}
    | {"<think>", "</think>", "[THINK]", "◁/think▷"}
)
NOISE = [
    *"{}[]()<>\"'`:,;=|\\/ \n\t",
    "```json",
    "\r\n",
    "\x00",
    "\ufeff",
    "\ud800",
    "🤔",
    "null",
    "NaN",
    "1e999",
    "-0",
    "9" * 400,
    "\\u12",
    "data: ",
    "[DONE]",
    "event: error\n",
    '{"error": {"message": "no", "code": 400}}',
    '{"choices": [{"delta": {"content": "a"}}]}',
    "\n\n",
    "&lt;",
    "<![CDATA[",
]
DIALECTS = [
    json.loads(line)
    for path in sorted((CORPUS / "captures").glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if '"/v1/responses"' in line or '"/v1/messages"' in line
]
"""Captured answers in the Responses and Messages dialects."""
KINDS = [
    *("message", "reasoning", "function_call", "custom_tool_call", "web_search_call", "mcp_call"),
    *("text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "output_text"),
    *("response.created", "response.output_item.added", "response.output_item.done"),
    *("response.output_text.delta", "response.function_call_arguments.delta", "error", "ping"),
    *("response.reasoning_text.delta", "response.completed", "response.failed", "refusal"),
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", "message_stop", "text_delta", "input_json_delta", "signature_delta"),
    *("completed", "incomplete", "end_turn", "pause_turn", "tool_use", "response.surprise"),
]
FIELDS = [
    *("type", "object", "status", "output", "content", "stop_reason", "usage", "error", "id"),
    *("item", "output_index", "content_index", "item_id", "call_id", "name", "arguments", "input"),
    *("index", "content_block", "delta", "partial_json", "text", "thinking", "signature", "part"),
    *("response", "message", "summary", "summary_index", "encrypted_content", "refusal", "role"),
    *("incomplete_details", "reason", "annotations", "logprobs", "sequence_number", "citations"),
    *("input_tokens", "output_tokens", "model", "data", "tool_use_id", "snapshot", "choices"),
]
STREAMS = [
    json.loads(path.read_text(encoding="utf-8"))["text"]
    for path in sorted((CORPUS / "stream").glob("*.json"))
]


def written(rnd: Random) -> str:
    return WRITTEN[rnd.choice(sorted(WRITTEN))].write(rnd.sample(CALLS, rnd.randint(1, 3)))


def piece(rnd: Random) -> str:
    kind = rnd.random()
    if kind < 0.35:
        return written(rnd)
    return (
        rnd.choice(MARKERS)
        if kind < 0.6
        else rnd.choice(STREAMS)
        if kind < 0.65
        else rnd.choice(NOISE) * rnd.choice((1, 1, 1, 2, 40))
    )


def hostile(rnd: Random) -> str:
    """Calls, markers and noise, cut, swapped and repeated."""
    text = "".join(piece(rnd) for _ in range(rnd.randint(1, 6)))
    for _ in range(rnd.randint(0, 4)):
        at, to = sorted((rnd.randint(0, len(text)), rnd.randint(0, len(text))))
        text = rnd.choice(
            (
                text[:at],
                text[at:],
                text[:at] + text[to:],
                text[:to] + text[at:],
                text[:at] + rnd.choice(NOISE) + text[at:],
            )
        )
    return text[:6000]


def data(rnd: Random, depth: int = 0) -> Any:
    """JSON as a server might send it, or not."""
    kind = rnd.random()
    if depth > 4 or kind < 0.35:
        return rnd.choice(
            (None, True, 0, -1, 1.5, float("nan"), "", "stop", "length", hostile(rnd)[:200], [], {})
        )
    if kind < 0.5:
        return [data(rnd, depth + 1) for _ in range(rnd.randint(0, 3))]
    names = [
        "choices",
        "message",
        "content",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "index",
        "type",
        "delta",
        "error",
        "code",
        "finish_reason",
        "reasoning",
        "usage",
        "role",
        "detail",
        "reasoning_details",
        "output",
        "candidates",
        "parameters",
        "custom",
        "input",
        "tool_call_id",
        "text",
        "thinking",
        "logprobs",
        "token_ids",
        "refusal",
        "function_call",
    ]
    return {rnd.choice(names): data(rnd, depth + 1) for _ in range(rnd.randint(1, 5))}


def dialect_data(rnd: Random, depth: int = 0) -> Any:
    """JSON in the words of Responses and Messages, or not."""
    kind = rnd.random()
    if depth > 4 or kind < 0.3:
        odd: tuple[Any, ...] = (
            None,
            True,
            0,
            1,
            -1,
            1.5,
            float("nan"),
            "",
            [],
            {},
            hostile(rnd)[:80],
        )
        return rnd.choice((*odd, *KINDS, *KINDS))
    if kind < 0.5:
        return [dialect_data(rnd, depth + 1) for _ in range(rnd.randint(0, 3))]
    found = {rnd.choice(FIELDS): dialect_data(rnd, depth + 1) for _ in range(rnd.randint(1, 6))}
    return {"type": rnd.choice(KINDS), **found} if rnd.random() < 0.7 else found


def mutated(rnd: Random, value: Any) -> Any:
    """The value with some of its parts dropped, swapped or replaced."""
    chance = rnd.random()
    if chance < 0.02:
        return dialect_data(rnd, 3)
    if isinstance(value, dict):
        kept = {key: mutated(rnd, inner) for key, inner in value.items() if rnd.random() > 0.02}
        return {**kept, rnd.choice(FIELDS): dialect_data(rnd, 4)} if chance < 0.05 else kept
    if isinstance(value, list):
        kept_items = [mutated(rnd, inner) for inner in value if rnd.random() > 0.03]
        return kept_items[::-1] if chance < 0.04 else kept_items
    return value


def dialect_answer(rnd: Random) -> None:
    row = rnd.choice(DIALECTS)
    body = json.loads(row["body"]) if row.get("body") else {}
    obj = mutated(rnd, body) if rnd.random() < 0.5 else dialect_data(rnd)
    read = ak.read_response(obj, rnd.choice((None, TOOLS)), rnd.choice(get_args(Policy)))
    json.dumps([call.raw_arguments for call in read.tool_calls])
    assert repr(read)
    assert ak.read_response(read.exchange) == ak.read_response(read.exchange)


def dialect_stream(rnd: Random) -> None:
    """Events of a recorded kind, changed, in any order and cut anywhere."""
    text = "".join(text for _, text in rnd.choice(DIALECTS).get("chunks") or ())
    text = text or rnd.choice(STREAMS)
    lines = [line for line in text.splitlines() if line.startswith("data: {")]
    given = [value for line in lines if (value := _loaded(line[6:])) is not None]
    changed = [mutated(rnd, event) for event in given]
    events = rnd.sample(changed, len(changed)) if rnd.random() < 0.1 else changed
    events += [dialect_data(rnd) for _ in range(rnd.randint(0, 3))]
    raw = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode(
        errors="surrogatepass"
    )
    cuts = sorted(rnd.randint(0, len(raw)) for _ in range(4))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    whole = ak.read_stream(raw, TOOLS)
    assert ak.read_stream(pieces, TOOLS) == whole
    growing = Growing()
    for part in pieces:
        growing.feed(part)
    assert isinstance(growing.calls, tuple)
    assert repr(whole)
    assert ak.read_stream(events) is not None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def parse(rnd: Random) -> None:
    text, name = hostile(rnd), rnd.choice(READINGS)
    parser = ak.parsers.get_parser(name)
    whole = parser.parse(text, rnd.choice((None, TOOLS)))
    for call in whole.tool_calls:
        assert call.span is not None
        assert 0 <= call.span[0] <= call.span[1] <= len(text)
        assert call.raw_arguments in text or call.status == "invalid"
    pieces = parser.incremental()
    at = 0
    while at < len(text):
        step = rnd.choice((1, 3, 17, 400))
        pieces.feed(text[at : at + step])
        at += step
    assert pieces.finish().tool_calls == parser.parse(text).tool_calls


def split(rnd: Random) -> None:
    ak.parsers.get_reasoning_parser(rnd.choice(sorted(REASONING))).parse(hostile(rnd))


def guess(rnd: Random) -> None:
    text = hostile(rnd)
    assert set(ak.parsers.detect(text)) <= set(FORMATS)
    ak.parsers.has_call_markup(text)


def answer(rnd: Random) -> None:
    obj = rnd.choice((data, hostile))(rnd)
    policy = rnd.choice(get_args(Policy))
    read = ak.read_response(
        obj,
        rnd.choice((None, TOOLS)),
        policy,
        parser=rnd.choice((None, "hermes", "qwen3_coder", "kimi_k2")),
    )
    assert ak.read_response(read.exchange, policy=policy) == ak.read_response(
        read.exchange, policy=policy
    )


def stream(rnd: Random) -> None:
    events = "".join(f"data: {json.dumps(data(rnd))}\n\n" for _ in range(rnd.randint(0, 5)))
    raw = (rnd.choice(STREAMS) + events + hostile(rnd) if rnd.random() < 0.5 else events).encode(
        errors="surrogatepass"
    )
    cuts = sorted(rnd.randint(0, len(raw)) for _ in range(5))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert ak.read_stream(pieces) == ak.read_stream(raw)
    growing = Growing()
    for part in pieces:
        growing.feed(part)
    assert isinstance(growing.calls, tuple)


def failure(rnd: Random) -> None:
    body = rnd.choice(
        (
            hostile(rnd),
            json.dumps(data(rnd)),
            data(rnd),
            None,
            b"\xff\xfe",
            hostile(rnd).encode(errors="replace"),
        )
    )
    error = ak.read_error(
        rnd.choice((None, 0, 200, 302, 400, 404, 429, 500, 529, 999)),
        rnd.choice((None, {}, {"retry-after": hostile(rnd)[:20]})),
        body,
    )
    assert error.kind


def arguments(rnd: Random) -> None:
    raw = rnd.choice((hostile, data))(rnd)
    read = read_arguments(
        raw,
        parameters=rnd.choice((None, TOOLS[0]["function"]["parameters"], {"type": data(rnd)})),
        policy=rnd.choice(get_args(Policy)),
    )
    assert read.value is None or isinstance(read.value, dict)


def history(rnd: Random) -> None:
    for problem in ak.preflight(
        [data(rnd) for _ in range(rnd.randint(0, 4))], rnd.choice(sorted(PROFILES))
    ):
        assert problem.code


TARGETS: dict[str, Callable[[Random], None]] = {
    function.__name__: function
    for function in (
        *(parse, split, guess, answer, stream, failure, arguments, history),
        *(dialect_answer, dialect_stream),
    )
}


def run(target: str, seed: int) -> float:
    """The processor time one example took."""
    began = time.process_time()
    TARGETS[target](Random(seed))
    return time.process_time() - began


@pytest.mark.parametrize("target", TARGETS)
@given(seed=st.integers(0, 2**63))
@settings(max_examples=examples(40), deadline=None)
def test_nothing_raises_and_nothing_runs_away(target: str, seed: int) -> None:
    assert run(target, seed) < SLOWEST


def main(seconds: float) -> None:
    first = time.time_ns()
    ends, seeds = time.monotonic() + seconds, Random(first)
    count, slowest = Counter[str](), dict.fromkeys(TARGETS, (0.0, 0))
    while time.monotonic() < ends:
        for target in TARGETS:
            seed = seeds.getrandbits(63)
            try:
                slowest[target] = max(slowest[target], (run(target, seed), seed))
            except Exception as exc:
                print(
                    f"{target} with seed {seed}: {type(exc).__name__}: {str(exc)[:300]}", flush=True
                )
            count[target] += 1
    print(f"from {first}: {sum(count.values())} examples: {dict(count)}; slowest: {slowest}")


if __name__ == "__main__":
    main(float(sys.argv[1]))
