"""Faults in a message: calls as text, reasoning in the wrong place, a finish reason that does not
fit; and other behaviour of the model.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agentkit.testing.faults.fault import (
    Draft,
    Fault,
    MessageChange,
    loaded,
    named,
    on_arguments,
    on_calls,
    on_message,
    target_function,
)
from agentkit.testing.server.question import Question, tools_named

_QWEN_CODER = "<tool_call>\n<function={name}>\n{parameters}</function>\n</tool_call>"
_DEEPSEEK = (
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{args}\n```<｜tool▁call▁end｜>"
)
_KIMI = "<|tool_call_begin|>functions.{name}:{n}<|tool_call_argument_begin|>{args}<|tool_call_end|>"

WRITTEN: dict[str, tuple[str, str, str, str]] = {
    "hermes": (
        '<tool_call>\n{{"name": "{name}", "arguments": {args}}}\n</tool_call>',
        "",
        "\n",
        "",
    ),
    "mistral": ("[TOOL_CALLS]{name}[ARGS]{args}", "", "", ""),
    "llama3_json": ('{{"name": "{name}", "parameters": {args}}}', "", "; ", ""),
    "pythonic": ("{name}({keywords})", "[", ", ", "]"),
    "qwen3_coder": (_QWEN_CODER, "", "\n", ""),
    "deepseek_v3": (_DEEPSEEK, "<｜tool▁calls▁begin｜>", "\n", "<｜tool▁calls▁end｜>"),
    "kimi_k2": (_KIMI, "<|tool_calls_section_begin|>", "", "<|tool_calls_section_end|>"),
    "glm45": ("<tool_call>{name}\n{keys}</tool_call>", "", "\n", ""),
    "gemma4": ("<|tool_call>call:{name}{marked}<tool_call|>", "", "", ""),
}
"""How the models of a family write calls: one call, and what comes before, between and after the
calls. Named as vLLM's parsers are.
"""

DEFAULT = "hermes"


def write_calls(listed: Any, form: str = DEFAULT) -> str:
    """Write the calls as a model of this family does; entries that are no calls are left out.

    >>> write_calls([{"function": {"name": "add", "arguments": '{"a": 1}'}}], "pythonic")
    '[add(a=1)]'
    """
    call, before, between, after = WRITTEN[form]
    functions = [
        entry["function"]
        for entry in listed
        if isinstance(entry, dict) and isinstance(entry.get("function"), dict)
    ]
    return (
        before
        + between.join(_written(call, n, function) for n, function in enumerate(functions))
        + after
    )


def _written(call: str, n: int, function: dict[str, Any]) -> str:
    args = str(function.get("arguments"))
    items = list(loaded(args).items())
    shown = [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in items
    ]
    return call.format(
        name=function.get("name"),
        args=args,
        n=n,
        keywords=", ".join(f"{key}={value!r}" for key, value in items),
        marked=_marked(dict(items)),
        parameters="".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in shown),
        keys="".join(
            f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n" for key, value in shown
        ),
    )


def _marked(value: Any) -> str:
    """Write a value as Gemma 4 does: marks around text, everything else bare."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_marked(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_marked, value))}]"
    return f'<|"|>{value}<|"|>' if isinstance(value, str) else json.dumps(value)


def as_text(message: dict[str, Any], form: str = DEFAULT) -> dict[str, Any]:
    """Write the calls of a message into its content."""
    left = {key: value for key, value in message.items() if key != "tool_calls"}
    text = message.get("content") or ""
    return {**left, "content": f"{text}{write_calls(message.get('tool_calls') or (), form)}"}


def _in_text(form: str) -> MessageChange:
    """Write the calls into the content as this family of models does."""

    def change(message: dict[str, Any]) -> dict[str, Any]:
        return as_text(message, form)

    return on_message(change, "stop")


