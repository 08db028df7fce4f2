"""Text to values by a tool's schema, for formats that write values without types. Text that does
not fit its type stays text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from agentkit.read.parsers.literals.python_text import read_literal
from agentkit.read.plain import MAPPING, finite

Schema = Mapping[str, Any] | None
Coercion = Callable[[str, Schema], Any]
"""Reads a text as a value; the schema is None where the tool, or the parameter, is unknown."""

_ABSENT = object()
_STRING = {"string"}
_ALIASES = {
    **dict.fromkeys(("str", "text", "varchar", "char", "enum"), "string"),
    **dict.fromkeys(
        ("int", "int32", "int64", "uint", "uint32", "uint64", "long", "short", "unsigned"),
        "integer",
    ),
    **dict.fromkeys(("float", "float32", "float64", "double"), "number"),
    **dict.fromkeys(("arr", "list", "sequence"), "array"),
    "bool": "boolean",
    "dict": "object",
}
_OF_VALUE = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


_MORE_TYPES = frozenset(("enum", "anyOf", "oneOf", "allOf"))
"""What tells of a schema's types besides `type`."""


def types_of(schema: Schema) -> set[str]:
    """List the JSON types a schema allows; {"string"} where it names none."""
    return _types(schema, 0) or {"string"}


def _types(schema: Any, depth: int) -> set[str]:
    if not isinstance(schema, MAPPING) or depth > 8:
        return {"string"}
    given = schema.get("type")
    if type(given) is str and _MORE_TYPES.isdisjoint(schema):
        name = given.strip().lower()
        return {_ALIASES.get(name, name)}
    found = set()
    for kind in (
        given if isinstance(given, list) else (given,)
    ):  # loops, as this is asked of every value of every call
        if isinstance(kind, str):
            name = kind.strip().lower()
            found.add(_ALIASES.get(name, name))
    for value in as_list(schema.get("enum")):
        if type(value) in _OF_VALUE:
            found.add(_OF_VALUE[type(value)])
    for either in ("anyOf", "oneOf", "allOf"):
        for choice in as_list(schema.get(either)):
            found |= _types(choice, depth + 1) or {"string"}
    return found


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def by_schema(text: str, schema: Schema) -> Any:
    """Read the first type of null, integer, number, boolean, object or array, string that the
    schema allows and the text is.
    """
    if schema is None:
        return text
    kinds = types_of(schema)
    if kinds == _STRING:
        return text
    for kind, read in _READERS.items():
        if kind in kinds and (value := read(text)) is not _ABSENT:
            return value
    return text if "string" in kinds else as_json(text, None)


def _null(text: str) -> Any:
    return None if text.lower() == "null" else _ABSENT


def _integer(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return _ABSENT


def _number(text: str) -> Any:
    whole = _integer(text)
    if whole is not _ABSENT:
        return whole
    try:
        value = float(text)
    except ValueError:
        return _ABSENT
    if not finite(value):
        return _ABSENT
    return int(value) if value.is_integer() else value


def _boolean(text: str) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower(), _ABSENT)


def _container(text: str) -> Any:
    value = as_json(text, None)
    return _ABSENT if value is text else value


_READERS: dict[str, Callable[[str], Any]] = {
    "null": _null,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "object": _container,
    "array": _container,
}


def as_json(text: str, schema: Schema) -> Any:
    """Read the JSON value, whatever the schema is, or the text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if finite(value) else text


def as_json_or_text(text: str, schema: Schema) -> Any:
    """Read the JSON value, except where the schema wants a string."""
    return text if schema is not None and types_of(schema) == {"string"} else as_json(text, None)


def as_literal(text: str, schema: Schema) -> Any:
    """Read the JSON or Python value, without the white space around it, except where the schema
    wants a string.
    """
    if schema is not None and schema.get("type") == "string":
        return text
    text = text.strip()
    value = as_json(text, None)
    return python_value(text) if isinstance(value, str) and value == text else value


def python_value(text: str) -> Any:
    """Read the Python literal, or the text."""
    literal = read_literal(text.strip())
    return text if literal is None or not finite(literal.value) else literal.value


def by_schema_or_python(text: str, schema: Schema) -> Any:
    """Read as `by_schema` does, and Python's literals where nothing fits."""
    value = by_schema(text, schema)
    return (
        python_value(text)
        if value is text and schema is not None and "string" not in types_of(schema)
        else value
    )


def plain_type(text: str, schema: Schema) -> Any:
    """Read the value by the first type that the schema names, but for null, which a text always may
    be; without the white space around it.
    """
    text = text.strip()
    if text.lower() == "null":
        return None
    kind = first_type(schema, 0)
    if kind is None or kind == "string":
        return text
    read = _READERS.get(kind)
    value = read(text) if read else as_json(text, None)
    return text if value is _ABSENT else value


def first_type(schema: Any, depth: int) -> str | None:
    """Find the first type a schema names that is not null."""
    if not isinstance(schema, Mapping) or depth > 8:
        return None
    given = schema.get("type")
    if given is not None:
        name = (
            next((kind for kind in as_list(given) if kind != "null"), "string")
            if isinstance(given, list)
            else given
        )
        return _ALIASES.get(str(name).lower(), str(name).lower())
    choices = [choice for key in ("anyOf", "oneOf", "allOf") for choice in as_list(schema.get(key))]
    return next(
        (
            kind
            for choice in choices
            if (kind := first_type(choice, depth + 1)) not in (None, "null")
        ),
        None,
    )


