"""Tools: a function described to the model by its signature, and what it returned as text the model can read."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, time
from functools import cached_property, partial, update_wrapper
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, overload

from agentkit.errors import SchemaError, UsageError

_PLAIN_TYPES = (str, int, float, bool, list, dict, NoneType, Any, inspect.Parameter.empty)


class Tool:
    """A function and its description. Calling it calls the function; `schema` is what the model is told."""

    def __init__(
        self, function: Callable[..., Any], *, name: str | None = None, description: str | None = None, parameters: dict[str, Any] | None = None
    ) -> None:
        self.function = function
        self.name: str = name or str(getattr(function, "__name__", type(function).__name__))
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", self.name):
            raise SchemaError(
                f"{self.name!r} cannot name a tool", mend="name it with letters, digits, _ and -: ak.tool(function, name='look_up')"
            )
        self.description = description if description is not None else _summary(inspect.getdoc(function) or "")
        self.parameters = parameters if parameters is not None else _parameters(self)
        update_wrapper(self, function)

    @property
    def schema(self) -> dict[str, Any]:
        """The tool in OpenAI's format."""
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": self.parameters}}

    @property
    def is_async(self) -> bool:
        call = getattr(self.function, "__call__", None)  # noqa: B004  an object with an async __call__ is async too
        inner = self.function.func if isinstance(self.function, partial) else self.function
        return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(call)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def bind(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the function wants them: pydantic models, dataclasses, enums and dates are made, plain JSON types are passed as sent.

        Raises:
            pydantic.ValidationError: a value does not fit such a type.
        """
        return {name: self._rich[name].validate_python(value) if name in self._rich else value for name, value in arguments.items()}

    @cached_property
    def _rich(self) -> dict[str, Any]:
        """By name, the adapters of parameters whose type JSON does not have."""
        rich = {name: hint for name, hint in _hints(self.function).items() if name != "return" and not _is_plain(hint)}
        if not rich:
            return {}
        from pydantic import TypeAdapter

        return {name: TypeAdapter(hint) for name, hint in rich.items()}

    def __repr__(self) -> str:
        return f"<Tool {self.name}({', '.join(self.parameters.get('properties', {}))})>"


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, parameters: dict[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Tool]: ...
@overload
def tool(
    function: Callable[..., Any], /, *, name: str | None = None, description: str | None = None, parameters: dict[str, Any] | None = None
) -> Tool: ...
def tool(function: Callable[..., Any] | None = None, /, **described: Any) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """A tool made from a function, sync or async; also a decorator, with or without arguments.

    The schema comes from the signature and its type hints, the descriptions from a Google-style docstring.

    Raises:
        SchemaError: the function cannot be described; the note says the mend.

    >>> @tool
    ... def add(a: int, b: int = 0) -> int:
    ...     "Add two numbers."
    ...     return a + b
    >>> add.schema["function"]["parameters"]["required"]
    ['a']
    """
    if function is None:
        return lambda f: tool(f, **described)
    if isinstance(function, Tool):
        return function if not described else Tool(function.function, **described)
    if not callable(function):
        raise SchemaError(f"a tool is a function, not {type(function).__name__}", mend="pass functions, or ak.tool(function)")
    return Tool(function, **described)


def toolset(tools: Iterable[Any] | None) -> dict[str, Tool]:
    """Tools by name, from `Tool` objects and plain functions.

    Raises:
        SchemaError: one cannot be described.
        UsageError: two have the same name, or there is something else among them.
    """
    if callable(tools) or isinstance(tools, (str, dict)):
        raise UsageError("tools is a list of functions", mend="pass tools=[my_function]")
    found: dict[str, Tool] = {}
    for item in tools or ():
        if isinstance(item, dict):
            raise UsageError("a tool schema alone cannot be run", mend="pass the function, or ak.tool(function, parameters=schema)")
        made = tool(item)
        if made.name in found:
            raise UsageError(f"two tools are named {made.name!r}", mend="give one another name: ak.tool(function, name='other')")
        found[made.name] = made
    return found


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    target = function.func if isinstance(function, partial) else function
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = type(target).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except Exception as exc:
        raise SchemaError(f"the type hints of {target!r} cannot be resolved: {exc}", mend="import the names its annotations use") from None


def _is_plain(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, UnionType, list, dict, Literal):
        return origin is Literal or all(_is_plain(arg) for arg in get_args(hint))
    if hasattr(hint, "__metadata__"):
        return _is_plain(get_args(hint)[0])
    return hint in _PLAIN_TYPES


def _parameters(made: Tool) -> dict[str, Any]:
    """The JSON schema of the arguments."""
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticUserError

    described = _argument_docs(inspect.getdoc(made.function) or "")
    hints = _hints(made.function)
    wanted: dict[str, Any] = {}
    for name, parameter in _signature(made).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise SchemaError(f"{made.name!r} takes {name!r} by position only", mend="tools are called by keyword: remove the / from the signature")
        default = ... if parameter.default is parameter.empty else parameter.default
        wanted[f"field_{len(wanted)}"] = (hints.get(name, Any), Field(default, alias=name, description=described.get(name)))
    try:
        model = create_model(made.name, __config__=ConfigDict(arbitrary_types_allowed=False), **wanted)
        schema = model.model_json_schema(by_alias=True)
    except (PydanticUserError, TypeError, ValueError) as exc:
        reason = str(exc).splitlines()[0]
        raise SchemaError(
            f"{made.name!r} cannot be described as a tool: {reason}",
            mend="use types JSON has, pydantic models or dataclasses, or pass parameters={...} to ak.tool",
        ) from None
    described_schema: dict[str, Any] = _without_titles(schema)
    return described_schema


def _signature(made: Tool) -> inspect.Signature:
    try:
        return inspect.signature(made.function)
    except (ValueError, TypeError):
        raise SchemaError(f"{made.name!r} has no signature to describe", mend="wrap it in a function with named parameters") from None


def _without_titles(schema: Any, names: bool = False) -> Any:
    """The schema without the titles pydantic adds; a property named `title` stays."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: _without_titles(v, names=k in ("properties", "$defs")) for k, v in schema.items() if names or k != "title" or not isinstance(v, str)}
    return {**kept, "properties": kept.get("properties", {})} if kept.get("type") == "object" and not names else kept


def _summary(doc: str) -> str:
    """The docstring without its sections."""
    return re.split(r"\n\s*(?:Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*\n", f"{doc}\n")[0].strip()


def _argument_docs(doc: str) -> dict[str, str]:
    """Descriptions by argument name, from the `Args:` section of a Google-style docstring."""
    section = re.search(r"(?:^|\n)\s*(?:Args|Arguments|Parameters):\s*\n(.*?)(?=\n\s*\n|\n\S|\Z)", doc, re.DOTALL)
    return dict(_argument_lines(section.group(1))) if section else {}


def _argument_lines(section: str) -> Iterator[tuple[str, str]]:
    name, words = "", [""]
    indent = len(section) - len(section.lstrip())
    for line in section.splitlines():
        found = re.match(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)", line)
        if found and len(line) - len(line.lstrip()) <= indent:
            if name:
                yield name, " ".join(words).strip()
            name, words = found.group(1), [found.group(2)]
        else:
            words.append(line.strip())
    if name:
        yield name, " ".join(words).strip()


def as_text(value: Any) -> tuple[str, str | None]:
    """What a tool returned as text for the model, and how it was converted: None for text, else `json`, `bytes` or `text`."""
    if isinstance(value, str):
        return str(value), None
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode(errors="replace"), "bytes"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat(), "text"
    try:
        return json.dumps(value, ensure_ascii=False, default=_jsonable), "json"
    except (TypeError, ValueError, RecursionError):
        return str(value), "text"


def _jsonable(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return as_text(value)[0] if isinstance(value, (bytes, bytearray, datetime, date, time)) else str(value)


def error_text(message: str) -> str:
    """An error as the JSON text the model is given."""
    return json.dumps({"error": message}, ensure_ascii=False)
