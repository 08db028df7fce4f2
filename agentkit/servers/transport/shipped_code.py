"""The code of functions that go to another process by value: it keeps the name of the file or the
cell that it was read from, and the lines of a cell go along, so that an error there shows the same
place and the same line as here.
"""

from __future__ import annotations

import linecache
import os
from collections import ChainMap
from collections.abc import Callable
from functools import cache
from types import CodeType
from typing import Any, ClassVar

from agentkit.errors import source_name
from agentkit.servers.redaction.known_secrets import known_secrets


@cache
def pickler() -> Any:
    """Make the class that writes objects as Ray does, with names and lines of their code."""
    import cloudpickle

    known = cloudpickle.Pickler.dispatch_table

    def reduced(code: CodeType) -> tuple[Any, ...]:
        make, parts = known[CodeType](code)
        return code_again, (make, parts, source_name(code.co_filename), _lines_of(code))

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table: ClassVar[Any] = ChainMap({CodeType: reduced}, known)

    return Pickler


def code_again(
    make: Callable[..., CodeType], parts: tuple[Any, ...], name: str, lines: list[str]
) -> CodeType:
    """Make code anew, and its lines known to tracebacks.

    Args:
        make: makes code.
        parts: what it is made of.
        name: what it was read from.
        lines: its lines, where they are in no file.
    """
    code = make(*parts).replace(co_filename=name)
    if lines and not os.path.exists(name):
        known = list(linecache.getlines(name))
        first = code.co_firstlineno - 1
        known += ["\n"] * (first + len(lines) - len(known))
        known[first : first + len(lines)] = lines
        linecache.cache[name] = sum(map(len, known)), None, known, name
    return code


def _lines_of(code: CodeType) -> list[str]:
    """List the lines of code that is in no file; none where a secret stands in them."""
    if os.path.exists(code.co_filename):
        return []
    first = code.co_firstlineno
    last = max((line for *_, line in code.co_lines() if line), default=first)
    lines = linecache.getlines(code.co_filename)[first - 1 : last]
    return [] if known_secrets().spans("".join(lines)) else lines
