"""What a request holds beside its messages, from the names of chat completions to those of
Messages. What has no counterpart is sent as it is, so that the server says so.
"""

from __future__ import annotations

from typing import Any

MAX_TOKENS = 4096
"""What is asked for where nobody said: the API requires a number. Every model takes this one, and
LiteLLM, pydantic-ai and others ask for it too; vLLM refuses more than its context has room for.
"""
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_CHOICES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}
_EFFORTS = {"minimal": "low"}
"""Efforts of OpenAI that have another name."""


def native_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Write the fields of a request in chat form under the names of Messages; native ones stay.

    Args:
        fields: model, tools, max_tokens, temperature, …; `stream_options` has no meaning here.
    """
    found = dict(fields)
    limits = [found.pop(name) for name in _LIMITS if name in found]
    found["max_tokens"] = next((limit for limit in limits if limit is not None), MAX_TOKENS)
    found.pop("stream_options", None)
    if isinstance(found.get("tools"), (list, tuple)):
        found["tools"] = [native_tool(tool) for tool in found["tools"]]
    if "stop" in found:
        stop = found.pop("stop")
        texts = [stop] if isinstance(stop, str) else stop
        found.update({"stop_sequences": texts} if texts else {})
    if "user" in found:
        given = found.get("metadata")
        own = given if isinstance(given, dict) else {}
        found["metadata"] = {"user_id": found.pop("user"), **own}
    _choose(found)
    _configure(found)
    return found


def native_tool(tool: Any) -> Any:
    """Write a tool's schema; a tool that is Anthropic's already stays as it is."""
    if not isinstance(tool, dict):
        return tool
    function, custom = tool.get("function"), tool.get("custom")
    kept = {k: v for k, v in tool.items() if k not in ("type", "function", "custom")}
    if isinstance(function, dict):
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        return {**_named(function), "input_schema": schema, **_strict(function), **kept}
    if isinstance(custom, dict):
        text = {"type": "object", "properties": {"input": {"type": "string"}}}
        return {**_named(custom), "input_schema": {**text, "required": ["input"]}, **kept}
    return tool


def _named(holder: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "description")
    return {name: holder[name] for name in names if holder.get(name) is not None}


def _strict(function: dict[str, Any]) -> dict[str, Any]:
    return {"strict": function["strict"]} if function.get("strict") is not None else {}


def _choose(found: dict[str, Any]) -> None:
    """Write `tool_choice`, and in it what `parallel_tool_calls` says."""
    choice = found.pop("tool_choice", None)
    if isinstance(choice, str):
        choice = {"type": _CHOICES.get(choice, choice)}
    elif isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        choice = {"type": "tool", "name": choice["function"].get("name")}
    elif isinstance(choice, dict) and choice.get("type") in ("function", "custom"):
        inner = choice.get("custom")
        holder = inner if isinstance(inner, dict) else choice
        choice = {"type": "tool", "name": holder.get("name")}
    parallel = found.pop("parallel_tool_calls", None)
    if parallel is False and (found.get("tools") or choice):
        choice = {"type": "auto"} if choice is None else choice
        if isinstance(choice, dict) and choice.get("type") != "none":
            choice = {**choice, "disable_parallel_tool_use": True}
    if choice is not None:
        found["tool_choice"] = choice


def _configure(found: dict[str, Any]) -> None:
    """Write the form and the effort of the answer as `output_config`."""
    config: dict[str, Any] = {}
    shape = found.get("response_format")
    kind = shape.get("type") if isinstance(shape, dict) else None
    inner = shape.get("json_schema") if isinstance(shape, dict) else None
    if kind == "json_schema" and isinstance(inner, dict) and "schema" in inner:
        config["format"] = {"type": "json_schema", "schema": inner["schema"]}
        del found["response_format"]
    elif kind == "text" or ("response_format" in found and shape is None):
        del found["response_format"]
    effort = found.pop("reasoning_effort", None)
    if effort == "none":
        found.setdefault("thinking", {"type": "disabled"})
    elif effort is not None:
        config["effort"] = _EFFORTS.get(effort, effort) if isinstance(effort, str) else effort
    own = found.get("output_config")
    if config:
        found["output_config"] = {**config, **own} if isinstance(own, dict) else config
