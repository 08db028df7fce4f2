"""What a frame of a file costs in each dialect, of answers in a block and streamed, in CPU time.

    python -m tests.benchmarks.frame_cost 400 FOLDER

Constructed rollouts of ten turns are written there where they are not yet; a process of another
checkout measures the same files. It prints milliseconds a rollout, the least of three, beside those
that `json.loads` of the lines takes, and checks nothing.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.dialects.codecs import CODECS
from agentkit.read.plain import compact_json
from agentkit.read.response import read_response
from agentkit.servers.arrival import Arrival
from tests.benchmarks.kept_memory import answer, lookup, pieces

FRAMES = ("turns_df", "tool_calls_df", "messages_df", "problems_df")
_DELTA = 5
"""Characters of a delta, about a token."""


class Model:
    """A server of this process that answers in a dialect."""

    profile = None

    def __init__(self, dialect: Any) -> None:
        self.dialect = dialect

    async def chat(self, call: Any, emit: Any = None) -> Any:
        """Answer with a call, and with a text at the end."""
        turn = sum(message["role"] == "assistant" for message in call.messages)
        body = answer(call.messages[0]["content"], turn)
        arrival = Arrival(clock=time.time, stream=call.stream, url="http://127.0.0.1:8000/v1/x")
        kind = "text/event-stream" if call.stream else "application/json"
        arrival.answered(200, {"content-type": kind})
        for piece in written(self.dialect, body, call.stream):
            arrival.feed(piece)
        return arrival.exchange()


def written(dialect: str, body: dict[str, Any], stream: bool) -> list[bytes]:
    """Write an answer in a dialect, in one piece or an event a piece."""
    if dialect == "chat":
        return pieces(body) if stream else [compact_json(body).encode()]
    codec, response = CODECS[dialect], read_response(body)
    if not stream:
        return [compact_json(codec.body_out(response)).encode()]
    events = enumerate(_finer(codec.events_out(response)))
    numbered = ({**e, "sequence_number": n} if "sequence_number" in e else e for n, e in events)
    return [f"event: {e['type']}\ndata: {compact_json(e)}\n\n".encode() for e in numbered]


def _finer(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Cut the deltas of events into tokens."""
    for event in events:
        delta = event.get("delta")
        inner: dict[str, Any] = delta if isinstance(delta, dict) else {}
        name = next((n for n in ("text", "thinking", "partial_json") if inner.get(n)), None)
        whole: Any = inner[name] if name else delta
        if not isinstance(whole, str) or not whole:
            yield event
            continue
        for at in range(0, len(whole), _DELTA):
            part = whole[at : at + _DELTA]
            yield {**event, "delta": {**inner, name: part} if name else part}


def write(path: Path, dialect: str, stream: bool, count: int) -> None:
    """Run rollouts, and save them."""
    agent = ak.Agent("Qwen/Qwen3-8B", tools=[lookup], server=Model(dialect), stream=stream)
    ak.save(list(ak.rollouts(agent, [f"prompt {at}" for at in range(count)])), path)


def spent(ask: Callable[[], Any]) -> float:
    """Measure the least CPU seconds of three."""
    found = []
    for _ in range(3):
        gc.collect()
        begun = time.process_time()
        ask()
        found.append(time.process_time() - begun)
    return min(found)


def main() -> None:
    """Write what is missing, and measure."""
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for dialect in ("chat", "responses", "messages"):
        for form in ("block", "streamed"):
            path = folder / f"{dialect}-{form}-{count}.jsonl"
            if not path.exists():
                write(path, dialect, form == "streamed", count)
            lines = path.read_bytes().splitlines()
            cost = {"json.loads": spent(lambda lines=lines: [*map(json.loads, lines)])}  # type: ignore[misc]
            for name in FRAMES:
                cost[name] = spent(lambda name=name, path=path: getattr(ak, name)(path))  # type: ignore[misc]
            told = ", ".join(f"{name} {1e3 * took / count:.2f}" for name, took in cost.items())
            print(f"{dialect:9} {form:8} ms CPU a rollout: {told}", flush=True)


if __name__ == "__main__":
    main()
