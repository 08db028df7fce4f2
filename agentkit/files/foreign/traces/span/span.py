"""One span, and its attributes as a tree: `llm.input_messages.0.message.role` is a place in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agentkit.files.foreign.traces.moment import lasted

_DEEPEST = 40


@dataclass
class SpanEvent:
    """Something that happened in a span."""

    name: str
    fields: dict[str, Any]
    """Its attributes, and its body where it has one."""


@dataclass
class Span:
    """One span of a trace, wherever it was written."""

    id: str
    trace: str
    parent: str | None
    name: str
    attributes: dict[str, Any]
    events: list[SpanEvent] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None
    error: str | None = None
    resource: dict[str, Any] = field(default_factory=dict)
    others: int = 0
    """How many other spans had its id, and said what it does not."""

    @cached_property
    def tree(self) -> dict[str, Any]:
        """Its attributes, with names that have dots as places in objects and lists."""
        return attribute_tree(self.attributes)

    @property
    def elapsed(self) -> float | None:
        """The seconds that it took."""
        return lasted(self.started, self.ended)

    def or_better(self, other: Span) -> Span:
        """Give the one of two spans of one id that says more: one that has ended, as a span may be
        written when it begins and again when it ends.
        """
        a, b = ((one.ended is not None, len(one.attributes)) for one in (self, other))
        kept, left = (other, self) if b > a else (self, other)
        said = kept.attributes
        kept.others = self.others + any(said.get(k) != v for k, v in left.attributes.items())
        return kept

    def get(self, *names: str) -> Any:
        """Give the first of these attributes that is there, nested ones too."""
        for name in names:
            found = self.attributes.get(name)
            if found is None:
                found = _at(self.tree, name.split("."))
            if found not in (None, "", [], {}):
                return found
        return None


def _at(tree: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(name)
    return tree.get("") if isinstance(tree, Mapping) and set(tree) == {""} else tree


def attribute_tree(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Place attributes by the dots in their names; numbers are places in lists."""
    root: dict[str, Any] = {}
    for name, value in attributes.items():
        path = str(name).split(".")[:_DEEPEST]
        now = root
        for part in path[:-1]:
            inner = now.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = now[part] = {"": inner}
            now = inner
        last = now.get(path[-1])
        if isinstance(last, dict) and not isinstance(value, Mapping):
            last[""] = value
        elif isinstance(last, dict):
            last.update(value)
        else:
            now[path[-1]] = dict(value) if isinstance(value, Mapping) else value
    made = _listed(root, 0)
    return made if isinstance(made, dict) else root


def _listed(value: Any, depth: int) -> Any:
    """Make lists of objects whose names are numbers."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, list):
        return [_listed(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    names = [name for name in value if name != ""]
    if names and all(isinstance(name, str) and name.isdecimal() for name in names):
        ordered = sorted(names, key=lambda name: (len(name), name))
        return [_listed(value[name], depth + 1) for name in ordered]
    return {
        name: _listed(attribute_tree(item) if _is_dotted(item) else item, depth + 1)
        for name, item in value.items()
    }


def _is_dotted(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(n, str) and "." in n for n in value)
