"""The tools a reader knows: their names and parameter schemas, from any of the forms people hand
over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.errors import UnknownKeyword, UsageError, suggest
from agentkit.read.calls.function_schema import described
from agentkit.read.plain import plain
from agentkit.types.words import type_in_words


class KnownTools:
    """Names and parameter schemas. Falsy where the reader was given no tools: then no name is
    unknown.
    """

    __slots__ = ("_given", "_parameters")

    def __init__(self, tools: Any = None, names: Iterable[str] | None = None) -> None:
        """Take tools in any form.

        Args:
            tools: OpenAI tool schemas, flat `{name, parameters}` dicts, what `ak.tool` made or
                other objects with a `schema`, plain functions, or bare names; a mapping of names to
                parameter schemas; or one of these.
            names: the only names that count; None: all of the tools.
        """
        self._parameters: dict[str, Mapping[str, Any] | None] = dict.fromkeys(names or ())
        self._given = tools is not None or names is not None
        for name, parameters in _entries(tools):
            if names is None or name in self._parameters:
                self._parameters[name] = parameters

    def __bool__(self) -> bool:
        return self._given

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __iter__(self) -> Any:
        return iter(self._parameters)

    def parameters(self, name: str) -> Mapping[str, Any] | None:
        """Return the JSON schema of a tool's arguments; None where the reader does not know it."""
        return self._parameters.get(name)

    def check_names(self, tool: str, names: Iterable[str]) -> None:
        """Refuse a name of an argument that the schema of the tool does not have.

        Raises:
            UnknownKeyword: on the first of them.
        """
        schema = self.parameters(tool) or {}
        known = schema.get("properties")
        if not isinstance(known, Mapping) or schema.get("additionalProperties"):
            return
        for name in names:
            if name not in known:
                raise UnknownKeyword(
                    f"the tool {tool!r} has no argument {name!r}",
                    hint=suggest(name, known, f"it has: {', '.join(known) or 'none'}"),
                )


def known_tools(tools: Any) -> KnownTools:
    """Turn tools in any form into `KnownTools`; one that is that already comes back as it is."""
    return tools if isinstance(tools, KnownTools) else KnownTools(tools)


def _entries(tools: Any) -> Iterable[tuple[str, Mapping[str, Any] | None]]:
    if tools is None:
        return
    if isinstance(tools, Mapping) and not ("name" in tools or "function" in tools):
        yield from (
            (str(name), value if isinstance(value, Mapping) else None)
            for name, value in tools.items()
        )
        return
    if callable(tools) or isinstance(tools, (str, Mapping)):
        tools = [tools]
    if not isinstance(tools, Iterable):
        raise UsageError(
            f"the tools are {type_in_words(tools)}",
            hint="pass a list of names, schemas, functions or what ak.tool made",
        )
    for tool in tools:
        found = (tool, None) if isinstance(tool, str) else _described(tool)
        if found is not None:
            yield found


def _described(tool: Any) -> tuple[str, Mapping[str, Any] | None] | None:
    """Find the name and parameters of a schema, of an object that has one, or of a function."""
    schema = plain(described(tool))
    holder = schema if isinstance(schema, dict) else {}
    inner = next(
        (holder[k] for k in ("function", "custom") if isinstance(holder.get(k), dict)), holder
    )
    name = inner.get("name")
    if not isinstance(name, str):
        return None
    parameters = inner.get("parameters") or inner.get("input_schema") or inner.get("inputSchema")
    return name, parameters if isinstance(parameters, dict) else None
