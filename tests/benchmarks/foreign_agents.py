"""Agents of other packages, unmodified, seen by `ak.watch` and answered again from its record.

Each agent runs in an environment of its own, block and streamed: directly, through the tap, and
offline from what the tap recorded. Compared are what it says at the end, which tools it ran, the
requests and answers on both sides of the tap byte for byte, the rollouts that were made of them,
and what the replay missed.

    python -m tests.benchmarks.foreign_agents                         # against the reference server
    python -m tests.benchmarks.foreign_agents --server http://localhost:8000/v1 --model m
    python -m tests.benchmarks.foreign_agents --install --envs /tmp   # make the environments

A real server answers at temperature 0, and may not say the same twice all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROMPT = "Compare the weather in Rome and Oslo."
FINAL = "Oslo is colder than Rome."
QUIET = {
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PYTHONWARNINGS": "ignore",
}
ENVIRONMENTS = {
    "oaa": ["openai-agents"],
    "lc": ["langgraph", "langchain", "langchain-openai", "langchain-anthropic"],
    "pai": ["pydantic-ai-slim[openai,anthropic]"],
    "smol": ["smolagents[openai]"],
    "sdk": ["openai", "anthropic"],
    "lite": ["litellm"],
}
TOOLS = """
import asyncio, inspect, json, os
PROMPT = {prompt!r}
MODEL = {model!r}
SYSTEM = "You are a helpful assistant."
RAN = []
def get_weather(city: str) -> str:
    "get weather"
    RAN.append(city)
    return json.dumps({{"city": city, "temp": {{"Oslo": 4, "Rome": 19}}.get(city, 12), "sky": "sunny"}})
def convert_currency(amount: int, source: str, target: str) -> str:
    "convert currency"
    RAN.append(source)
    return json.dumps({{"value": amount}})
def add(a: int, b: int) -> str:
    "add"
    RAN.append(str(a))
    return str(a + b)
def lookup(key: str) -> str:
    "lookup"
    RAN.append(key)
    return "42"
def terminal(command: str) -> str:
    "terminal"
    RAN.append(command)
    return json.dumps({{"output": "", "exit_code": 0}})
FUNCTIONS = [get_weather, convert_currency, add, lookup, terminal]
def schema(function):
    names = {{n: {{"type": "integer" if p.annotation is int else "string"}} for n, p in inspect.signature(function).parameters.items()}}
    return {{"type": "object", "properties": names, "required": list(names)}}
def call(name, arguments):
    found = {{f.__name__: f for f in FUNCTIONS}}.get(name)
    try:
        return found(**json.loads(arguments))
    except Exception as exc:
        return f"Error: {{type(exc).__name__}}"
"""
AGENTS: dict[str, tuple[str, str]] = {
    "openai-agents, Responses": (
        "oaa",
        """
from agents import Agent, ModelSettings, Runner, function_tool, set_default_openai_client
from openai import AsyncOpenAI
def run(stream):
    agent = Agent(name="weather", instructions=SYSTEM, tools=[function_tool(f) for f in FUNCTIONS], model=MODEL, model_settings=ModelSettings(temperature=0))
    async def main():
        async with AsyncOpenAI() as client:  # reads the environment anew for each run
            set_default_openai_client(client)
            if not stream:
                return (await Runner.run(agent, PROMPT)).final_output
            result = Runner.run_streamed(agent, PROMPT)
            async for _ in result.stream_events():
                pass
            return result.final_output
    return asyncio.run(main())
""",
    ),
    "langgraph, langchain-openai": (
        "lc",
        """
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
def run(stream):
    agent = create_agent(ChatOpenAI(model=MODEL, temperature=0), FUNCTIONS, system_prompt=SYSTEM)
    asked = {"messages": [{"role": "user", "content": PROMPT}]}
    if stream:
        messages = [m for m, _ in agent.stream(asked, stream_mode="messages") if m.type == "AIMessageChunk"]
        return "".join(m.text for m in messages if m.id == messages[-1].id)
    return agent.invoke(asked)["messages"][-1].content
""",
    ),
    "langgraph, langchain-anthropic": (
        "lc",
        """
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
def run(stream):
    agent = create_agent(ChatAnthropic(model=MODEL, max_tokens=200, temperature=0), FUNCTIONS, system_prompt=SYSTEM)
    asked = {"messages": [{"role": "user", "content": PROMPT}]}
    if stream:
        messages = [m for m, _ in agent.stream(asked, stream_mode="messages") if m.type == "AIMessageChunk"]
        return "".join(m.text for m in messages if m.id == messages[-1].id)
    return agent.invoke(asked)["messages"][-1].text
""",
    ),
    **{
        f"pydantic-ai, {kind}": (
            "pai",
            f"""
