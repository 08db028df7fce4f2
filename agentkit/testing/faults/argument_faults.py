"""Faults in a call: its arguments, its name, its id, its shape. A fault that is read as the problem
code of its own name is a function of that name.
"""

from __future__ import annotations

import json
from typing import Any

from agentkit.agent.tools.budget import MAX_CALLS
from agentkit.testing.faults.fault import (
    Draft,
    Fault,
    in_string,
    loaded,
    named,
    on_arguments,
    on_call,
    on_calls,
    on_name,
    target_function,
    with_field,
)
from agentkit.testing.server.question import Question

# Changes of the arguments


def arguments_concatenated(text: str) -> str:
    return f'{text}{{"unrelated": true}}'


def arguments_not_object(text: str) -> str:
    return "[1, 2]"


def arguments_invalid_json(text: str) -> str:
    return "as before, please"


def arguments_nonfinite(text: str) -> str:
    return with_field(text, '"limit": NaN')


def arguments_object(text: str) -> dict[str, Any]:
    return loaded(text)


def arguments_double_encoded(text: str) -> str:
    return json.dumps(text)


def arguments_empty(text: str) -> str:
    return ""


def arguments_null(text: str) -> None:
    return None


def arguments_null_string(text: str) -> str:
    return "null"


def arguments_leading_data(text: str) -> str:
    return f"<tool_call>{text}"


def arguments_trailing_data(text: str) -> str:
    return f"{text}</tool_call>"


def arguments_duplicated(text: str) -> str:
    return text + text


def arguments_duplicate_keys(text: str) -> str:
    if not loaded(text):
        return '{"note": 1, "note": 2}'
    first = next(iter(loaded(text)))
    return f"{{{json.dumps(first)}: null, {text.strip()[1:]}"


def arguments_python_literal(text: str) -> str:
    return repr(loaded(text))


def arguments_control_chars(text: str) -> str:
    return in_string(text, "\n")


def arguments_bad_escape(text: str) -> str:
    return in_string(text, "\\_")


def arguments_lone_surrogate(text: str) -> str:
    return in_string(text, "\\ud83d")


def arguments_schema(text: str) -> str:
    return json.dumps({key: [value] for key, value in loaded(text).items()})


def arguments_code_fence(text: str) -> str:
    return f"```json\n{text}\n```"


def arguments_comments(text: str) -> str:
    return f"{{ // as asked\n{text.strip()[1:]}"


def arguments_trailing_comma(text: str) -> str:
    return f"{text.strip()[:-1]},}}"


_ARGUMENTS = (
    (arguments_concatenated, "two different objects follow one another"),
    (arguments_not_object, "the arguments are a list"),
    (arguments_invalid_json, "the arguments are prose"),
    (arguments_nonfinite, "the arguments hold NaN, which JSON does not know"),
    (arguments_object, "the arguments are an object, not JSON text"),
    (arguments_double_encoded, "the arguments are JSON text inside JSON text"),
    (arguments_empty, "the arguments are an empty text"),
    (arguments_null, "the arguments are null"),
    (arguments_null_string, "the arguments are the text 'null'"),
    (arguments_leading_data, "markup comes before the arguments"),
    (arguments_trailing_data, "markup comes after the arguments"),
    (arguments_duplicated, "the same object comes twice"),
    (arguments_duplicate_keys, "a key occurs twice in the arguments"),
    (arguments_python_literal, "the arguments are a Python dict"),
    (arguments_control_chars, "a string holds a raw line break"),
    (arguments_bad_escape, "a string holds an escape that JSON does not know"),
    (arguments_lone_surrogate, "a string holds half of a surrogate pair"),
    (arguments_schema, "a value has a type that the tool's schema refuses"),
    (arguments_code_fence, "the arguments are inside a code fence"),
    (arguments_comments, "the arguments hold a comment"),
    (arguments_trailing_comma, "a comma comes before the closing brace"),
)


def _cut(text: str) -> str:
    """Give the arguments without their last two characters."""
    return text[:-2]


# Changes of the name


def name_missing(name: str) -> str:
    return ""


def name_unknown(name: str) -> str:
    return f"{name}_v2"


def name_prefix(name: str) -> str:
    return f"functions.{name}"


def name_whitespace(name: str) -> str:
    return f" {name}\n"


