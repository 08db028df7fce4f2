"""What the tests of the debugger share: two tools, answers that call them, and a debugger over a
script.
"""

from __future__ import annotations

from typing import Any

import agentkit as ak
from agentkit.testing import ScriptedServer, calls, says

RAN: list[int] = []
"""What `double` has been run with."""


def double(n: int) -> int:
    """Double it.

    Args:
        n: the number
    """
    RAN.append(n)
    return 2 * n


def fail(n: int) -> int:
    """Fail."""
    raise LookupError(f"no {n}")


ONE = says(None, calls("double", n=1))
TWO = says("both", calls("double", n=1), calls("double", n=2))
THREE = says("three", calls("double", n=1), calls("double", n=2), calls("double", n=3))
DONE = says("done")
FOUND = says('<tool_call>{"name": "double", "arguments": {"n": 5}}</tool_call>')


def debugger(*script: Any, prompt: Any = "go", approve: Any = (), **options: Any) -> ak.Debugger:
    """A debugger over scripted answers; the tools it has run so far are forgotten."""
    RAN.clear()
    agent = ak.Agent("m", tools=[double, fail], server=ScriptedServer(list(script)), **options)
    return ak.debug(agent, prompt, approve=approve)


def asked(dbg: ak.Debugger) -> int:
    """How often the server has been asked."""
    server = dbg.agent.server
    assert isinstance(server, ScriptedServer)
    return len(server.calls)


def statuses(turn: Any) -> list[str | None]:
    return [result and result.status for result in turn.results]
