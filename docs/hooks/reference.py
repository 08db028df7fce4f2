"""The API reference: a page for each part of the public names, and one for each door. Every public name stands on exactly one of them.

The names are read from the package, never listed by where they are defined, so that a page does not change when a file moves.
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
    "agents": ("Agents, servers, tools", "Agent Server Tool tool demo rollout rollouts rollouts_async AgentLoop AgentResult ToolError resize_tool_pool"),
    "debugger": ("The debugger", "debug Debugger break_on view"),
    "reading": ("Reading answers", "read_response read_stream read_error reparse preflight"),
    "records": ("Records", "Trajectory Turn Response ToolCall ToolResult Problem Message Exchange ApiError AgentkitError"),
    "analysis": (
        "Looking at rollouts",
        "compare diff explore sample_tree tokens prefix_check turns_df tool_calls_df messages_df problems_df tokens_df",
    ),
    "files": ("Files and recordings", "save load record replay"),
}
"""By page: its title, and the names on it."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference."""
    doors = [name for name in ak.__all__ if isinstance(getattr(ak, name), types.ModuleType)]
    _check(set(ak.__all__) - set(doors))
    for page, (title, names) in PARTS.items():
        _add(files, config, page, f"# {title}\n\n" + "\n".join(_entry(ak, name, "ak") for name in names.split()))
    for door in doors:
        _add(files, config, door, _door(door))
    _add(files, config, "index", _index(doors))
    return files


def _check(names: set[str]) -> None:
    placed = [name for _, listed in PARTS.values() for name in listed.split()]
    wrong = sorted(names ^ set(placed)) + sorted({name for name in placed if placed.count(name) > 1})
    if wrong:
        raise PluginError(f"docs/hooks/reference.py: these public names stand on no page, or on two, or are gone: {', '.join(wrong)}")


def _add(files: Files, config: MkDocsConfig, name: str, text: str) -> None:
    files.append(File.generated(config, f"reference/{name}.md", content=text))


def _door(name: str) -> str:
    """A page that says what the door opens, and then each name behind it."""
    module = getattr(ak, name)
    entries = "\n".join(_entry(module, member, f"ak.{name}") for member in module.__all__)
    options = "    options:\n      show_root_heading: false\n      show_root_toc_entry: false\n      members: false\n      heading_level: 2\n"
    return f"# ak.{name}\n\n::: agentkit.{name}\n{options}\n{entries}"


def _entry(module: types.ModuleType, name: str, shown: str) -> str:
    """One public name; of an object that is called or holds others, its class."""
    value = getattr(module, name)
    path = f"{module.__name__}.{name}"
    if not isinstance(value, (type, types.FunctionType)):
        path = f"{type(value).__module__}.{type(value).__qualname__}"
    heading = f"{shown}.{name}"
    return f'::: {path}\n    options:\n      heading: "{heading}"\n      toc_label: "{heading}"\n      heading_level: 2\n'


def _index(doors: list[str]) -> str:
    lines = ["# Reference\n", "`import agentkit as ak` gives these names. What is not listed here is not public, and may change.\n"]
    for page, (title, names) in PARTS.items():
        lines.append(f"**[{title}]({page}.md)**\n:   " + " · ".join(f"`ak.{name}`" for name in names.split()) + "\n")
    for door in doors:
        module: Any = getattr(ak, door)
        first = re.split(r"\.\s|:\n|\.\n|\n\n", module.__doc__ or "")[0]
        lines.append(f"**[ak.{door}]({door}.md)**\n:   {' '.join(first.split()).rstrip('.')}.\n")
    lines.append("**[Problem codes](problem_codes.md)**\n:   Every code of a `Problem`, how bad it is, and how to see it on purpose.\n")
    lines.append("**[Divergences](divergences.md)**\n:   Every way in which two servers differ, and what to do about it.\n")
    return "\n".join(lines)
