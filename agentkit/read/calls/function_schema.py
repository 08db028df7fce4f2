"""A function's JSON schema: from its signature, its type hints and its docstring."""

from __future__ import annotations

import inspect
import json
import sys
from collections import abc
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from functools import lru_cache
from types import FrameType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from weakref import WeakKeyDictionary

from agentkit.errors import SchemaError
from agentkit.read.calls.function_docs import function_docs, target_of
from agentkit.read.plain import finite, plain

_PLAIN_TYPES = (str, int, float, bool, list, dict, NoneType, Any, object, inspect.Parameter.empty)
_PLAIN_ORIGINS = (
    Union,
    UnionType,
    Required,
    NotRequired,
    list,
    dict,
    abc.Sequence,
    abc.MutableSequence,
    abc.Collection,
    abc.Iterable,
    abc.Mapping,
    abc.MutableMapping,
)
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_VERBATIM = ("default", "const", "enum", "examples")


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the types of the parameters by name, as pydantic reads them.

    Raises:
        SchemaError: an annotation names what is not there.
    """
    target: Any = target_of(function)
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = type(target).__call__
    around = _around(target)
    try:
        hints = get_type_hints(target, None, around, include_extras=True)
        if inspect.isclass(target) and inspect.isfunction(target.__init__):
            hints |= get_type_hints(target.__init__, None, around, include_extras=True)
        if sys.version_info < (3, 12):  # before, pydantic wants the TypedDict of typing_extensions
            hints = {name: _readable(hint, around) for name, hint in hints.items()}
        return {name: hint for name, hint in hints.items() if name != "return"}
    except Exception as exc:
        raise SchemaError(
            f"the type hints of {target!r} cannot be resolved: {exc}",
            hint="import the names its annotations use",
        ) from None


def _around(target: Any) -> dict[str, Any]:
    """Give the local names around a function that was defined inside another: annotations are text,
    and may name a type defined beside it.
    """
    if "<locals>" not in getattr(target, "__qualname__", ""):
        return {}
    names: dict[str, Any] = {}
    space = getattr(inspect.unwrap(target), "__globals__", None) or vars(
        sys.modules[target.__module__]
    )
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals is space and frame.f_locals is not space:
            names = {**frame.f_locals, **names}
        frame = frame.f_back
    return names


def _readable(hint: Any, around: dict[str, Any]) -> Any:
    """Give the hint with each `typing.TypedDict` in it as one that pydantic reads."""
    args: tuple[Any, ...] = get_args(hint)
    origin: Any = get_origin(hint)
    if _is_typed_dict(hint):
        from typing_extensions import TypedDict

        make: Any = TypedDict
        hints = get_type_hints(hint, None, around, include_extras=True)
        made = make(
            hint.__name__,
            {name: _field(hint, name, value, around) for name, value in hints.items()},
        )
        made.__doc__ = hint.__doc__
        return made
    if not args or origin is Literal:
        return hint
    if origin is Annotated:
        return Annotated[(_readable(args[0], around), *hint.__metadata__)]
    if origin in (Union, UnionType):
        return Union[tuple(_readable(arg, around) for arg in args)]  # noqa: UP007
    generic = isinstance(origin, type) and not any(isinstance(arg, list) for arg in args)
    return origin[tuple(_readable(arg, around) for arg in args)] if generic else hint


def _is_typed_dict(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, dict) and hasattr(hint, "__required_keys__")


def _field(kind: Any, name: str, hint: Any, around: dict[str, Any]) -> Any:
    """Give the field of a TypedDict: what its annotation says of being required counts before what
    the class does.
    """
    asked = get_origin(hint)
    value = _readable(get_args(hint)[0] if asked in (Required, NotRequired) else hint, around)
    return (
        value
        if asked is Required or (asked is None and name in kind.__required_keys__)
        else NotRequired[value]
    )


def is_plain(hint: Any) -> bool:
    """Say whether values of the type are what JSON gives."""
    origin = get_origin(hint)
    if origin is Literal:
        return True
    if origin is Annotated:
        return is_plain(get_args(hint)[0])
    if _is_typed_dict(hint):
        return all(map(is_plain, get_type_hints(hint).values()))
    return all(map(is_plain, get_args(hint))) if origin in _PLAIN_ORIGINS else hint in _PLAIN_TYPES


def arguments_schema(
    name: str, function: Callable[..., Any], hints: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the JSON schema of the function's arguments.

    Args:
        name: of the tool, for messages.
        function: what is described.
        hints: the types of its parameters, by `type_hints`.

    Raises:
        SchemaError: the function cannot be described.
    """
    record = inspect.isclass(function) and (
        is_dataclass(function) or hasattr(function, "model_fields")
    )
    found = None if record else _plain_arguments(name, function, hints)
    return _arguments_by_pydantic(name, function, hints, record) if found is None else found


