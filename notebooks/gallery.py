"""Every view in its states, for the reference notebook, the screenshots and the tests of looks.

All of it is constructed: scripted answers, made-up tools, a clock that repeats, so that each state
is the same at every run. What real servers sent is marked as captured.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import agentkit as ak
from agentkit.dialects.codecs import CODECS
from agentkit.testing import FixedClock, ScriptedServer, by_turn, calls, says

try:
    from notebooks import watched_agents
    from notebooks.dialect_answers import MESSAGES, RESPONSES
except ModuleNotFoundError:  # in a notebook, whose folder is the first that is looked in
    import watched_agents
    from dialect_answers import MESSAGES, RESPONSES

Thing = TypeVar("Thing")
CASSETTES = Path(__file__).parent / "cassettes"
START = 1_700_000_000.0
PRICES = {"input": 2.5, "cached": 1.25, "output": 10.0}
SYSTEM = "You book trains. Pay only what the traveller has agreed to."
PROMPT = "Book me the cheapest train from Oslo to Bergen on Friday, and mail me the ticket."


def find_trains(start: str, end: str, day: str) -> list[dict[str, Any]]:
    """Trains between two cities.

    Args:
        start: where the journey begins
        end: where it ends
        day: the day of the week
    """
    hours = (6, 8, 12, 16, 23)
    return [
        {"train": f"R{hour}", "from": start, "to": end, "leaves": f"{hour:02}:25", "price": price}
        for hour, price in zip(hours, (549, 899, 749, 899, 399), strict=True)
    ]


def pay(amount: float, currency: str = "NOK") -> dict[str, Any]:
    """Pay from the traveller's account.

    Args:
        amount: how much
        currency: three letters
    """
    if amount > 500:
        print(f"asked the bank for {amount:.2f} {currency}\nit said no")
        raise PermissionError(f"{amount:.2f} is above the limit of 500.00")
    return {"paid": amount, "currency": currency, "receipt": "R-1042"}


def send_mail(to: str, subject: str, body: str = "") -> str:
    """Send a mail.

    Args:
        to: the address
        subject: one line
        body: the text
    """
    return f"sent to {to}"


# its traceback is shown: the same on every machine
pay.__code__ = pay.__code__.replace(co_filename="pay.py", co_firstlineno=9)
TOOLS = [find_trains, pay, send_mail]
LOOK = says(
    "I look for trains first.",
    calls("find_trains", start="Oslo", end="Bergen", day="Friday"),
    reasoning="I need the trains of Friday before I can say which is the cheapest.",
)
BUY = says(
    "The night train at 23:25 is the cheapest, 399 NOK.",
    calls("pay", amount=399),
    calls("send_mail", to="anna@example.org", subject="Your ticket"),
    reasoning="R23 costs 399, which is below the limit. I pay it and mail the ticket. " * 4,
)
BUY_WRONG = says(
    "I take the 12:25.",
    calls("pay", amount=749),
    calls("send_mail", to="anna@example.org", subject="Your ticket"),
)
DONE = says("Your ticket for the 23:25 is paid and on its way to anna@example.org.")
SORRY = says("I could not pay: 749 NOK is above your limit of 500 NOK.")


def agent(*script: Any, tools: Any = TOOLS, **options: Any) -> ak.Agent:
    """An agent that follows a script, with a clock that repeats."""
    clock = FixedClock(start=START, tick=0.05)
    server = ScriptedServer(list(script), clock=clock)
    options = {"prices": PRICES, "system": SYSTEM, "retries": 0, **options}
    return ak.Agent("travel-8b", tools, server=server, clock=clock, parallel_tools=False, **options)


def debugger(*script: Any, approve: Any = (), **options: Any) -> ak.Debugger:
    """A debugger over such an agent, at its start."""
    return ak.debug(agent(*script, **options), PROMPT, approve=approve)


def quiet(state: Callable[[], Thing]) -> Callable[[], Thing]:
    """Keep what tools print on their results alone, not in the cell."""

    @functools.wraps(state)
    def made() -> Thing:
        with contextlib.redirect_stdout(io.StringIO()):
            return state()

    return made


# the debugger


def ready() -> ak.Debugger:
    """A debugger before its first step."""
    return debugger(LOOK, BUY, DONE)


def paused() -> ak.Debugger:
    """A debugger that waits for approval of two calls."""
    dbg = debugger(LOOK, BUY, DONE, approve=["pay", "send_mail"])
    dbg.breakpoints.add(ak.break_on.tool("pay", where="amount > 100"))
    dbg.breakpoints.add(ak.break_on.problem())
    dbg.run()
    return dbg


def ended() -> ak.Debugger:
    """A rollout that went well."""
    dbg = debugger(LOOK, BUY, DONE)
    dbg.run()
    return dbg


@quiet
def failed_tool() -> ak.Debugger:
    """A rollout with a tool that raised."""
    dbg = debugger(LOOK, BUY_WRONG, SORRY)
    dbg.run()
    return dbg


TORN = {"type": "function", "function": {"name": "pay", "arguments": '{"amount": 399, "curr'}}
TYPED = {"type": "function", "function": {"name": "pay", "arguments": '{"amount": "399"}'}}


def problems() -> ak.Debugger:
    """A rollout whose answers have problems of every severity."""
    in_text = 'I pay now. <tool_call>{"name": "pay", "arguments": {"amount": 399}}</tool_call>'
    dbg = debugger(
        LOOK,
        says(None, TORN, calls("payy", amount=399)),
        says(None, TYPED),
        says(in_text, finish_reason="stop"),
    )
    dbg.run()
    return dbg


def server_failed() -> ak.Debugger:
    """A rollout whose second request was refused, twice."""
    refused = (
        503,
        {"error": {"message": "The model is overloaded. Try again later.", "type": "overloaded"}},
    )
    dbg = debugger(LOOK, refused, refused)
    dbg.run()
    dbg.run()
    return dbg


class HeldServer:
    """Sends the pieces of an answer and then nothing more, so that it can be looked at."""

    profile = None
    streams = True

    def __init__(self, *pieces: str, first: Any = ()) -> None:
        self.first = ScriptedServer(list(first), clock=FixedClock(start=START))
        self.turns = len(first)
        self.pieces = pieces

    async def chat(self, call: Any, emit: Any = None) -> Any:
        """Play the first answers, then send the pieces and wait to be stopped."""
        turn = sum(message.get("role") == "assistant" for message in call.messages)
        if turn < self.turns:
            return await self.first.chat(call)
        for number, text in enumerate(self.pieces):
            emit(ak.Chunk(at=round(0.2 + number / 50, 3), text=text))
        await asyncio.sleep(600)
        return None


def pieces_of(message: dict[str, Any], size: int = 12) -> list[str]:
    """Cut a message into the pieces of a stream."""
    deltas = []
    for name in ("reasoning", "content"):
        text = message.get(name) or ""
        deltas += [{name: text[at : at + size]} for at in range(0, len(text), size)]
    for index, call in enumerate(message.get("tool_calls", ())):
        given = {**call, "index": index, "id": f"call_{index}"}
        deltas.append({"tool_calls": [given]})
    return [f"data: {json.dumps({'choices': [{'index': 0, 'delta': d}]})}\n\n" for d in deltas]


def answering() -> ak.Debugger:
    """A debugger in the middle of an answer; `dbg.stop()` ends it."""
    message = {
        "reasoning": "R23 costs 399, which is below the limit.",
        "content": "The night train at 23:25 is the cheapest: **399 NOK**. I pay it now",
    }
    server = HeldServer(*pieces_of(message), first=[LOOK])
    clock = FixedClock(start=START)
    made = ak.Agent("travel-8b", TOOLS, server=server, system=SYSTEM, prices=PRICES, clock=clock)
    return in_flight(made, server)


def in_flight(made: ak.Agent, server: HeldServer) -> ak.Debugger:
    """A debugger whose server has sent all pieces and is silent."""
    dbg = ak.debug(made, PROMPT)
    seen = []
    end = dbg.watch(lambda event: seen.append(type(event).__name__))
    dbg.start()
    _until(lambda: seen.count("Streamed") == len(server.pieces))
    end()
    return dbg


def stopped() -> ak.Debugger:
    """A debugger that was stopped in the middle of an answer: what came is kept."""
    dbg = answering()
    dbg.stop()
    _until(lambda: not dbg.running)
    return dbg


def pausing() -> ak.Debugger:
    """A debugger that will pause when the answer that is coming is there."""
    dbg = answering()
    dbg.pause()
    _until(lambda: dbg.pausing)
    return dbg


def _until(holds: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)


@quiet
def branched() -> ak.Debugger:
    """A debugger with a tree: an edit, three samples of a turn, a fork."""
    dbg = debugger(LOOK, BUY_WRONG, SORRY, BUY, BUY_WRONG, BUY, DONE, DONE)
    dbg.run()
    dbg.edit(turn=1, call=0, arguments={"amount": 399})
    dbg.switch("main")
    dbg.rerun(1, n=3)
    dbg.run()
    return dbg


def noted() -> ak.Debugger:
    """A rollout with notes and labels."""
    dbg = failed_tool()
    dbg.label("wrong train").note("It never compared the prices.", turn=1)
    return dbg.label("over the limit", turn=1, call=0)


@quiet
def long() -> ak.Debugger:
    """Twelve turns; the seventh pays the wrong amount."""
    looks = [
        says(None, calls("find_trains", start="Oslo", end=city, day="Friday"))
        for city in ("Bergen", "Voss", "Myrdal", "Finse", "Geilo", "Drammen")
    ]
    mails = [
        says(f"Part {n} of the journey.", calls("send_mail", to="anna@example.org", subject=f"{n}"))
        for n in range(4)
    ]
    wrong = says("I pay all of it at once.", calls("pay", amount=1249))
    dbg = debugger(*looks, wrong, *mails, SORRY)
    dbg.run()
    return dbg


def png(width: int, height: int) -> str:
    """A small picture: stripes, as base64."""

    def part(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    stripe = bytes(
        v for x in range(width) for v in ((40, 120, 200) if x // 8 % 2 else (240, 200, 60))
    )
    rows = b"".join(b"\x00" + stripe for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    whole = part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + whole).decode()


TEXT = """## What I found

