"""What a trace holds of a run: the calls of models with what they were asked, and of tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, takewhile
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.traces.loose import decoded, first, known, mapping, mappings, text
from agentkit.files.foreign.traces.spelling.any_spelling import is_item, utterances_in
from agentkit.files.foreign.traces.spelling.langchain_spelling import usage_in
from agentkit.files.foreign.traces.spelling.utterance import Utterance, as_one, exchange_of
from agentkit.types.trajectory import ResultStatus, StopReason
from agentkit.types.wire import ApiError, Exchange


@dataclass(slots=True, eq=False)
class ModelRun:
    """One request of a model, and its answer."""

    span: str
    messages: list[dict[str, Any]]
    """What it was shown, in the chat form."""
    answer: Utterance | None = None
    """What it said; None where that is not known."""
    model: str | None = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    sampling: dict[str, Any] = field(default_factory=dict)
    started: float | None = None
    elapsed: float | None = None
    error: str | None = None
    source: Any = None
    """What the recorder wrote beside its messages."""
    body: dict[str, Any] | None = None
    """The whole answer as the server sent it, where that was kept."""

    @property
    def request(self) -> str:
        """The body of its request, as far as it is known."""
        tools = {"tools": self.tools} if self.tools else {}
        head = {"model": self.model} if self.model else {}
        asked = {**self.sampling, **head, **tools, "messages": self.messages}
        return json.dumps(asked, ensure_ascii=False, default=str)

    @property
    def exchange(self) -> Exchange:
        """What came back."""
        times: dict[str, Any] = {"started": self.started, "elapsed": self.elapsed}
        if self.answer is None or (self.error and not _says(self.answer)):
            message = self.error or "the trace holds no answer"
            error = ApiError(kind="server_error" if self.error else "bad_response", message=message)
            body = json.dumps({"imported": self.source}, ensure_ascii=False, default=str)
            return Exchange(transport_error=error, body=body if self.source else "", **times)
        if self.body is not None:
            body = json.dumps({**self.body, "imported": self.source}, default=str)
            return Exchange(body=body, **times)
        made: Exchange = exchange_of(self.answer, self.source or {}, **times)
        return made


def _says(answer: Utterance) -> bool:
    return bool(answer.message.get("content") or answer.message.get("tool_calls"))


@dataclass(slots=True, eq=False)
class ToolRun:
    """One run of a tool."""

    span: str
    name: str | None = None
    call_id: str | None = None
    content: str | None = None
    """What came out, as text; None where that was not kept."""
    error: str | None = None
    status: ResultStatus | None = None
    """How it came out, where that was said in agentkit's own word; else an error is an error."""
    started: float | None = None
    elapsed: float | None = None


@dataclass(slots=True)
class Trace:
    """The runs of one trace, or of one session."""

    losses: Losses
    meta: dict[str, Any] = field(default_factory=dict)
    calls: list[ModelRun] = field(default_factory=list)
    runs: list[ToolRun] = field(default_factory=list)
    parents: dict[str, str | None] = field(default_factory=dict)
    """The span in which each span ran."""
    behind: list[dict[str, Any]] = field(default_factory=list)
    """Messages behind the last answer, where the trace holds them."""
    ended: StopReason | None = None
    """Why its rollout ended, where the trace says so."""

    def above(self, span: str) -> list[str]:
        """List the spans in which a span ran, the nearest first."""
        found: dict[str, None] = {}
        now = self.parents.get(span)
        while now is not None and now not in found and now != span and len(found) < 1000:
            found[now] = None
            now = self.parents.get(now)
        return [*found]


def asked_messages(given: Any, losses: Losses) -> list[dict[str, Any]]:
    """Give the messages that an input holds."""
    return [said.message for said in utterances_in(given, losses)]


def answer_in(given: Any, losses: Losses, several: bool = False) -> Utterance | None:
    """Give the answer that an output holds: its last message of the assistant, with those right
    before it, as the items of Responses are recorded; of several choices the first.

    Args:
        given: the output.
        losses: takes what is not understood.
        several: whether several choices were asked for.
    """
    value = decoded(given)
    if isinstance(value, Mapping):
        value = _inner_output(dict(value))
    found = utterances_in(value, losses, "assistant")
    if isinstance(value, list) and all(map(_is_whole, value)):
        several = several or not any(map(_is_no_answer, found))
        found = found if several else [one for one in found if not _is_no_answer(one)][-1:]
    return one_answer(found, losses, several, _beside(mapping(given)))


def _is_whole(value: Any) -> bool:
    """Tell a message of a chat, of which an answer has one, from an item or a part of one."""
    if not isinstance(value, Mapping) or "role" not in value or "content" not in value:
        return False
    return not {"type", "parts", "id"} & value.keys()


def one_answer(
    found: Sequence[Utterance], losses: Losses, several: bool, beside: Mapping[str, Any]
) -> Utterance | None:
    """Make one answer of the last messages of the assistant; None where there is none.

    Args:
        found: what was said.
        losses: takes the choices that are left out.
        several: whether several choices were asked for.
        beside: what is known of the answer from elsewhere.
    """
    behind = [*dropwhile(_is_no_answer, reversed(found))]
    answers = [*takewhile(lambda one: not _is_no_answer(one), behind)][::-1]
    if not answers:
        return None
    if several or sum("finish_reason" in one.answer for one in answers) > 1:
        for _ in answers[1:]:
            losses.note("choices of an answer beside the first")
        answers = answers[:1]
    known_of = {key: item for one in answers for key, item in one.answer.items()}
    return Utterance(as_one([one.message for one in answers]), answer={**beside, **known_of})


