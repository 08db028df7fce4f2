"""`breakpoint()` in a tool. Tools run in threads and on a loop of their own, where pdb has no
prompt in a notebook and would wait for ever: there the call ends with an error and what to do.

A debugger that needs no prompt here (`PYTHONBREAKPOINT`, another `sys.breakpointhook`) is let be,
and so is pdb in a terminal, which can ask from a thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from agentkit.errors import UsageError

_PDB = ("", "pdb.set_trace")


def watch_breakpoints(in_tool: Callable[[], bool]) -> None:
    """Look at each `breakpoint()` from now on; one outside of tools goes where it went.

    Args:
        in_tool: tells whether a tool runs here.
    """
    usual = sys.__breakpointhook__
    if sys.breakpointhook is not usual:
        return

    def hook(*args: Any, **kwargs: Any) -> Any:
        if in_tool() and os.environ.get("PYTHONBREAKPOINT", "") in _PDB and not _has_prompt():
            raise UsageError(
                "breakpoint() in a tool has no prompt here: tools run in threads",
                hint="call the tool in a cell, where it has one: dbg.agent.tools['NAME'](...)."
                " To look at the call before it runs: ak.break_on.tool('NAME')",
            )
        return usual(*args, **kwargs)

    sys.breakpointhook = hook


def _has_prompt() -> bool:
    given = sys.stdin
    try:
        return given is not None and given.isatty() and given is sys.__stdin__
    except ValueError:  # it is closed
        return False