Two trains are **below 600 NOK**, the others are not:

| train | leaves | price |
| --- | --- | ---: |
| R23 | 23:25 | 399 |
| R6 | 06:25 | 549 |

1. The *night* train is cheaper.
2. The morning train is quicker, see <https://example.org> or [here](https://example.org).

```python
def cheapest(trains):
    return min(trains, key=lambda train: train["price"])  # the first of several
```

> Prices of today. They change `hourly`.
"""


def content() -> ak.Debugger:
    """Markdown, code, tables, a picture, long texts, records, white space that matters."""
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png(96, 48)}"}}
    prompt = [{"role": "user", "content": [{"type": "text", "text": "Which of these?"}, picture]}]

    def read_page(url: str, keep: bool = False) -> str:
        """Read a page."""
        return "Departures\n\n" + "\n".join(f"{n:>4}  R{n % 24}\ttrack {n % 9}" for n in range(600))

    script = [
        says(None, calls("find_trains", start="Oslo", end="Bergen", day="Friday")),
        says(None, calls("read_page", url="https://example.org/departures", keep=True)),
        says(TEXT),
    ]
    dbg = ak.debug(agent(*script, tools=[*TOOLS, ak.tool(read_page)]), prompt)
    dbg.run()
    return dbg


# the other dialects


def events_of(body: dict[str, Any]) -> list[str]:
    """Write an answer as the events that its server streams."""
    answer = ak.read_response(body)
    events = CODECS[answer.dialect].events_out(answer)
    return [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events]


def streamed(body: dict[str, Any]) -> ak.Exchange:
    """An answer as it comes when it is streamed, event by event."""
    found = [ak.Chunk(at=round(0.1 + i / 60, 3), text=t) for i, t in enumerate(events_of(body))]
    kind = (("content-type", "text/event-stream"),)
    return ak.Exchange(
        status=200, chunks=tuple(found), headers=kind, elapsed=found[-1].at, started=START
    )


def responses() -> ak.Debugger:
    """A rollout of OpenAI Responses: server steps, sealed reasoning, citations, a refusal."""
    dbg = debugger(*map(streamed, RESPONSES), dialect="responses")
    dbg.run()
    return dbg


def messages() -> ak.Debugger:
    """A rollout of Anthropic Messages: thinking, signed and not, and what the server ran."""
    dbg = debugger(*MESSAGES, dialect="messages")
    dbg.run()
    return dbg


def answering_messages() -> ak.Debugger:
    """A debugger in the middle of an answer of Anthropic Messages."""
    server = HeldServer(*events_of(MESSAGES[0])[:-4])
    clock = FixedClock(start=START)
    made = ak.Agent("travel-8b", TOOLS, server=server, dialect="messages", clock=clock)
    return in_flight(made, server)


# many rollouts


@quiet
def batch() -> Any:
    """Twelve rollouts of four prompts, with rewards: some fail, some end badly."""
    cities = ("Bergen", "Voss", "Narvik", "Oslo")

    def script(messages: list[dict[str, Any]]) -> Any:
        asked = next(m["content"] for m in messages if m["role"] == "user")
        if "Narvik" in asked:
            return 503, {"error": {"message": "overloaded"}}
        wrong = "Voss" in asked
        return by_turn(LOOK, BUY_WRONG if wrong else BUY, SORRY if wrong else DONE)(messages)

    clock = FixedClock(start=START)
    server = ScriptedServer(script, clock=clock)
    made = ak.Agent(
        "travel-8b", TOOLS, server=server, clock=clock, prices=PRICES, retries=0,
        parallel_tools=False, sampling={"temperature": 0.7},
    )  # fmt: skip
    prompts = [{"prompt": f"Book me a train to {city}.", "city": city} for city in cities]
    return ak.rollouts(
        made, prompts, n=3, concurrency=1, progress=False, reward=lambda t: _reward(t)
    )


def _reward(trajectory: ak.Trajectory) -> float | None:
    paid = [r.status for turn in trajectory.turns for r in turn.tool_results if r.name == "pay"]
    return None if trajectory.final is None else float(paid == ["ok"])


def table() -> Any:
    """The table of these rollouts."""
    return ak.explore(batch(), title="trains, twelve rollouts")


def captured_table() -> Any:
    """Captured: many rollouts of a small model on vLLM 0.32."""
    return ak.explore(CASSETTES / "vllm_many_rollouts.jsonl", title="four settings")


@quiet
def conversation() -> Any:
    """A rollout alone, without a debugger."""
    return ak.rollout(agent(LOOK, BUY_WRONG, SORRY), PROMPT)


def branches() -> Any:
    """The tree of a debugger's branches."""
    return branched().tree