def name_special_tokens(name: str) -> str:
    return f"{name}<|channel|>commentary"


_NAMES = (
    (name_missing, "the call's name is empty"),
    (name_unknown, "the call names a tool that was not offered"),
    (name_prefix, "a namespace comes before the name"),
    (name_whitespace, "the name has white space around it"),
    (name_special_tokens, "a special token follows the name"),
)


# Changes of one call


def wrapper_tool_call(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "function": {"name": "tool_call", "arguments": json.dumps(call["function"])}}


def id_missing(call: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in call.items() if key != "id"}


def id_empty(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "id": ""}


def id_not_string(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "id": 7}


_CALL = (
    (wrapper_tool_call, "the call is one of a tool `tool_call` that wraps the real one"),
    (id_missing, "the call has no id"),
    (id_empty, "the call's id is an empty text"),
    (id_not_string, "the call's id is a number"),
)


def tool_call_flat(call: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in call.items() if key != "function"}, **call["function"]}


def arguments_key_parameters(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    renamed = {"name": function.get("name"), "parameters": function.get("arguments")}
    return {**call, "function": renamed}


_BLOCK_CALL = (
    (tool_call_flat, "name and arguments are on the call itself"),
    (arguments_key_parameters, "the arguments are under `parameters`"),
)


# Changes of all calls


def id_duplicate(calls: list[Any]) -> list[Any]:
    entries = [call for call in calls if isinstance(call, dict)]
    several = entries if len(entries) > 1 else entries * 2
    return [{**call, "id": entries[0].get("id")} for call in several]


def tool_calls_not_list(calls: list[Any]) -> dict[str, Any]:
    return {str(i): call for i, call in enumerate(calls)}


def tool_call_null_entry(calls: list[Any]) -> list[Any]:
    return [None, *calls]


_BLOCK_CALLS = (
    (id_duplicate, "two calls have the same id"),
    (tool_calls_not_list, "`tool_calls` is an object"),
    (tool_call_null_entry, "an entry of `tool_calls` is null"),
)


def _too_many(calls: list[Any]) -> list[Any]:
    """Repeat the calls beyond what an agent runs of one answer, each under an id of its own."""
    entries = [call for call in calls if isinstance(call, dict)]
    several = entries * (MAX_CALLS // len(entries) + 1) if entries else []
    return [{**call, "id": f"call_{at:06d}"} for at, call in enumerate(several)]


def _legacy(draft: Draft, question: Question) -> Draft:
    """Put the call where it was before 2023."""
    function = target_function(draft)
    if not function:
        return draft
    message = {key: value for key, value in draft["message"].items() if key != "tool_calls"}
    return {
        **draft,
        "message": {**message, "function_call": function},
        "finish_reason": "function_call",
    }


def _of_call(name: str, says: str, **rest: Any) -> Fault:
    return named(name, says, needs="calls", **rest)


CALL_FAULTS: tuple[Fault, ...] = (
    Fault(
        name="arguments_truncated",
        says="the arguments end inside a value, and the finish reason is `length`",
        codes=("arguments_truncated", "finish_length"),
        needs="calls",
        message=on_arguments(_cut, "length"),
        source="captured: vLLM 0.32, a stream of a tool call cut at max_tokens",
    ),
    Fault(
        name="finish_hides_truncation",
        says="the arguments end inside a value, and the finish reason does not show it",
        codes=("finish_hides_truncation", "arguments_truncated"),
        needs="calls",
        message=on_arguments(_cut, "tool_calls"),
    ),
    *(_of_call(f.__name__, says, message=on_arguments(f)) for f, says in _ARGUMENTS),
    *(_of_call(f.__name__, says, message=on_name(f)) for f, says in _NAMES),
    *(_of_call(f.__name__, says, message=on_call(f)) for f, says in _CALL),
    _of_call(
        "legacy_function_call", "the call is in `function_call`, as before 2023", message=_legacy
    ),
    *(_of_call(f.__name__, says, message=on_call(f), only="block") for f, says in _BLOCK_CALL),
    *(_of_call(f.__name__, says, message=on_calls(f), only="block") for f, says in _BLOCK_CALLS),
    _of_call("calls_too_many", "the calls are repeated without end", message=on_calls(_too_many)),
)
