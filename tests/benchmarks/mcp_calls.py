"""Calls of tools of MCP servers: how long one takes, and whether any hangs.

    python -m tests.benchmarks.mcp_calls 'uvx mcp-server-time' get_current_time '{"timezone": "UTC"}'
    python -m tests.benchmarks.mcp_calls http://127.0.0.1:3001/mcp echo '{"message": "a"}' --kernel

Each call is one of a rollout, which a scripted model makes: in a synchronous `dbg.run()`, in async
rollouts at once, and with `--kernel` in a cell of a real kernel. Without a server, that of the
tests is called, over its pipes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.testing import ScriptedServer, by_turn, calls, says

PROGRAM = Path(__file__).parents[1] / "agent" / "tools" / "mcp" / "weather_server.py"
CELL = "from tests.benchmarks.mcp_calls import measure\nmeasure({arguments})"


def agent(tools: Any, tool: str, arguments: dict[str, Any], turns: int, side: int) -> ak.Agent:
    """An agent that makes so many calls side by side in each of its turns."""
    asked = says(None, *(calls(tool, **arguments) for _ in range(side)))
    script = by_turn(*[asked] * turns, says("done"))
    return ak.Agent("m", tools=[*tools], server=ScriptedServer(script), max_turns=turns + 1)


def told(manner: str, rollouts: list[ak.Trajectory], seconds: float) -> None:
    """Print what came of the calls."""
    results = [r for t in rollouts for turn in t.turns for r in turn.tool_results]
    waits = sorted(1000 * (r.elapsed or 0) for r in results)
    states = dict(Counter(r.status for r in results))
    middle, late = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    whole = 1000 * seconds / len(results)
    times = f"{middle:.2f} ms a call (median; 99 %: {late:.2f}), {whole:.2f} ms with the rollout"
    print(f"{manner:32} {len(results):,} calls {states}: {times}", flush=True)
    for error in {r.error for r in results if r.error}:
        print(f"    {error}")


def measure(server: Any, tool: str, arguments: dict[str, Any], number: int = 1000) -> None:
    """Make so many calls in each manner, and print how long they took."""
    began = time.perf_counter()
    with ak.mcp(server) as tools:
        print(f"{tools!r}: opened in {time.perf_counter() - began:.2f} s")
        name = tools[tool].name
        began = time.perf_counter()
        dbg = ak.debug(agent(tools, name, arguments, number, 1), "go")
        dbg.run()
        told("dbg.run(), one by one", [dbg.trajectory], time.perf_counter() - began)
        began = time.perf_counter()
        dbg = ak.debug(agent(tools, name, arguments, number // 10, 10), "go")
        dbg.run()
        told("dbg.run(), ten side by side", [dbg.trajectory], time.perf_counter() - began)
        began = time.perf_counter()
        made = agent(tools, name, arguments, 10, 1)
        found = ak.rollouts(made, ["go"], n=number // 10, concurrency=32, progress=False)
        told("32 rollouts at once", list(found), time.perf_counter() - began)
    print(f"closed; standard error: {sum(map(len, tools.stderr.values()))} characters")


def in_kernel(arguments: str) -> None:
    """Do the same in a cell of a kernel of its own, whose loop is running."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        code = CELL.format(arguments=arguments)
        reply = client.execute_interactive(code, timeout=600)
        print("kernel:", reply["content"]["status"])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    """Read the command line, and measure."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("server", nargs="?", default=json.dumps([sys.executable, str(PROGRAM)]))
    reader.add_argument("tool", nargs="?", default="add")
    reader.add_argument("arguments", nargs="?", default='{"a": 1, "b": 2}')
    reader.add_argument("--number", type=int, default=1000)
    reader.add_argument("--kernel", action="store_true", help="in a cell of a real kernel")
    given = reader.parse_args()
    server = json.loads(given.server) if given.server.startswith("[") else given.server
    values = (server, given.tool, json.loads(given.arguments), given.number)
    if given.kernel:
        in_kernel(", ".join(map(repr, values)))
    else:
        measure(*values)


if __name__ == "__main__":
    main()