def recording() -> Any:
    """Captured: what a file of rollouts holds."""
    return ak.cassette.index(CASSETTES / "vllm_compare_weather.jsonl")


def examined() -> Any:
    """Captured: what keeps a file from being repeated."""
    return ak.cassette.doctor(CASSETTES / "vllm_rollouts.jsonl")


def reasoning() -> Any:
    """Captured: what a small model thought."""
    return ak.view(ak.load(CASSETTES / "vllm_rollouts.jsonl", all=True)[:3]).reasoning


def nothing_found() -> Any:
    """A table whose filter leaves no row."""
    return table().filter("reward>5")


# beside each other


def comparison() -> Any:
    """Captured, and one side constructed: two servers that differ."""
    sides = {
        "reasoning parser": CASSETTES / "04_vllm_hermes_qwen3.jsonl",
        "openai (constructed)": CASSETTES / "04_openai_shaped_constructed.jsonl",
    }
    return ak.compare(sides)


def comparison_equal() -> Any:
    """Captured: a file beside itself."""
    same = CASSETTES / "04_vllm_hermes_qwen3.jsonl"
    return ak.compare({"once": same, "again": same})


class CheckedServer(ScriptedServer):
    """Answers a check well in chat, badly in Responses, and knows Messages only as blocks."""

    async def chat(self, call: Any, emit: Any = None) -> Any:
        """Answer by the question, the dialect and the form."""
        asked = next(m["content"] for m in call.messages if m["role"] == "user")
        limit = call.fields.get("max_tokens")
        if isinstance(limit, int) and limit < 0:
            self._script = [(400, {"error": {"message": "max_tokens must be at least 1"}})]
        elif call.dialect == "messages" and call.fields.get("logprobs"):
            self._script = [(400, {"error": {"message": "logprobs: Extra inputs", "code": 400}})]
        elif call.dialect == "responses" and "Hello" in asked:
            self._script = ["Hello! How can I help?"]
        elif call.dialect == "messages" and "12 plus" in asked:
            self._script = [says('<tool_call>{"name": "add"}</tool_call>')]
        elif any(m["role"] == "tool" for m in call.messages) or "Rome?" in asked:
            self._script = ["It is cloudy, 12 degrees."]
        else:
            self._script = [says(None, calls("get_weather", city="Oslo"))]
        self._count = 0
        return await super().chat(call, emit)


