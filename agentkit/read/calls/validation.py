"""Arguments against a tool's JSON schema: what does not fit, with a pointer, and a variant that
would, offered and never applied.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agentkit.read.plain import MAPPING
from agentkit.types.problem import Problem, problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_MOST = 20


def check_schema(
    value: dict[str, Any], parameters: Mapping[str, Any] | None, pointer: str
) -> tuple[tuple[Problem, ...], dict[str, Any] | None]:
    """Check arguments against a schema: up to 20 `arguments_schema` problems, and coerced arguments
    that satisfy the schema where plain type coercion is enough.

    Args:
        value: the arguments.
        parameters: the tool's JSON schema; None fits everything.
        pointer: JSON pointer of the arguments in the raw answer.
    """
    if not parameters or _plainly_fits(value, parameters):
        return (), None
    validator = _validator(parameters)
    if validator is None:
        return (), None
    problems = tuple(_problems(validator, value, pointer))
    if not problems:
        return (), None
    coerced = coerce(value, parameters or {})
    fits = (
        isinstance(coerced, dict)
        and coerced != value
        and not any(_problems(validator, coerced, ""))
    )
    return problems, coerced if fits else None


_NOTES = frozenset(
    (
        "$schema",
        "$id",
        "title",
        "description",
        "default",
        "examples",
        "format",
        "deprecated",
        "strict",
        "$defs",
        "definitions",
    )
)
_IS: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: type(v) is int,
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}


def _plainly_fits(value: Any, schema: Any) -> bool:
    """Return whether the value fits by the plain words of a schema; False too where only the whole
    of JSON Schema can tell.

    Loading that costs a second where Jupyter is installed, and using it ten times what this does.
    """
    try:
        return _fits(value, schema)
    except (RecursionError, TypeError):  # a schema without sense: `required` of lists
        return False


def _fits(value: Any, schema: Any) -> bool:
    if not isinstance(schema, MAPPING):
        return schema is True
    for name, rule in schema.items():  # a loop, as this is asked of every value of every call
        if name == "type" and type(rule) is str:
            if rule not in _IS or not _IS[rule](value):
                return False
        elif name not in _NOTES and not _keyword_fits(value, name, rule, schema):
            return False
    return True


def _keyword_fits(value: Any, name: str, rule: Any, schema: Mapping[str, Any]) -> bool:
    match name, rule:
        case "enum", list() if isinstance(value, str):
            return value in rule
        case "required", list():
            return not isinstance(value, dict) or all(field in value for field in rule)
        case "properties", dict() | Mapping():
            return not isinstance(value, dict) or all(
                _fits(value[field], inner) for field, inner in rule.items() if field in value
            )
        case "additionalProperties", bool():
            fields = schema.get("properties")
            return (
                rule
                or not isinstance(value, dict)
                or all(isinstance(fields, MAPPING) and field in fields for field in value)
            )
        case "items", dict() | Mapping():
            return not isinstance(value, list) or all(_fits(item, rule) for item in value)
        case "anyOf", list():
            return any(_fits(value, choice) for choice in rule)
    return False


def _problems(validator: Validator, value: dict[str, Any], pointer: str) -> Iterator[Problem]:
    try:
        for count, error in enumerate(validator.iter_errors(value)):
            if count >= _MOST:
                return
            where = pointer + "".join(f"/{_escape(part)}" for part in error.absolute_path)
            yield problem("arguments_schema", _message(error), pointer=where, before=error.instance)
    except Exception:  # a schema that is itself broken proves nothing about the arguments
        return


def _message(error: Any) -> str:
    field = "/".join(str(part) for part in error.absolute_path) or "arguments"
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return f"{field}: missing {', '.join(repr(name) for name in missing)}"
        case "type":
            return f"{field}: {_type(error.instance)} where {error.validator_value} is wanted"
        case "enum":
            return f"{field}: {error.instance!r} is none of {error.validator_value!r}"[:300]
    return f"{field}: {error.message}"[:300]


def _type(value: Any) -> str:
    kinds = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
        type(None): "null",
    }
    return kinds.get(type(value), type(value).__name__)


def _escape(part: Any) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _validator(parameters: Mapping[str, Any]) -> Validator | None:
    try:
        return _compiled(json.dumps(parameters, sort_keys=True))
    except Exception:
        return None


@lru_cache(maxsize=512)
def _compiled(schema: str) -> Validator:
    from jsonschema.validators import validator_for
    from referencing import Registry

    parsed = json.loads(schema)
    kind = validator_for(parsed)
    kind.check_schema(parsed)
    compiled: Validator = kind(
        parsed, registry=Registry()
    )  # a registry of its own: a `$ref` is never fetched
    return compiled


def coerce(value: Any, schema: Mapping[str, Any]) -> Any:
    """Turn each scalar of a value into the type its schema names, where the text of it is exactly
    that.
    """
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if isinstance(value, str) and "string" not in kinds:
        value = _from_text(value, kinds)
    elif kinds == ["string"] and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if (
        isinstance(value, float)
        and value.is_integer()
        and "integer" in kinds
        and "number" not in kinds
    ):
        return int(value)
    if isinstance(value, dict) and isinstance(schema.get("properties"), Mapping):
        fields = schema["properties"]
        return {
            k: coerce(v, fields[k]) if isinstance(fields.get(k), Mapping) else v
            for k, v in value.items()
        }
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [coerce(item, schema["items"]) for item in value]
    return value


def _from_text(text: str, kinds: list[str]) -> Any:
    lowered = text.strip().lower()
    if "boolean" in kinds and lowered in ("true", "false"):
        return lowered == "true"
    if "null" in kinds and lowered in ("null", "none"):
        return None
    if not {"integer", "number", "object", "array"} & set(kinds):
        return text
    try:
        parsed = json.loads(text, parse_constant=lambda _: text)
    except (ValueError, RecursionError):
        return text
    if isinstance(parsed, bool):
        return text
    fits: dict[Any, tuple[type, ...]] = {
        "integer": (int,),
        "number": (int, float),
        "object": (dict,),
        "array": (list,),
    }
    return parsed if any(isinstance(parsed, fits.get(kind, ())) for kind in kinds) else text
