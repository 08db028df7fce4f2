"""The tools a reader knows: their names and parameter schemas, from any of the forms people hand
over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.errors import UsageError
from agentkit.read.calls.function_schema import described
from agentkit.read.plain import plain


class KnownTools:
    """Names and parameter schemas. Falsy when the reader was told of no tools: then no name is
    unknown.
    """

    __slots__ = ("_parameters", "_told")

    def __init__(self, tools: Any = None, names: Iterable[str] | None = None) -> None:
        """Take functions, `ak.tool` objects, OpenAI tool schemas, flat `{name, parameters}` dicts,
        or bare names.
        """
        self._parameters: dict[str, Mapping[str, Any] | None] = dict.fromkeys(names or ())
        self._told = tools is not None or names is not None
        for name, parameters in _entries(tools):
            if names is None or name in self._parameters:
                self._parameters[name] = parameters

    def __bool__(self) -> bool:
        return self._told

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __iter__(self) -> Any:
        return iter(self._parameters)

    def parameters(self, name: str) -> Mapping[str, Any] | None:
        """The JSON schema of a tool's arguments; None where the reader does not know it."""
        return self._parameters.get(name)


def known_tools(tools: Any) -> KnownTools:
    """The tools as `KnownTools`; one that is that already comes back as it is."""
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
    single = isinstance(tools, (str, Mapping)) or callable(tools)
    if not single and not isinstance(tools, Iterable):
        raise UsageError(
            f"the tools are a {type(tools).__name__}",
            hint="pass a list of functions, schemas, names or what ak.tool made",
        )
    for tool in [tools] if single else tools:
        if isinstance(tool, str):
            yield tool, None
            continue
        schema = plain(described(tool))
        if not isinstance(schema, dict):
            continue
        inner = next(
            (schema[k] for k in ("function", "custom") if isinstance(schema.get(k), dict)), schema
        )
        name = inner.get("name")
        if isinstance(name, str):
            parameters = (
                inner.get("parameters") or inner.get("input_schema") or inner.get("inputSchema")
            )
            yield name, parameters if isinstance(parameters, dict) else None