def server_check() -> Any:
    """What a check says of a server: three dialects, block and stream."""
    server = CheckedServer([], clock=FixedClock(start=START))
    return ak.check(server, "travel-8b", progress=False, concurrency=1)


def difference() -> Any:
    """Two rollouts, one of which paid too much."""
    return ak.diff(failed_tool(), ended(), names=("above the limit", "below it"))


def tree() -> Any:
    """Samples of one prompt."""
    return ak.sample_tree(list(batch())[:6])


def tokens() -> Any:
    """Captured: a rollout with token ids and logprobs, whose prompt does not go on from what was
    sampled.
    """
    return ak.tokens(ak.load(CASSETTES / "vllm_tokens.jsonl", all=True)[0])


def tokens_mask() -> Any:
    """Captured: the same, by what is trained."""
    return ak.tokens(ak.load(CASSETTES / "vllm_tokens.jsonl", all=True)[0], metric="mask")


def no_tokens() -> Any:
    """A rollout without token ids."""
    return ak.tokens(ended().trajectory)


def checks() -> Any:
    """Captured: what does not go on from what was sampled."""
    return ak.prefix_check(ak.load(CASSETTES / "vllm_tokens.jsonl", all=True)[0])


# other agents


def nothing_seen() -> Any:
    """A tap that no agent has been led to."""
    return tapped()[0]


