"""Raw model text to tool calls, by the names of vLLM's tool-call parsers."""

from __future__ import annotations

from typing import Any

from agentkit.errors import NotFound
from agentkit.parsers.bootstrap import HermesParser, Parsed

__all__ = ["Parsed", "get_parser", "names"]


def names() -> tuple[str, ...]:
    """The names of the tool-call parsers."""
    return ("hermes",)


def get_parser(name: str) -> Any:
    """The parser of this name."""
    if name != "hermes":
        raise NotFound(f"no tool-call parser is named {name!r}")
    return HermesParser()
