"""Tools: a function described to the model by its signature, and what it returned as text the model
can read.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, update_wrapper
from types import NoneType
from typing import Any, overload

from agentkit.errors import SchemaError, UsageError, checked_keywords
from agentkit.read.calls.function_docs import function_docs, target_of
from agentkit.read.calls.function_schema import (
    arguments_schema,
    is_plain,
    tool_schema,
    type_hints,
)
from agentkit.read.calls.known_tools import KnownTools
from agentkit.types.words import in_line

log = logging.getLogger("agentkit")


@checked_keywords
class Tool:
    """A function and its description. Calling it calls the function; `schema` is what the
    model is given.
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
        self.description = (
            description if description is not None else function_docs(function).summary
        )
        self._hints = _hints(function, needed=parameters is None)
        self.parameters = (
            parameters
            if parameters is not None
            else arguments_schema(self.name, function, self._hints)
        )
        update_wrapper(self, function, updated=())
        if self.gaps:
            _note(self)

    @property
    def schema(self) -> dict[str, Any]:
        """The tool in OpenAI's format."""
        return tool_schema(self.name, self.description, self.parameters)

    @property
    def gaps(self) -> tuple[str, ...]:
        """What the model has to guess: the tool has no description, an argument no type."""
        untyped = [
            name
            for name, schema in self._properties.items()
            if not (isinstance(schema, dict) and schema.keys() & _TYPES)
        ]
        found = [] if self.description else ["no description"]
        return (*found, *(f"no type for {name}" for name in untyped))

    @property
    def _properties(self) -> dict[str, Any]:
        """The arguments by name; none where a schema that was given says nothing of them."""
        found = self.parameters.get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def is_async(self) -> bool:
        """Whether calling it gives something to await."""
        return is_async(self.function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def bind(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Convert the arguments to what the function wants: pydantic models, dataclasses, enums and
        dates are made, plain JSON types are passed as sent.

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
        gaps = f": {', '.join(self.gaps)}" if self.gaps else ""
        return f"<Tool {self.name}({', '.join(self._properties)}){gaps}>"


def is_async(function: Any) -> bool:
    """Tell whether calling it gives something that needs an event loop."""
    call = getattr(function, "__call__", None)  # noqa: B004
    return any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for one in (target_of(function), call)
    )


_TYPES = frozenset(("type", "anyOf", "oneOf", "allOf", "$ref", "enum", "const"))
_noted: set[str] = set()


def _note(tool: Tool) -> None:
    """Log once what the model has to guess about a tool."""
    place = f"{getattr(tool, '__module__', '')}.{getattr(tool, '__qualname__', tool.name)}"
    if place not in _noted:
        _noted.add(place)
        gaps = in_line(", ".join(tool.gaps))
        log.warning("tool %r: %s; the model has to guess", tool.name, gaps)


def _hints(function: Callable[..., Any], needed: bool) -> dict[str, Any]:
    """Give the types of the parameters; none where they cannot be resolved and the caller has
    described the tool.
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
@checked_keywords
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: dict[str, Any] | None = None,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool from a function, sync or async; also a decorator, with or without arguments.

    The schema comes from the signature and its type hints. The descriptions come from the docstring
    (Google, numpy, Sphinx or Epydoc style), or from `Annotated[str, "text"]` and pydantic's
    `Field(description=...)`, which count before it.

    Args:
        function: what is called, sync or async.
        name: the name the model calls it by; by default the function's.
        description: what the model reads about it; by default from the docstring.
        parameters: a JSON schema of the arguments in place of the derived one.

    Raises:
        SchemaError: the function cannot be described.

    >>> @tool
    ... def add(a: int, b: int = 0) -> int:
    ...     "Add two numbers."
    ...     return a + b
    >>> add.schema["function"]["parameters"]["required"]
    ['a']
    """
    described = {"name": name, "description": description, "parameters": parameters}
    return (lambda f: _made(f, described)) if function is None else _made(function, described)


def _made(function: Any, described: Mapping[str, Any] | None = None) -> Tool:
    given = {name: value for name, value in (described or {}).items() if value is not None}
    if isinstance(function, Tool):
        return Tool(function.function, **given) if given else function
    if not callable(function):
        raise SchemaError(
            f"a tool is a function, not {type(function).__name__}",
            hint="pass functions, or ak.tool(function)",
        )
    return Tool(function, **given)


def toolset(tools: Iterable[Any] | None) -> dict[str, Tool]:
    """Give tools by name, from `Tool` objects and plain functions.

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
                hint="pass the function, or ak.tool(function, parameters=schema); "
                "rollout.fork(turn, server=…) sends the tools of a rollout, without functions",
            )
        made = _made(item)
        if made.name in found:
            raise UsageError(
                f"two tools are named {made.name!r}",
                hint="give one another name: ak.tool(function, name='other')",
            )
        found[made.name] = made
    return found


def note_left_out(before: Iterable[Any], now: Iterable[Any]) -> None:
    """Log once which tools of a rollout the agent that goes on from it does not have.

    Args:
        before: the schemas the rollout was run with.
        now: those of the agent.
    """
    gone = [name for name in KnownTools(before) if name not in KnownTools(now)]
    names = in_line(", ".join(gone))
    if gone and names not in _noted:
        _noted.add(names)
        log.warning(
            "the agent does not have these tools of the rollout, so they are not sent: %s; "
            "rollout.fork(turn, server=…, model=…) sends them and stops for their results",
            names,
        )