def watching() -> Any:
    """Constructed: a tap that has seen a rollout with a label, and holds the answer of another."""
    tap, _ = tapped()
    watched_agents.with_openai(tap.url_for("run-7"), asked("A hotel in Oslo, below 120 EUR."))
    tap.hold(ak.break_on.tool("pay"))
    run_beside(tap, "Two days in Oslo or Bergen next week, whichever is drier.")
    return tap


def request_waits() -> Any:
    """Constructed: a tap that holds a request before it leaves."""
    tap, _ = tapped()
    tap.hold(ak.break_on.request())
    run_beside(tap, "A hotel in Bergen.")
    return tap


def tapped() -> tuple[Any, Any]:
    """A tap on a reference server; `end_of` ends both."""
    server = ak.testing.serve(watched_agents.answers).start()
    tap = ak.watch(server.url)
    _SERVERS[id(tap)] = server
    return tap, server


_SERVERS: dict[int, Any] = {}
"""The server behind each tap, by its identity."""


def asked(prompt: str) -> dict[str, Any]:
    """A first request of an agent with two tools."""
    tools = [ak.tool(each).schema for each in (watched_agents.search_hotels, watched_agents.pay)]
    return {
        "model": "travel-8b",
        "messages": [{"role": "user", "content": prompt}],
        "tools": tools,
    }


def run_beside(tap: Any, prompt: str) -> None:
    """Run an agent on a thread until what it asks, or is answered, waits."""
    import threading

    def run() -> None:
        with contextlib.suppress(Exception):  # the tap may be closed before it ends
            watched_agents.with_openai(tap.url, asked(prompt))

    threading.Thread(target=run, daemon=True).start()
    _until(lambda: bool(tap.pending) and bool(tap.rollouts))


_NAMES = """
conversation ready paused answering pausing stopped server_failed ended failed_tool
problems branched branches noted long content
responses messages answering_messages
table captured_table nothing_found recording examined reasoning
comparison comparison_equal difference tree tokens tokens_mask no_tokens checks server_check
nothing_seen watching request_waits
"""
STATES: dict[str, Callable[[], Any]] = {name: globals()[name] for name in _NAMES.split()}
"""Every state by name. What runs in one of them is ended by `end_of`."""


def end_of(thing: Any) -> None:
    """End what still runs in a state."""
    if isinstance(thing, ak.Debugger) and thing.running:
        thing.stop()
    server = _SERVERS.pop(id(thing), None)
    if server is not None:
        thing.close()
        server.stop()
