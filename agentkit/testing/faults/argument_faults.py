"""Faults in a call: its arguments, its name, its id, its shape."""

from __future__ import annotations

import json
from typing import Any

from agentkit.testing.faults.fault import (
    Draft,
    Fault,
    first_call,
    in_string,
    loaded,
    on_arguments,
    on_call,
    on_calls,
    on_name,
    with_field,
)
from agentkit.testing.server.asking import Asking


def _first_twice(arguments: str) -> str:
    name = next(iter(loaded(arguments)), "note")
    return (
        f"{{{json.dumps(name)}: null, {arguments.strip()[1:]}"
        if loaded(arguments)
        else '{"note": 1, "note": 2}'
    )


_ARGUMENTS: tuple[tuple[str, str, Any], ...] = (
    (
        "arguments_concatenated",
        "two different objects stand one after another",
        lambda a: a + '{"unrelated": true}',
    ),
    ("arguments_not_object", "the arguments are a list", lambda a: "[1, 2]"),
    ("arguments_invalid_json", "the arguments are prose", lambda a: "as before, please"),
    (
        "arguments_nonfinite",
        "the arguments hold NaN, which JSON does not know",
        lambda a: with_field(a, '"limit": NaN'),
    ),
    ("arguments_object", "the arguments are an object, not JSON text", loaded),
    ("arguments_double_encoded", "the arguments are JSON text inside JSON text", json.dumps),
    ("arguments_empty", "the arguments are an empty text", lambda a: ""),
    ("arguments_null", "the arguments are null", lambda a: None),
    ("arguments_null_string", "the arguments are the text 'null'", lambda a: "null"),
    ("arguments_leading_data", "markup stands before the arguments", lambda a: f"<tool_call>{a}"),
    ("arguments_trailing_data", "markup stands behind the arguments", lambda a: f"{a}</tool_call>"),
    ("arguments_duplicated", "the same object stands twice", lambda a: a + a),
    ("arguments_duplicate_keys", "a key stands twice in the arguments", _first_twice),
    ("arguments_python_literal", "the arguments are a Python dict", lambda a: repr(loaded(a))),
    (
        "arguments_control_chars",
        "a raw line break stands inside a string",
        lambda a: in_string(a, "\n"),
    ),
    (
        "arguments_bad_escape",
        "a string holds an escape that JSON does not know",
        lambda a: in_string(a, "\\_"),
    ),
    (
        "arguments_lone_surrogate",
        "a string holds half of a surrogate pair",
        lambda a: in_string(a, "\\ud83d"),
    ),
    (
        "arguments_schema",
        "a value has a type that the tool's schema refuses",
        lambda a: json.dumps({k: [v] for k, v in loaded(a).items()}),
    ),
    ("arguments_code_fence", "the arguments stand in a code fence", lambda a: f"```json\n{a}\n```"),
    (
        "arguments_comments",
        "the arguments hold a comment",
        lambda a: f"{{ // as asked\n{a.strip()[1:]}",
    ),
    (
        "arguments_trailing_comma",
        "a comma stands before the closing brace",
        lambda a: f"{a.strip()[:-1]},}}",
    ),
)

_CAPTURED_CUT = "captured: vLLM 0.32, a stream of a tool call cut at max_tokens"


def _wrapped(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "function": {"name": "tool_call", "arguments": json.dumps(call["function"])}}


def _parameters(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {
        **call,
        "function": {"name": function.get("name"), "parameters": function.get("arguments")},
    }


def _flat(call: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in call.items() if key != "function"}, **call["function"]}


def _without_id(call: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in call.items() if key != "id"}


def _same_ids(calls: list[Any]) -> list[Any]:
    entries = [call for call in calls if isinstance(call, dict)]
    return [
        {**call, "id": entries[0].get("id")}
        for call in (entries if len(entries) > 1 else entries * 2)
    ]


def _legacy(draft: Draft, asking: Asking) -> Draft:
    function = first_call(draft).get("function")
    if not isinstance(function, dict):
        return draft
    message = {key: value for key, value in draft["message"].items() if key != "tool_calls"}
    return {
        **draft,
        "message": {**message, "function_call": function},
        "finish_reason": "function_call",
    }


_CALLS: tuple[tuple[str, str, Any], ...] = (
    ("name_missing", "the call's name is empty", on_name(lambda n: "")),
    ("name_unknown", "the call names a tool that was not offered", on_name(lambda n: f"{n}_v2")),
    ("name_prefix", "a namespace stands before the name", on_name(lambda n: f"functions.{n}")),
    ("name_whitespace", "white space stands around the name", on_name(lambda n: f" {n}\n")),
    (
        "name_special_tokens",
        "a special token stands behind the name",
        on_name(lambda n: f"{n}<|channel|>commentary"),
    ),
    (
        "wrapper_tool_call",
        "the call is one of a tool `tool_call` that wraps the real one",
        on_call(_wrapped),
    ),
    ("id_missing", "the call has no id", on_call(_without_id)),
    ("id_empty", "the call's id is an empty text", on_call(lambda c: {**c, "id": ""})),
    ("id_not_string", "the call's id is a number", on_call(lambda c: {**c, "id": 7})),
    ("legacy_function_call", "the call stands in `function_call`, as before 2023", _legacy),
)

_BLOCK_CALLS: tuple[tuple[str, str, Any], ...] = (
    ("id_duplicate", "two calls have the same id", on_calls(_same_ids)),
    ("tool_call_flat", "name and arguments stand on the call itself", on_call(_flat)),
    (
        "tool_calls_not_list",
        "`tool_calls` is an object",
        on_calls(lambda calls: {str(i): call for i, call in enumerate(calls)}),
    ),
    (
        "tool_call_null_entry",
        "an entry of `tool_calls` is null",
        on_calls(lambda calls: [None, *calls]),
    ),
    ("arguments_key_parameters", "the arguments stand under `parameters`", on_call(_parameters)),
)

CALL_FAULTS: tuple[Fault, ...] = (
    Fault(
        name="arguments_truncated",
        says="the arguments end inside a value, and the finish reason says `length`",
        codes=("arguments_truncated", "finish_length"),
        needs="calls",
        message=on_arguments(lambda a: a[:-2], "length"),
        source=_CAPTURED_CUT,
    ),
    Fault(
        name="finish_hides_truncation",
        says="the arguments end inside a value, and the finish reason does not say so",
        codes=("finish_hides_truncation", "arguments_truncated"),
        needs="calls",
        message=on_arguments(lambda a: a[:-2], "tool_calls"),
    ),
    *(
        Fault(name=name, says=says, codes=(name,), needs="calls", message=on_arguments(change))
        for name, says, change in _ARGUMENTS
    ),
    *(
        Fault(name=name, says=says, codes=(name,), needs="calls", message=change)
        for name, says, change in _CALLS
    ),
    *(
        Fault(name=name, says=says, codes=(name,), needs="calls", only="block", message=change)
        for name, says, change in _BLOCK_CALLS
    ),
)
