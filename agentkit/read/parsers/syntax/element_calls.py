"""MiniMax M3's calls: every tag behind a marker, a parameter is an element of its own name, and
elements nest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_name import read_name
from agentkit.read.parsers.call_parser import Ending, Format
from agentkit.read.parsers.literals.coercion import (
    Schema,
    as_list,
    by_schema,
    field_schema,
    fields_of,
    types_of,
)
from agentkit.read.parsers.output import Draft, Drafts, broken, trailing_data, truncated
from agentkit.read.parsers.scanner import Markers, Scanner

_MARK = "]<]minimax[>["
_TAG = re.compile(re.escape(_MARK) + r"<(?P<end>/?+)(?P<name>[^<>\s/]++)[^<>]*+>")
_HEAD = re.compile(
    re.escape(_MARK) + r"""<invoke\s++name\s*+=\s*+["']?(?P<name>[^"'<>]++)["']?\s*+>"""
)
_DEEPEST = 100


@dataclass(slots=True)
class Element:
    name: str
    begin: int
    """Where its inside starts."""
    end: int = 0
    texts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class ElementCalls(Format):
    opens: tuple[str, ...] = (f"{_MARK}<tool_call>",)
    closes: tuple[str, ...] = (f"{_MARK}</tool_call>",)
    calls: tuple[str, ...] = (f"{_MARK}<invoke",)
    ends: tuple[str, ...] = (f"{_MARK}</invoke>",)
    only_inside: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens = Markers((*self.calls, *self.ends))

    def region(self, s: Scanner) -> Ending:
        s.at += len(self.calls[0])
        opened, depth = s.at, 1
        while found := (s.seek(self.tokens)):
            s.at += len(found.group())
            if found.group() in self.ends:
                depth -= 1
            elif s.patience:
                depth += 1
            if not depth:
                return "end"
        first = s.text.find(self.ends[0], opened)
        if first < 0 or not s.patience:
            return "cut"
        s.patience -= 1
        s.at = first + len(self.ends[0])
        return "end"

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        end = start + len(raw)
        head = _HEAD.match(raw)
        if head is None:
            if ending == "cut":
                return Drafts([truncated(start, end, None, "")])
            return Drafts([broken(start, end, None, raw, "there is no name")])
        name = head["name"].strip()
        close = len(self.ends[0]) if ending == "end" else 0
        arguments = raw[head.end() : len(raw) - close].strip()
        root, rest = _elements(raw, head.end(), len(raw) - close)
        left = raw[rest : len(raw) - close].strip()
        if ending == "cut" and not (
            left and self.ends[0].startswith(left) and len(left) > len(_MARK) + 1
        ):
            return Drafts([truncated(start, end, name, arguments)])
        if left and ending != "cut":
            why, at = "an element is not closed", start + rest
            return Drafts([broken(start, end, name, arguments, why, at)])
        parameters = tools.parameters(read_name(name, tools)[0])
        strange = "".join(root.texts).strip()
        notes = trailing_data("other text stands between the parameters", strange)
        value = _fields(root.children, parameters, raw)
        return Drafts([Draft(start, end, name, arguments, value=value, notes=notes)])


def _elements(raw: str, at: int, end: int) -> tuple[Element, int]:
    """Read the elements from a place on, under one root, and where the last complete one ends."""
    root = Element("", at)
    stack = [root]
    complete = at
    for tag in _TAG.finditer(raw, at, end):
        top = stack[-1]
        if tag["end"]:
            if top is root or tag["name"] != top.name:
                break
            top.texts.append(raw[at : tag.start()])
            top.end = tag.start()
            stack.pop()
            if stack[-1] is root:
                complete = tag.end()
        elif len(stack) > _DEEPEST:
            break
        else:
            top.texts.append(raw[at : tag.start()])
            child = Element(tag["name"], tag.end())
            top.children.append(child)
            stack.append(child)
        at = tag.end()
    root.children = [child for child in root.children if child.end or child.begin <= complete]
    return root, complete


def _fields(elements: list[Element], schema: Schema, raw: str) -> dict[str, Any]:
    """Read elements as an object; a name that is there more than once holds a list."""
    by_name: dict[str, list[Any]] = {}
    more = (schema or {}).get("additionalProperties")
    for element in elements:
        inner = field_schema(schema, element.name) or (more if isinstance(more, Mapping) else None)
        by_name.setdefault(element.name, []).append(_value(element, inner, raw))
    return {name: values[0] if len(values) == 1 else values for name, values in by_name.items()}


def _value(element: Element, schema: Schema, raw: str) -> Any:
    kinds = types_of(schema) if schema is not None else set()
    text = raw[element.begin : element.end]
    if not element.children:
        if not text.strip() and kinds & {"array", "object"} and "string" not in kinds:
            return [] if "array" in kinds else {}
        return by_schema(text, schema)
    container = _container(schema, 0)
    if kinds == {"string"}:
        return text
    if container and container[0] == "array":
        items = container[1].get("items")
        return [
            _value(child, items if isinstance(items, Mapping) else None, raw)
            for child in element.children
        ]
    value = _fields(element.children, container[1] if container else None, raw)
    mixed, key = "".join(element.texts), "$text"
    while key in value:
        key = f"${key}"
    return {**value, key: mixed} if mixed.strip() else value


def _container(schema: Any, depth: int) -> tuple[str, Mapping[str, Any]] | None:
    """Find the first alternative of a schema that is an array or an object."""
    if not isinstance(schema, Mapping) or depth > 8:
        return None
    given = schema.get("type")
    for kind in ("array", "object"):
        if kind == given or (isinstance(given, list) and kind in given):
            return kind, schema
    if given is None and "items" in schema:
        return "array", schema
    if given is None and (fields_of(schema) or "additionalProperties" in schema):
        return "object", schema
    choices = [choice for key in ("anyOf", "oneOf") for choice in as_list(schema.get(key))]
    return next((found for choice in choices if (found := _container(choice, depth + 1))), None)
