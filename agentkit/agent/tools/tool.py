"""Tools: a function described to the model by its signature, and what it returned as text the model
can read.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import cached_property, update_wrapper
from types import NoneType
from typing import Any, overload

from agentkit.agent.tools.schema import arguments_schema, is_plain, summary, target_of, type_hints
from agentkit.errors import SchemaError, UsageError
from agentkit.read.plain import finite, plain


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


def as_text(value: Any) -> tuple[str, str | None]:
    """What a tool returned as text for the model, and how it was converted: None for text, else
    `json`, `bytes` or `text`; never raises.

    Numbers JSON does not have, NaN and the infinities, are null in it, as pandas and JavaScript
    write them.
    """
    try:
        if isinstance(value, str) and not isinstance(value, Enum):
            return str.__str__(value), None
        data = _data(value, ())
        if isinstance(data, str):
            return data, "bytes" if isinstance(value, (bytes, bytearray, memoryview)) else "text"
        return json.dumps(data, ensure_ascii=False, allow_nan=False), "json"
    except Exception:  # whatever the methods of a foreign object raise
        return _shown(value), "text"


def _data(value: Any, path: tuple[int, ...]) -> Any:
    """The value as JSON data."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _data(value.value, path)
    if isinstance(value, (str, int, float)):
        return plain(value) if isinstance(value, (str, int)) or finite(value) else None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode(errors="replace")
    if isinstance(value, (datetime, date, time)):
        return value.isoformat() if value == value else None  # noqa: PLR0124
    if id(value) in path:
        raise ValueError("circular")
    path = (*path, id(value))
    opened = _opened(value)
    if opened is not value:
        return _data(opened, path)
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else as_text(key)[0]: _data(item, path)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return [_data(item, path) for item in value]
    return _shown(value) if _speaks(value) else plain(value)


def _opened(value: Any) -> Any:
    """What a container of any library holds, as a dict or list; anything else as it is."""
    if isinstance(value, Set):
        return sorted(value, key=repr)
    if isinstance(value, type):
        return value.__name__
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if hasattr(value, "to_dicts"):  # polars
        return value.to_dicts()
    numbered = (
        type(getattr(value, "index", None)).__name__ == "RangeIndex"
    )  # pandas: an index that only counts says nothing
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return (value if numbered else value.reset_index()).to_dict(orient="records")
    if hasattr(value, "to_dict") and not numbered:
        return value.to_dict()
    return value.tolist() if hasattr(value, "tolist") else value


def _speaks(value: Any) -> bool:
    """Whether its class says how it is shown."""
    return any(
        "__str__" in cls.__dict__ or "__repr__" in cls.__dict__ for cls in type(value).__mro__[:-1]
    )


def _shown(value: Any) -> str:
    """Its text, or its type's name where that has none, or one that only says where in memory it
    is.
    """
    try:
        text = str(value)
    except Exception:  # it has none, or nests too deeply
        text = ""
    return (
        text if text and not re.search(r" at 0x[0-9A-Fa-f]+", text) else f"<{type(value).__name__}>"
    )


def error_text(message: str) -> str:
    """An error as the JSON text the model is given."""
    return json.dumps({"error": message}, ensure_ascii=False)
