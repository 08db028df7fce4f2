"""Tools: a function described to the model by its signature, and what it returned as text the model
can read.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from functools import cached_property, update_wrapper
from types import NoneType
from typing import Any, overload

from agentkit.agent.tools.schema import arguments_schema, is_plain, summary, target_of, type_hints
from agentkit.errors import SchemaError, UsageError


class Tool:
    """A function and its description. Calling it calls the function; `schema` is what the model is
    told.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.function = function
        target = target_of(function)
        self.name: str = name or str(getattr(target, "__name__", type(target).__name__))
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", self.name):
            raise SchemaError(
                f"{self.name!r} cannot name a tool",
                hint="name it with letters, digits, _ and -: ak.tool(function, name='look_up')",
            )
        self.description = description if description is not None else summary(function)
        self._hints = _hints(function, needed=parameters is None)
        self.parameters = (
            parameters
            if parameters is not None
            else arguments_schema(self.name, function, self._hints)
        )
        update_wrapper(self, function, updated=())

    @property
    def schema(self) -> dict[str, Any]:
        """The tool in OpenAI's format."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.parameters,
            },
        }

    @property
    def is_async(self) -> bool:
        """Whether calling it gives something to await."""
        call = getattr(self.function, "__call__", None)  # noqa: B004
        return inspect.iscoroutinefunction(target_of(self.function)) or inspect.iscoroutinefunction(
            call
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def bind(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the function wants them: pydantic models, dataclasses, enums and dates
        are made, plain JSON types are passed as sent.

        Raises:
            pydantic.ValidationError: a value does not fit such a type.
        """
        return {
            name: self._rich[name].validate_python(value) if name in self._rich else value
            for name, value in arguments.items()
        }

    @cached_property
    def _rich(self) -> dict[str, Any]:
        """By name, the adapters of parameters whose type JSON does not have."""
        rich = {name: hint for name, hint in self._hints.items() if not is_plain(hint)}
        if not rich:
            return {}
        from pydantic import TypeAdapter

        return {name: TypeAdapter(hint) for name, hint in rich.items()}

    def __repr__(self) -> str:
        return f"<Tool {self.name}({', '.join(self.parameters.get('properties', {}))})>"


def _hints(function: Callable[..., Any], needed: bool) -> dict[str, Any]:
    """The types of the parameters; none where they cannot be told and the caller has described the
    tool.
    """
    try:
        return type_hints(function)
    except SchemaError:
        if needed:
            raise
        return {}


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: dict[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...
@overload
def tool(
    function: Callable[..., Any],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: dict[str, Any] | None = None,
) -> Tool: ...
def tool(
    function: Callable[..., Any] | None = None, /, **described: Any
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """A tool made from a function, sync or async; also a decorator, with or without arguments.

    The schema comes from the signature and its type hints, the descriptions from a Google-style
    docstring.

    Raises:
        SchemaError: the function cannot be described; the note says the hint.

    >>> @tool
    ... def add(a: int, b: int = 0) -> int:
    ...     "Add two numbers."
    ...     return a + b
    >>> add.schema["function"]["parameters"]["required"]
    ['a']
    """
    return (lambda f: _made(f, **described)) if function is None else _made(function, **described)


def _made(function: Any, **described: Any) -> Tool:
    if isinstance(function, Tool):
        return Tool(function.function, **described) if described else function
    if not callable(function):
        raise SchemaError(
            f"a tool is a function, not {type(function).__name__}",
            hint="pass functions, or ak.tool(function)",
        )
    return Tool(function, **described)


def toolset(tools: Iterable[Any] | None) -> dict[str, Tool]:
    """Tools by name, from `Tool` objects and plain functions.

    Raises:
        SchemaError: one cannot be described.
        UsageError: two have the same name, or there is something else among them.
    """
    if (
        callable(tools)
        or isinstance(tools, (str, dict))
        or not isinstance(tools, (Iterable, NoneType))
    ):
        raise UsageError("tools is a list of functions", hint="pass tools=[my_function]")
    found: dict[str, Tool] = {}
    for item in tools or ():
        if isinstance(item, dict):
            raise UsageError(
                "a tool schema alone cannot be run",
                hint="pass the function, or ak.tool(function, parameters=schema)",
            )
        made = _made(item)
        if made.name in found:
            raise UsageError(
                f"two tools are named {made.name!r}",
                hint="give one another name: ak.tool(function, name='other')",
            )
        found[made.name] = made
    return found
