"""The API reference: pages of public names, and one for each door. Each name is on one page.

Names are read from the package and never listed by where they are defined, so that a page does not
change when a file moves.
"""

from __future__ import annotations

import re
import types
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

import agentkit as ak

PARTS = {
    "agents": (
        "Agents, servers, tools",
        "Agent Server Tool tool mcp demo rollout rollouts rollouts_async rollouts_iter interrupted "
        "AgentLoop AgentResult ToolError resize_tool_pool",
    ),
    "debugger": ("The debugger", "debug Debugger break_on view"),
    "watching": ("Watching other agents", "watch"),
    "reading": ("Reading answers", "read_response read_stream read_error reparse preflight"),
    "records": (
        "Records",
        "Trajectory Turn Response ToolCall ToolResult Problem Message "
        "Request Exchange Chunk ApiError AgentkitError",
    ),
    "analysis": (
        "Looking at rollouts",
        "compare check diff explore sample_tree tokens prefix_check "
        "turns_df tool_calls_df messages_df problems_df tokens_df",
    ),
    "files": ("Files and recordings", "save load index record replay"),
}
"""By page: its title, and the names on it."""


_DOOR = """\
    options:
      show_root_heading: false
      show_root_toc_entry: false
      members: false
"""
_ENTRY = """\
::: {path}
    options:
      heading: "{heading}"
      toc_label: "{heading}"
      heading_level: 2
"""
_INDEX = """\
# Reference

`import agentkit as ak` gives these names. What is not listed here is not public, and may change.
"""
_VOCABULARY = """\
**[Problem codes](problem_codes.md)**
:   Every code of a `Problem`, how bad it is, and how to see it on purpose.

**[Divergences](divergences.md)**
:   Every way in which two servers differ, and what to do about it.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference."""
    doors = [name for name in ak.__all__ if isinstance(getattr(ak, name), types.ModuleType)]
    _check(set(ak.__all__) - set(doors))
    for page, (title, names) in PARTS.items():
        entries = "\n".join(_entry(ak, name, "ak") for name in names.split())
        _add(files, config, page, f"# {title}\n\n{entries}")
    for door in doors:
        _add(files, config, door, _door(door))
    _add(files, config, "index", _index(doors))
    return files


def _check(names: set[str]) -> None:
    placed = [name for _, listed in PARTS.values() for name in listed.split()]
    twice = {name for name in placed if placed.count(name) > 1}
    wrong = sorted(twice | (names ^ set(placed)))
    if wrong:
        listed = ", ".join(wrong)
        raise PluginError(
            f"PARTS in docs/hooks/reference.py: on no page, on two, or gone: {listed}"
        )


def _add(files: Files, config: MkDocsConfig, name: str, text: str) -> None:
    files.append(File.generated(config, f"reference/{name}.md", content=text))


def _door(name: str) -> str:
    """A page that says what the door opens, and then each name behind it."""
    module = getattr(ak, name)
    entries = "\n".join(_entry(module, member, f"ak.{name}") for member in module.__all__)
    return f"# ak.{name}\n\n::: agentkit.{name}\n{_DOOR}\n{entries}"


def _entry(module: types.ModuleType, name: str, shown: str) -> str:
    """One public name; of an object that is called or holds others, its class."""
    value = getattr(module, name)
    path = f"{module.__name__}.{name}"
    if not isinstance(value, (type, types.FunctionType)):
        path = f"{type(value).__module__}.{type(value).__qualname__}"
    return _ENTRY.format(path=path, heading=f"{shown}.{name}")


def _index(doors: list[str]) -> str:
    lines = [_INDEX]
    for page, (title, names) in PARTS.items():
        listed = " · ".join(f"`ak.{name}`" for name in names.split())
        lines.append(f"**[{title}]({page}.md)**\n:   {listed}\n")
    for door in doors:
        module: Any = getattr(ak, door)
        first = re.split(r"\.\s|:\n|\.\n|\n\n", module.__doc__ or "")[0]
        lines.append(f"**[ak.{door}]({door}.md)**\n:   {' '.join(first.split()).rstrip('.')}.\n")
    return "\n".join([*lines, _VOCABULARY])