from pydantic_ai import Agent
def run(stream):
    agent = Agent("{kind}:" + MODEL, tools=FUNCTIONS, instructions=SYSTEM, model_settings={{"temperature": 0, "max_tokens": 200}})
    async def streamed():
        async with agent.iter(PROMPT) as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    async with node.stream(run.ctx) as events:
                        async for _ in events:
                            pass
        return run.result.output
    async def block():
        return (await agent.run(PROMPT)).output
    return asyncio.run(streamed() if stream else block())
""",
        )
        for kind in ("openai-chat", "openai-responses", "anthropic")
    },
    "smolagents": (
        "smol",
        """
from smolagents import OpenAIModel, ToolCallingAgent, tool
def run(stream):
    model = OpenAIModel(model_id=MODEL, api_base=os.environ["OPENAI_BASE_URL"], api_key=os.environ["OPENAI_API_KEY"], temperature=0)
    for f in FUNCTIONS:
        names = "".join(f"\\n    {n}: {n}" for n in inspect.signature(f).parameters)
        f.__doc__ = f"{f.__doc__.splitlines()[0]}\\n\\nArgs:{names}"
    agent = ToolCallingAgent(tools=[tool(f) for f in FUNCTIONS], model=model, stream_outputs=stream, verbosity_level=0, max_steps=5)
    return agent.run(PROMPT)
""",
    ),
    "openai, chat": (
        "sdk",
        """
import openai
def run(stream):
    client = openai.OpenAI()
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
    tools = [{"type": "function", "function": {"name": f.__name__, "description": f.__doc__, "parameters": schema(f)}} for f in FUNCTIONS]
    for _ in range(5):
        if stream:
            with client.chat.completions.stream(model=MODEL, messages=messages, tools=tools, temperature=0) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(model=MODEL, messages=messages, tools=tools, temperature=0).choices[0].message
        messages.append(message)
        if not message.tool_calls:
            return message.content
        for one in message.tool_calls:
            result = call(one.function.name, one.function.arguments)
            messages.append({"role": "tool", "tool_call_id": one.id, "content": result})
""",
    ),
    "openai, Responses": (
        "sdk",
        """
import openai
def run(stream):
    client = openai.OpenAI()
    items = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
    tools = [{"type": "function", "name": f.__name__, "description": f.__doc__, "parameters": schema(f), "strict": False} for f in FUNCTIONS]
    for _ in range(5):
        if stream:
            with client.responses.stream(model=MODEL, input=items, tools=tools, temperature=0) as events:
                answer = events.get_final_response()
        else:
            answer = client.responses.create(model=MODEL, input=items, tools=tools, temperature=0)
        items += answer.output
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        for one in calls:
            result = call(one.name, one.arguments)
            items.append({"type": "function_call_output", "call_id": one.call_id, "output": result})
""",
    ),
    "anthropic, tool_runner": (
        "sdk",
        """
import anthropic
def run(stream):
    client = anthropic.Anthropic()
    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=200, tools=[anthropic.beta_tool(f) for f in FUNCTIONS], thread=False, extra_body={"temperature": 0}, system=SYSTEM,
        messages=[{"role": "user", "content": PROMPT}], stream=stream, max_iterations=5,
    )
    last = None
    for answer in runner:
        last = answer.get_final_message() if stream else answer
    return "".join(block.text for block in last.content if block.type == "text")
""",
    ),
    **{
        f"litellm, {kind}": (
            "lite",
            f"""
import litellm
def run(stream):
    messages = [{{"role": "system", "content": SYSTEM}}, {{"role": "user", "content": PROMPT}}]
    tools = [{{"type": "function", "function": {{"name": f.__name__, "description": f.__doc__, "parameters": schema(f)}}}} for f in FUNCTIONS]
    for _ in range(5):
        answer = litellm.completion(model="{kind}/" + MODEL, messages=messages, max_tokens=200, temperature=0, tools=tools, stream=stream)
        if stream:
            answer = litellm.stream_chunk_builder(list(answer), messages=messages)
        message = answer.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            return message.content
        for one in message.tool_calls:
            result = call(one.function.name, one.function.arguments)
            messages.append({{"role": "tool", "tool_call_id": one.id, "content": result}})
""",
        )
        for kind in ("openai", "anthropic")
    },
}
CHILD = """
import contextlib, io, sys, traceback
for line in sys.stdin:
    asked = json.loads(line)
    os.environ.update(asked["env"])
    RAN.clear()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            said = {"final": str(run(asked["stream"]) or "").strip(), "ran": sorted(RAN)}
    except Exception as exc:
        traceback.print_exc()
        said = {"error": f"{type(exc).__name__}: {exc}"[:300], "ran": sorted(RAN)}
    print(json.dumps(said), flush=True)