def _with_nested_value(message: dict[str, Any]) -> dict[str, Any]:
    """Write the calls as Gemma 4 does, each with an option that the tool's schema does not type."""
    calls = []
    for call in message.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            given = {**loaded(str(function.get("arguments"))), "options": {"exact": True}}
            calls.append({"function": {**function, "arguments": json.dumps(given)}})
    return as_text({**message, "tool_calls": calls}, "gemma4")


def _in_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    left = {key: value for key, value in message.items() if key != "tool_calls"}
    thought = f"I need a tool.\n{write_calls(message.get('tool_calls') or ())}"
    return {**left, "content": message.get("content") or "One moment.", "reasoning": thought}


def _on_content(change: Callable[[str], Any], *without: str) -> MessageChange:
    """Change the text of the message, and leave out fields that the server does not send then."""

    def changed(message: dict[str, Any]) -> dict[str, Any]:
        left = {name: value for name, value in message.items() if name not in without}
        return {**left, "content": change(str(message.get("content") or ""))}

    return on_message(changed)


def _answer_in_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "content": None, "reasoning": message.get("content")}


def _end_token(text: str) -> str:
    return f"{text}<|im_end|>"


def _think_block(text: str) -> str:
    return f"<think>\nLet me see.\n</think>\n\n{text}"


def _think_close(text: str) -> str:
    return f"Let me see.\n</think>\n\n{text}"


def _think_open(text: str) -> str:
    return f"{text}\n<think>\nAnything else?"


def _parts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


def _reasoning_object(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "reasoning": {"text": "Let me see."}}


def _refuse(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "content": None, "refusal": "I cannot help with that."}


def _say_nothing(message: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in message.items() if key != "reasoning"}, "content": ""}


def _ask_back(message: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "Which one do you mean?"}


def _finish(reason: Any) -> MessageChange:
    """Set the finish reason."""

    def message(draft: Draft, question: Question) -> Draft:
        return {**draft, "finish_reason": reason}

    return message


def _other_values(arguments: str) -> str:
    changed = {key: _other_value(value) for key, value in loaded(arguments).items()}
    return json.dumps(changed, ensure_ascii=False)


def _other_value(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value} Nord"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value + 1
    return value


def _other_tool(draft: Draft, question: Question) -> Draft:
    function = target_function(draft)
    others = sorted(tools_named(question.request) - {str(function.get("name"))})
    if function and others:
        function["name"] = others[0]
    return draft


def _kimi_ids(calls: list[Any]) -> list[Any]:
    return [_with_kimi_id(call, position) for position, call in enumerate(calls)]


def _with_kimi_id(call: Any, position: int) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return call
    return {**call, "id": f"functions.{function.get('name')}:{position}"}


def _first_only(calls: list[Any]) -> list[Any]:
    return calls[:1]


_NO_PARSER = "captured: vLLM 0.32 without the fitting tool-call parser"
_NO_REASONING = "captured: vLLM 0.32 without a reasoning parser"
_QWEN3 = "captured: vLLM 0.32 with --reasoning-parser qwen3, an answer without a think block"