def without_references(schema: Any, parameters: Schema, depth: int = 0) -> Any:
    """Replace a schema's `$ref`s to the parameters' own `$defs`, as pydantic writes them.

    Args:
        schema: the schema of one parameter.
        parameters: the schema it is a part of.
        depth: how many references were followed.
    """
    if not isinstance(schema, Mapping) or depth > 8:
        return schema
    name = schema.get("$ref")
    shared = (parameters or {}).get("$defs")
    if isinstance(name, str) and isinstance(shared, Mapping):
        return without_references(shared.get(name.rpartition("/")[2]), parameters, depth + 1)
    either = {key: as_list(schema[key]) for key in ("anyOf", "oneOf", "allOf") if key in schema}
    return {
        **schema,
        **{
            key: [without_references(c, parameters, depth + 1) for c in choices]
            for key, choices in either.items()
        },
    }


def stripped_unless_string(text: str, schema: Schema) -> Any:
    """Read as `by_schema` does; white space around it counts only where a string is allowed."""
    return by_schema(text if "string" in types_of(schema) else text.strip(), schema)


def scalars(text: str, schema: Schema) -> Any:
    """Read numbers, booleans and null by the schema's plain `type`; everything else is text without
    the white space around it.
    """
    text = text.strip()
    read = _READERS.get(str((schema or {}).get("type")))
    if read is None or read is _container or (read is _boolean and text in ("0", "1")):
        return text
    value = read(text)
    return text if value is _ABSENT else value


_WRITTEN_ONE_WAY = frozenset((int, bool, type(None)))
"""Types whose text is read as the value itself wherever the schema allows the type."""


def coerce_value(value: Any, schema: Any) -> Any:
    """Turn a value of JSON into what the schema wants, where its text is exactly that."""
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, str):
        return by_schema(value, schema)
    if isinstance(value, dict):
        return coerce_fields(value, schema)
    if isinstance(value, list):
        items = [coerce_value(item, schema.get("items")) for item in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    if type(value) in _WRITTEN_ONE_WAY and _OF_VALUE[type(value)] in types_of(schema):
        return value
    coerced = by_schema(json.dumps(value), schema)
    kept = type(coerced) is type(value) or (
        isinstance(value, float) and "integer" not in types_of(schema)
    )
    return value if coerced == value and kept else coerced


def coerce_fields(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Turn each field of an object into what the schema wants; the object itself where nothing
    changes.
    """
    fields = fields_of(schema)
    coerced = {key: coerce_value(item, fields.get(key)) for key, item in value.items()}
    return coerced if any(coerced[key] is not value[key] for key in value) else value


def fields_of(schema: Schema) -> Mapping[str, Any]:
    """Return the schemas of an object's fields."""
    fields = schema.get("properties") if schema else None
    return fields if isinstance(fields, MAPPING) else {}


def field_schema(parameters: Schema, key: str) -> Schema:
    """Return the schema of one parameter; None where it is unknown."""
    schema = fields_of(parameters).get(key)
    return schema if isinstance(schema, MAPPING) else None


def full_field_schema(parameters: Schema, key: str) -> Schema:
    """Return the schema of one parameter without references; None where it is unknown."""
    schema = without_references(field_schema(parameters, key), parameters)
    return schema if isinstance(schema, Mapping) else None


class Bare(str):
    """A value's text that stood without marks of a string: the model meant what it says."""

    __slots__ = ()


_BARE_TYPES = {"type": ["null", "integer", "number", "boolean", "string"]}


def plainly(text: str, schema: Schema) -> Any:
    """Read null, a number, a boolean, or the text."""
    return by_schema(text, _BARE_TYPES)


def as_written(value: Any) -> Any:
    """Read each bare text of a value by what it says."""
    if isinstance(value, Bare):
        return plainly(str(value), None)
    if isinstance(value, dict):
        return {key: as_written(item) for key, item in value.items()}
    return [as_written(item) for item in value] if isinstance(value, list) else value


def without_marks(value: Any) -> Any:
    """Turn each bare text that is left in a value into plain text."""
    if isinstance(value, Bare):
        return str(value)
    if isinstance(value, dict):
        return {key: without_marks(item) for key, item in value.items()}
    return [without_marks(item) for item in value] if isinstance(value, list) else value


def retyped(written: Any, read: Any, at: str = "") -> str | None:
    """Find where a value was read as another type than the model wrote; None where nowhere."""
    if type(written) is not type(read):
        numbers = isinstance(written, (int, float)) and isinstance(read, (int, float))
        return None if numbers and bool not in (type(written), type(read)) else at
    if isinstance(written, dict):
        pairs = ((f"{at}/{key}", item, read.get(key)) for key, item in written.items())
    elif isinstance(written, list):
        pairs = ((f"{at}/{i}", a, b) for i, (a, b) in enumerate(zip(written, read, strict=False)))
    else:
        return None
    return next((found for place, a, b in pairs if (found := retyped(a, b, place))), None)