"""


# the relay: what crosses a socket, kept


@dataclass
class Relay:
    """Passes connections on to a server, and keeps what crossed in both directions."""

    target: str
    """Host and port."""
    host: str = "127.0.0.1"
    port: int = 0
    kept: list[tuple[bytearray, bytearray]] = field(default_factory=list)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.partition(":")
        there, back = await asyncio.open_connection(host, int(port or 80))
        sent, came = bytearray(), bytearray()
        self.kept.append((sent, came))

        async def pump(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray
        ) -> None:
            try:
                while piece := await source.read(65536):
                    kept += piece
                    sink.write(piece)
                    await sink.drain()
            except OSError:
                pass
            finally:
                sink.close()

        with suppress(asyncio.CancelledError):
            await asyncio.gather(pump(reader, back, sent), pump(there, writer, came))

    @contextmanager
    def listening(self) -> Iterator[Relay]:
        """Listen on a thread of its own."""
        ready, done = threading.Event(), asyncio.Event()

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            server = await asyncio.start_server(self._connected, self.host, 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await done.wait()
            server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)

        thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(done.set)
            thread.join(5)

    def bodies(self) -> tuple[Counter[bytes], Counter[bytes]]:
        """Count the bodies that crossed: of requests, and of answers with their status."""
        sent: Counter[bytes] = Counter()
        came: Counter[bytes] = Counter()
        for there, back in self.kept:
            sent.update(body for _, body in messages(bytes(there)))
            came.update(first.split(b" ")[1] + b" " + body for first, body in messages(bytes(back)))
        return sent, came


def messages(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Cut one direction of a connection into messages: first line and body, framing taken out."""
    while b"\r\n\r\n" in raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        named = {
            k.strip().lower(): v.strip() for k, _, v in (line.partition(b":") for line in lines)
        }
        if b"chunked" in named.get(b"transfer-encoding", b"").lower():
            body = b""
            while raw:
                size, _, raw = raw.partition(b"\r\n")
                count = int(size or b"0", 16)
                if not count:
                    raw = raw.partition(b"\r\n")[2]
                    break
                body, raw = body + raw[:count], raw[count + 2 :]
        else:
            length = int(named.get(b"content-length", b"0"))
            body, raw = raw[:length], raw[length:]
        yield first, body


def moved(env: dict[str, str], port: int) -> dict[str, str]:
    """Lead the URLs of an environment over another port."""
    found = {}
    for name, value in env.items():
        if name.endswith("_BASE_URL"):
            parts = urlsplit(value)
            value = parts._replace(netloc=f"127.0.0.1:{port}").geturl()
        found[name] = value
    return found


# the agents


class Child:
    """One agent in its environment, asked to run again and again."""

    def __init__(self, name: str, envs: Path, model: str) -> None:
        where, code = AGENTS[name]
        text = TOOLS.format(prompt=PROMPT, model=model) + code + CHILD
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._folder = tempfile.TemporaryDirectory()
        source = Path(self._folder.name) / "agent.py"  # smolagents reads the text of its tools
        source.write_text(text, "utf-8")
        self._process = subprocess.Popen(
            [str(envs / f"agents-{where}" / "bin" / "python"), str(source)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **QUIET},
        )

    def run(self, env: dict[str, str], *, stream: bool) -> dict[str, Any]:
        """Run it once."""
        keys = {
            "OPENAI_API_KEY": "sk-not-a-real-key-0123456789",
            "ANTHROPIC_API_KEY": "sk-ant-not-a-real-key-0123",
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"env": {**keys, **env}, "stream": stream}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"error": "no word", "ran": []}
        return found

    def close(self) -> str:
        """End it, and give what it wrote beside its answers."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


def script(asked: list[dict[str, Any]]) -> Any:
    """Answer as a model that knows what it does."""
    from agentkit.testing import calls, says

    turn = sum(message.get("role") == "assistant" for message in asked)
    if turn == 0:
        return says("Oslo first.", calls("get_weather", city="Oslo"), reasoning="One by one.")
    if turn == 1:
        return says(None, calls("get_weather", city="Rome"), calls("get_weather", city="Bergen"))
    first = str(asked[0].get("content"))
    return says(None, calls("final_answer", answer=FINAL)) if "final_answer" in first else FINAL


def base_env(url: str) -> dict[str, str]:
    """Lead an agent to a server without the tap."""
    return {"OPENAI_BASE_URL": url, "ANTHROPIC_BASE_URL": url.removesuffix("/v1")}


@dataclass
class Row:
    """What came of one agent in one form."""

    agent: str
    form: str
    result: str = ""
    bytes: str = ""
    rollouts: str = ""
    keys: str = ""
    replay: str = ""
    other: str = ""
    """The replay asked for the other form: streamed what was recorded in block, and back."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return all(
            each.startswith("ok")
            for each in (self.result, self.bytes, self.rollouts, self.replay, self.keys)
        )