def _plain_arguments(
    name: str, function: Callable[..., Any], hints: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Describe arguments of JSON's own types, as pydantic does: to import that takes longer than
    all else before the first answer. None where it has to be asked.
    """
    described = function_docs(function).arguments
    properties: dict[str, Any] = {}
    required: list[str] = []
    for argument, parameter in _signature(name, function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        found, default = _plain_schema(hints.get(argument, Any)), parameter.default
        if found is None or argument == "self" or parameter.kind is parameter.POSITIONAL_ONLY:
            return None
        if default is parameter.empty:
            required.append(argument)
        elif not (default is None or _is_plain_default(default, found)):
            return None
        else:
            found["default"] = default
        if described.get(argument):
            found["description"] = described[argument]
        properties[argument] = dict(sorted(found.items()))
    more = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **more}


def _plain_schema(hint: Any) -> dict[str, Any] | None:
    """Describe one of JSON's own types, a list of it, or either of it and null; None for others."""
    if hint is Any:
        return {}
    if isinstance(hint, type) and hint in _JSON_TYPES:
        return {"type": _JSON_TYPES[hint]}
    args = get_args(hint)
    if get_origin(hint) is list and len(args) == 1:
        items = _plain_schema(args[0])
        return {"items": items, "type": "array"} if items else None
    if get_origin(hint) in (Union, UnionType) and len(args) == 2 and args[1] is NoneType:
        one = _plain_schema(args[0])
        return {"anyOf": [one, {"type": "null"}]} if one and "anyOf" not in one else None
    return None


def _is_plain_default(default: Any, schema: dict[str, Any]) -> bool:
    """Say whether a default is written as it is."""
    kind = schema.get("anyOf", [schema])[0].get("type")
    if type(default) is str and not default.isascii():
        return False
    return kind is not None and _JSON_TYPES.get(type(default)) == kind and finite(default)


def _arguments_by_pydantic(
    name: str, function: Callable[..., Any], hints: Mapping[str, Any], record: bool
) -> dict[str, Any]:
    from pydantic import TypeAdapter, create_model
    from pydantic.errors import PydanticUserError
    from pydantic.json_schema import GenerateJsonSchema

    class Generate(GenerateJsonSchema):
        ignored_warning_kinds = {  # noqa: RUF012
            "skipped-choice",
            "non-serializable-default",
        }

    wanted = {} if record else _wanted(name, function, hints)
    try:
        kind: Any = function if record else create_model(name, **wanted)
        schema = TypeAdapter(kind).json_schema(by_alias=True, schema_generator=Generate)
    except (PydanticUserError, TypeError, ValueError, NameError) as exc:
        raise SchemaError(
            f"{name!r} cannot be described as a tool: {str(exc).splitlines()[0]}",
            hint=(
                "use types JSON has, pydantic models or dataclasses, or pass parameters={...} to"
                " ak.tool"
            ),
        ) from None
    return {
        "type": "object",
        "properties": {},
        **_without_titles({k: v for k, v in schema.items() if k != "description"}),
    }


def _wanted(tool: str, function: Callable[..., Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters as fields of a pydantic model. Their names are aliases, as pydantic keeps
    some names to itself.
    """
    from pydantic import Field
    from pydantic.fields import FieldInfo

    described = function_docs(function).arguments
    wanted: dict[str, Any] = {}
    for name, parameter in _signature(tool, function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise SchemaError(
                f"{tool!r} takes {name!r} by position only",
                hint="tools are called by keyword: remove the / from the signature",
            )
        if name == "self" and not wanted:
            raise SchemaError(
                f"{tool!r} is a method without its object",
                hint="pass the method of an object: ak.tool(thing.method)",
            )
        if isinstance(parameter.default, FieldInfo):
            raise SchemaError(
                f"the default of {name!r} is a pydantic Field",
                hint=f"write {name}: Annotated[type, Field(...)] = default",
            )
        hint = hints.get(name, Any)
        note = next(
            (text for text in map(_note, getattr(hint, "__metadata__", ())) if text), None
        ) or described.get(name)
        more: dict[str, Any] = {"description": note} if note else {}
        default = ... if parameter.default is parameter.empty else parameter.default
        wanted[f"field_{len(wanted)}"] = (hint, Field(default, alias=name, **more))
    return wanted


def _note(annotation: Any) -> str | None:
    """Find the description in an argument of `Annotated`: a text, or something that has one."""
    note = (
        annotation
        if isinstance(annotation, str)
        else getattr(annotation, "description", None) or getattr(annotation, "documentation", None)
    )
    return note if isinstance(note, str) else None


def _signature(tool: str, function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        raise SchemaError(
            f"{tool!r} has no signature to describe",
            hint="wrap it in a function with named parameters",
        ) from None


def _without_titles(schema: Any, names: bool = False) -> Any:
    """Give the schema without the titles pydantic adds and without defaults JSON does not have; a
    property named `title` stays.
    """
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = (
        ()
        if names
        else [
            k
            for k, v in schema.items()
            if (k == "title" and isinstance(v, str)) or (k == "default" and not finite(v))
        ]
    )
    return {
        k: (
            v
            if k in _VERBATIM and not names
            else _without_titles(v, names=k in ("properties", "$defs") and not names)
        )
        for k, v in schema.items()
        if k not in dropped
    }


def tool_schema(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Give a tool in OpenAI's format."""
    inner = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": inner}


def described(tool: Any) -> Any:
    """Give the schema of a tool: a function is described, what has a `schema` gives it, and
    anything else, such as a schema or a bare name, stays as it is.

    Raises:
        SchemaError: the function cannot be described.
    """
    if isinstance(tool, Mapping | str):
        return tool
    own = getattr(tool, "schema", None)
    if isinstance(own, Mapping):
        return own
    if not callable(tool):
        return tool
    try:
        return _SCHEMAS[tool]
    except (KeyError, TypeError):  # not described yet, or nothing a dict can hold
        found = _function_schema(tool)
    with suppress(TypeError):
        _SCHEMAS[tool] = found
    return found


_SCHEMAS: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
"""Functions that were described, so that a reader may be given them with each answer."""


def _function_schema(function: Callable[..., Any]) -> dict[str, Any]:
    target = target_of(function)
    name = str(getattr(target, "__name__", type(target).__name__))
    parameters = arguments_schema(name, function, type_hints(function))
    return tool_schema(name, function_docs(function).summary, parameters)


def described_tools(tools: Any) -> Any:
    """Give tools with every function among them described; a function alone is a list of one."""
    if callable(tools):
        return [described(tools)]
    return [described(tool) for tool in tools] if isinstance(tools, list | tuple) else tools


def shared_schemas(schemas: Iterable[Any]) -> tuple[dict[str, Any], ...]:
    """Give tool schemas as plain data. Equal lists of them are one object, so that thousands of
    rollouts share it.
    """
    return _shared(json.dumps([plain(schema) for schema in schemas]))


@lru_cache(maxsize=256)
def _shared(text: str) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(text))