MESSAGE_FAULTS: tuple[Fault, ...] = (
    *(
        Fault(
            name=f"tool_call_in_content:{form}",
            says=f"the calls are {form} text in the content",
            codes=("tool_call_in_content",),
            needs="calls",
            message=_in_text(form),
            source=_NO_PARSER if form == DEFAULT else "constructed",
            divergence="call_in_text",
        )
        for form in WRITTEN
    ),
    Fault(
        name="stream_vs_block",
        says="streamed, the calls are text in the content; in block they are calls",
        codes=("tool_call_in_content",),
        needs="calls",
        only="stream",
        message=_in_text(DEFAULT),
        divergence="stream_vs_block",
    ),
    Fault(
        name="arguments_retyped",
        says="the calls are Gemma 4's text in the content, with a nested value that is no text",
        codes=("tool_call_in_content", "arguments_retyped"),
        needs="calls",
        message=on_message(_with_nested_value, "stop"),
        source="constructed",
    ),
    named(
        "tool_call_in_reasoning",
        "the calls are text in the reasoning",
        needs="calls",
        message=on_message(_in_reasoning, "stop"),
    ),
    Fault(
        name="answer_in_reasoning",
        says="the answer is in the reasoning, the content is null",
        codes=("answer_in_reasoning", "empty_response"),
        needs="text",
        message=on_message(_answer_in_reasoning),
        source=_QWEN3,
    ),
    named(
        "markup_leak",
        "the end-of-turn token is left in the content",
        needs="text",
        divergence="token_leak",
        message=_on_content(_end_token),
    ),
    named(
        "think_in_content",
        "a think block is in the content",
        needs="text",
        source=_NO_REASONING,
        message=_on_content(_think_block),
    ),
    named(
        "orphan_think_close",
        "a think block without its opening tag is in the content",
        needs="text",
        message=_on_content(_think_close, "reasoning", "reasoning_content"),
    ),
    named(
        "unclosed_think",
        "a think block after the text is never closed",
        needs="text",
        message=_on_content(_think_open, "reasoning", "reasoning_content"),
    ),
    named(
        "content_list", "the content is a list of parts", needs="text", message=_on_content(_parts)
    ),
    named(
        "reasoning_not_string",
        "the reasoning is an object",
        only="block",
        message=on_message(_reasoning_object),
    ),
    named("refusal", "the model refuses", needs="text", message=on_message(_refuse)),
    named(
        "empty_response",
        "the answer holds neither text nor calls",
        needs="text",
        message=on_message(_say_nothing),
    ),
    named("finish_missing", "the finish reason is null", only="block", message=_finish(None)),
    named("finish_nonstandard", "the finish reason is `eos`", message=_finish("eos")),
    Fault(
        name="finish_nonstandard:object",
        says="the finish reason is SGLang's own object, as Atropos' ManagedServer hands it on",
        codes=("finish_nonstandard",),
        message=_finish({"type": "stop", "matched": 151_645}),
        needs="text",
    ),
    named("finish_empty_string", "the finish reason is an empty text", message=_finish("")),
    named(
        "finish_length",
        "the answer was cut at the token limit",
        needs="text",
        message=_finish("length"),
        source="captured: vLLM 0.32 with a small max_tokens",
        divergence="truncation",
    ),
    named(
        "finish_content_filter",
        "the answer was stopped by a content filter",
        needs="text",
        message=_finish("content_filter"),
    ),
    Fault(
        name="generation_aborted",
        says="the finish reason is `abort`: the server broke the generation off",
        needs="text",
        codes=("finish_nonstandard", "generation_aborted"),
        message=_finish("abort"),
        divergence="finish_reason",
    ),
    named(
        "finish_stop_with_tool_calls",
        "the finish reason is `stop` although there are calls",
        needs="calls",
        message=_finish("stop"),
        source="captured: vLLM 0.32 with a named tool_choice",
        divergence="finish_reason",
    ),
    named(
        "finish_tool_calls_without_calls",
        "the finish reason is `tool_calls` and there are none",
        needs="text",
        message=_finish("tool_calls"),
    ),
    Fault(
        name="call_id",
        says="the ids are in Kimi's form",
        needs="calls",
        message=on_calls(_kimi_ids),
        divergence="call_id",
    ),
    Fault(
        name="tool_selection",
        says="another of the offered tools is called",
        needs="calls",
        message=_other_tool,
        divergence="tool_selection",
    ),
    Fault(
        name="parallel_calls",
        says="of several calls only the first is made",
        needs="parallel",
        message=on_calls(_first_only),
        divergence="parallel_calls",
    ),
    Fault(
        name="arguments_value",
        says="the arguments hold other values",
        needs="calls",
        message=on_arguments(_other_values),
        divergence="arguments_value",
    ),
    Fault(
        name="tool_choice_semantics",
        says="a forced tool choice is answered with text",
        needs="forced",
        divergence="tool_choice_semantics",
        message=on_message(_ask_back, "stop"),
    ),
)