def measure(child: Child, name: str, stream: bool, server: str | None, folder: Path) -> Row:
    """Run an agent directly, tapped, and replayed."""
    import agentkit as ak

    row = Row(name, "stream" if stream else "block")
    anthropic = "anthropic" in name
    own = ak.testing.serve(script, manner="anthropic" if anthropic else "openai", seed=1)
    with nullcontext(None) if server else own as reference:
        url = server or (reference.url if reference else "")
        direct = child.run(base_env(url), stream=stream)
        record = folder / f"{name}-{row.form}.jsonl".replace(" ", "-").replace("/", "-")
        behind, before = Relay(urlsplit(url).netloc), Relay("")
        with behind.listening():
            base = moved(base_env(url), behind.port)["OPENAI_BASE_URL"]
            watch = ak.watch(base, record=record)
            before.target = urlsplit(watch.env["OPENAI_BASE_URL"]).netloc
            with before.listening():
                tapped = child.run(moved(watch.env, before.port), stream=stream)
                time.sleep(0.2)
            watch.close()
            rollouts, links = watch.rollouts, watch.links
    row.result = compared(direct, tapped)
    if server is None and tapped.get("final") != FINAL:
        row.result = f"WRONG: {tapped}"
    passed = before.bodies()
    count = sum(passed[0].values())
    row.bytes = f"ok {count}" if count and passed == behind.bodies() else "DIFFER"
    row.rollouts = of_rollouts(rollouts, Counter(link.relation for link in links))
    row.keys = "KEPT" if b"not-a-real-key" in record.read_bytes() else "ok"
    if not watch.flows:
        row.replay = "nothing was recorded"
        return row
    row.replay = replayed(child, record, stream, tapped)
    row.other = replayed(child, record, not stream, tapped)
    return row


def replayed(child: Child, record: Path, stream: bool, tapped: dict[str, Any]) -> str:
    """Run an agent against the record alone, and compare."""
    import agentkit as ak

    with ak.testing.serve(record=record) as replay:
        again = child.run(base_env(replay.url), stream=stream)
    if replay.misses or replay.unused:
        why = f": {replay.misses[0].message}" if replay.misses else ""
        return f"{len(replay.misses)} missed, {len(replay.unused)} unused{why}"
    return compared(tapped, again)


def compared(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Compare what an agent said in two runs."""
    if one != other:
        return f"DIFFER: {one} / {other}"
    return "ok, it fails alike" if "error" in other else f"ok {len(other['ran'])} calls"


def of_rollouts(rollouts: list[Any], relations: Counter[str]) -> str:
    """Say what rollouts were made of a run that is one: it begins once, and every other request
    goes on, or goes another way where the package left out an answer that was empty.
    """
    shape = ", ".join(f"{len(r.all_turns)} turns" for r in rollouts)
    problems = Counter(p.code for r in rollouts for p in r.problems)
    fits = relations["start"] == 1 and len(rollouts) == 1 + relations["branch"]
    known = relations.total() == sum(
        relations[one] for one in ("start", "continue", "branch", "retry")
    )
    told = f" {dict(problems)}" if problems else ""
    return f"{'ok' if fits and known else 'WRONG:'} {shape or 'none'}{told}"


def install(envs: Path) -> None:
    """Make the environments that are not there."""
    for name, packages in ENVIRONMENTS.items():
        where = envs / f"agents-{name}"
        if not where.exists():
            subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
            subprocess.run([str(where / "bin" / "pip"), "install", "-q", *packages], check=True)


def main() -> None:
    """Run what was asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--install", action="store_true", help="make the environments first")
    parser.add_argument("--server", help="a real server's base URL; else the reference server")
    parser.add_argument("--model", default="m")
    parser.add_argument("--only", default="", help="agents whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="print what the agents write")
    args = parser.parse_args()
    if args.install:
        install(args.envs)
    bad = 0
    head = f"{'agent':32} {'form':7} {'result':12} {'bytes':7} {'rollouts':16} {'keys':5} {'replay':12} replay in the other form"
    print(head, "-" * len(head), sep="\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in (one for one in AGENTS if args.only in one):
            child = Child(name, args.envs, args.model)
            for stream in (False, True):
                row = measure(child, name, stream, args.server, Path(folder))
                bad += not row.good
                print(
                    f"{row.agent:32} {row.form:7} {row.result:12} {row.bytes:7} {row.rollouts:16} {row.keys:5} {row.replay:12} {row.other}",
                    flush=True,
                )
            wrote = child.close()
            if args.verbose:
                print(wrote)
    sys.exit(f"{bad} rows are not right" if bad else 0)


if __name__ == "__main__":
    main()