def _is_no_answer(said: Utterance) -> bool:
    return said.role != "assistant"


def _inner_output(value: dict[str, Any]) -> Any:
    """Give what an output holds its answer in."""
    one = _generation(value)
    if one:
        return first(one.get("message"), one.get("text"))
    for candidate in mappings(value.get("candidates"))[:1]:  # Gemini's
        value = candidate
    content = value.get("content")
    if isinstance(content, Mapping) and "parts" in content:
        words = (value.get("finish_reason"), value.get("finishReason"))
        return {"role": "model", **content, **known(finish_reason=text(first(*words)))}
    if "role" not in value and is_item(value):
        return [value]
    if "role" not in value and isinstance(value.get("output"), (Mapping, list)):
        return value["output"]
    return value


def _generation(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give the first of LangChain's generations; {} where there is none."""
    listed = decoded(value.get("generations"))
    for _ in range(4):  # lists of lists
        inner = next((one for one in listed or () if one), None) if _is_list(listed) else None
        if not isinstance(inner, list):
            break
        listed = inner
    return next((one for one in mappings(listed) if one), {})


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _beside(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give what an output says of its answer beside the message."""
    info = mapping(value.get("llm_output"))
    finish = text(mapping(_generation(value).get("generation_info")).get("finish_reason"))
    usages = (value.get("usage"), value.get("usage_metadata"), value.get("usageMetadata"))
    usage = first(*usages, info.get("token_usage"))
    model = text(value.get("model")) or text(info.get("model_name")) or text(info.get("model"))
    counts = _counts(mapping(usage)) or None
    return known(model=model, id=text(value.get("id")), usage=counts, finish_reason=finish)


def _counts(usage: dict[str, Any]) -> dict[str, Any]:
    """Write Gemini's counts under OpenAI's names."""
    if "prompt_token_count" not in usage and "promptTokenCount" not in usage:
        return usage
    read = first(usage.get("prompt_token_count"), usage.get("promptTokenCount"))
    wrote = first(usage.get("candidates_token_count"), usage.get("candidatesTokenCount"))
    return known(prompt_tokens=read, completion_tokens=wrote)


def raw_body(given: Any) -> dict[str, Any] | None:
    """Give an output that is the whole body of an answer, of any of the three dialects."""
    value = decoded(given)
    if not isinstance(value, Mapping):
        return None
    if "usage" not in value and (counts := mapping(value.get("usage_metadata"))):
        value = {**value, "usage": _usage(value, counts)}  # LangSmith keeps it under another name
    if value.get("object") == "response":
        return dict(value) if mappings(value.get("output")) else None
    if (value.get("type"), value.get("role")) == ("message", "assistant"):
        return dict(value) if mappings(value.get("content")) and value.get("id") else None
    choices = mappings(value.get("choices")) if value.get("object") == "chat.completion" else []
    return dict(value) if choices and isinstance(choices[0].get("message"), Mapping) else None


def _usage(body: Mapping[str, Any], counts: dict[str, Any]) -> dict[str, Any]:
    """Write LangSmith's counts under the names of the dialect that a body is of."""
    made = usage_in(counts)
    if "choices" in body:
        return made
    read, wrote = made.get("prompt_tokens_details"), made.get("completion_tokens_details")
    totals = {name: counts[name] for name in counts if name.endswith("_tokens")}
    return {**totals, **known(input_tokens_details=read, output_tokens_details=wrote)}


def tool_schemas(given: Any) -> list[dict[str, Any]]:
    """Read schemas of tools in whatever dialect as OpenAI has them."""
    listed = decoded(given)
    if isinstance(listed, Mapping):  # the AI SDK keeps them by name
        listed = [{"name": name, **mapping(one)} for name, one in listed.items()]
    values = [decoded(one) for one in listed] if isinstance(listed, (list, tuple)) else []
    flat = [
        inner
        for one in values
        if isinstance(one, Mapping)
        for inner in mappings(one.get("function_declarations")) or [dict(one)]
    ]
    made = [_schema(one) for one in flat]
    return [one for one in made if one is not None]


def _schema(tool: dict[str, Any]) -> dict[str, Any] | None:
    inner = mapping(tool.get("tool"))
    schema = first(inner.get("json_schema"), tool.get("json_schema"))
    if schema is not None:
        return _schema(mapping(schema))
    function = mapping(tool.get("function"))
    if function:
        return {"type": "function", "function": function}
    if not isinstance(tool.get("name"), str):
        return None
    given = ("parameters", "input_schema", "inputSchema", "parameters_json_schema", "args_schema")
    parameters = first(*(decoded(tool.get(name)) for name in given))
    fields = known(description=text(tool.get("description")), parameters=parameters)
    return {"type": "function", "function": {"name": tool["name"], **fields}}
