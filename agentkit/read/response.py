"""Any server's answer as a `Response`: a dict, an SDK model, an attribute object, or a mixture of
them at any level, read the same.

A finish reason never decides whether calls run; truncated JSON is never completed; a call in the
text is listed, and run only where a parser was chosen; whatever cannot be read is reported, and the
raw answer is kept beside its reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from agentkit.errors import UsageError, checked_keywords, suggest
from agentkit.read.body.content import Content, read_content
from agentkit.read.body.dialect import find_dialect, read_dialect
from agentkit.read.body.draft import AnswerDraft, complete
from agentkit.read.body.finish_words import ending_of
from agentkit.read.body.message import (
    Envelope,
    finish_of,
    number_problems,
    open_envelope,
    parse_body,
)
from agentkit.read.body.reasoning import field_blocks
from agentkit.read.body.usage import token_fields
from agentkit.read.calls.known_tools import KnownTools, known_tools
from agentkit.read.calls.tool_call import read_calls
from agentkit.read.managed import MANAGED_PARSER
from agentkit.read.plain import compact_json, plain
from agentkit.types.answer import Policy, Response, ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.record import replace
from agentkit.types.wire import Exchange
from agentkit.types.words import shared, type_in_words


@checked_keywords
def read_response(
    obj: Any,
    tools: Any = None,
    policy: Policy = "normalize",
    *,
    parser: str | None = None,
    turn: int | None = None,
) -> Response:
    """Read the answer, whatever it is: what is wrong with it is in its problems.

    Args:
        obj: a completion as dict, SDK model, attribute object or any mixture; an assistant message
            alone; a body as text or bytes; an `Exchange`.
        tools: the tools that were offered (OpenAI schemas, `ak.tool` objects, names); without them
            no name is unknown.
        policy: which calls may run: `strict` the exact contract only, `normalize`, or `repair`.
        parser: the tool-call format whose calls, found in the text, are to be run; without one they
            are listed in `recoverable`.
        turn: the turn's index, part of synthetic ids, so that they are unique in a conversation.

    Raises:
        UsageError: there is no such policy.
        NotFound: there is no such parser.
    """
    if policy not in get_args(Policy):
        raise UsageError(
            f"no policy is named {policy!r}",
            hint=suggest(policy, get_args(Policy), "choose 'strict', 'normalize' or 'repair'"),
        )
    if isinstance(obj, Response):
        obj = obj.exchange
    if isinstance(obj, Exchange) and obj.chunks and not obj.body:
        return _read_events(obj, [], tools, policy, parser, turn)
    exchange, data, problems = _source(obj)
    if any(p.code == "unexpected_sse" for p in problems):
        return _read_events(exchange, problems, tools, policy, parser, turn)
    found = find_dialect(data)
    if found is not None:
        found.problems[:0] = problems
        return read_dialect(found, exchange, known_tools(tools), policy, parser, turn)
    envelope = open_envelope(data) if not problems or data is not None else Envelope()
    envelope.problems[:0] = problems
    return _read(envelope, exchange, known_tools(tools), policy, parser, turn)


def read_body(
    data: Any, exchange: Exchange, tools: Any, policy: Policy, parser: str | None, turn: int | None
) -> Response:
    """Read a chat completion that is plain data already as the answer of this exchange.

    Args:
        data: the body as plain data.
        exchange: what it came in.
        tools, policy, parser, turn: as for `read_response`.
    """
    return _read(open_envelope(data), exchange, known_tools(tools), policy, parser, turn)


def _read_events(
    exchange: Exchange,
    notes: list[Problem],
    tools: Any,
    policy: Policy,
    parser: str | None,
    turn: int | None,
) -> Response:
    from agentkit.read.stream.stream_reader import read_stream

    read = read_stream(exchange.chunks or exchange.text, tools, policy, parser=parser, turn=turn)
    return replace(read, exchange=exchange, problems=(*notes, *read.problems))


def _source(obj: Any) -> tuple[Exchange, Any, list[Problem]]:
    """Take the raw answer as an exchange, as data, and what was wrong with its text."""
    if isinstance(obj, Exchange):
        return (obj, *parse_body(obj.text))
    if isinstance(obj, (bytes, bytearray)) and obj[:2] == b"\x1f\x8b":
        zipped = problem("content_encoding_bad", "the body is still compressed (gzip)")
        return Exchange(body=bytes(obj).decode(errors="replace")), None, [zipped]
    if isinstance(obj, (str, bytes, bytearray)):
        text = obj if isinstance(obj, str) else bytes(obj).decode(errors="replace")
        return (Exchange(body=text), *parse_body(text))
    data = plain(obj)
    return Exchange(body=compact_json(data)), data, number_problems(data)


def _read(
    envelope: Envelope,
    exchange: Exchange,
    tools: KnownTools,
    policy: Policy,
    parser: str | None,
    turn: int | None,
) -> Response:
    body, choice = envelope.body, envelope.choice
    answer = Response(
        model=shared(model) if isinstance(model := body.get("model"), str) else None,
        problems=tuple(envelope.problems),
        exchange=exchange,
        **token_fields(body, choice),
    )
    if envelope.message is None:
        finish, notes = finish_of(envelope)
        return replace(answer, finish_reason=finish, problems=(*answer.problems, *notes))
    return _read_message(answer, envelope, tools, policy, parser, turn)


def _read_message(
    answer: Response,
    envelope: Envelope,
    tools: KnownTools,
    policy: Policy,
    parser: str | None,
    turn: int | None,
) -> Response:
    message, at = envelope.message or {}, envelope.pointer
    choice_at = at.rpartition("/")[0]
    blocks, problems = field_blocks(message, at)
    content = read_content(message.get("content"), f"{at}/content")
    finish, finish_notes = finish_of(envelope)
    structured, call_notes = _structured_calls(message, tools, policy, at)
    refusal = message.get("refusal")
    notes = (*answer.problems, *problems, *content.problems, *call_notes, *finish_notes)
    draft = AnswerDraft(
        head=replace(
            answer,
            wire_content=content.text,
            refusal=refusal if refusal and isinstance(refusal, str) else content.refusal,
            finish_reason=finish,
            problems=notes,
        ),
        calls=structured,
        listed=tuple(_used(content, tools, policy)),
        blocks=[*blocks, *content.blocks],
        ending=ending_of(finish),
        stopped=finish is None and bool(answer.exchange.chunks),
        imported=envelope.imported,
        pointer=at,
        content_pointer=f"{at}/content",
        refusal_pointer=f"{at}/refusal",
        finish_pointer=None if envelope.bare else f"{choice_at}/finish_reason",
        token_pointer=None if envelope.several else choice_at,
    )
    response = complete(draft, tools, policy, parser, turn)
    found = _explained(list(response.problems), response)
    return replace(response, problems=tuple(found)) if found else response


_LEFT = frozenset({"tool_call_in_content", "markup_leak", "finish_tool_calls_without_calls"})


def _explained(found: list[Problem], response: Response) -> list[Problem]:
    """Say of calls that a ManagedServer left in the text why it did."""
    parser = dict(response.exchange.headers).get(MANAGED_PARSER)
    if parser is None or (response.tool_calls and response.tool_calls[0].origin == "tool_calls"):
        return found
    why = (
        f"its ManagedServer's tool_parser {parser!r} read no call in it"
        if parser
        else "its ManagedServer parses no calls: make it with tool_parser=..., or choose text_calls"
    )
    return [replace(p, message=f"{p.message}; {why}") if p.code in _LEFT else p for p in found]


def _used(content: Content, tools: KnownTools, policy: Policy) -> Iterator[ToolCall]:
    """Read the calls that came as content parts."""
    for use in content.uses:
        yield from read_calls(use, 0, tools, policy, origin="content:tool_use")


def _structured_calls(
    message: dict[str, Any], tools: KnownTools, policy: Policy, at: str
) -> tuple[list[ToolCall], list[Problem]]:
    raw, pointer = message.get("tool_calls"), f"{at}/tool_calls"
    notes: list[Problem] = []
    if raw not in (None, "", {}) and not isinstance(raw, list):
        notes.append(
            problem(
                "tool_calls_not_list",
                f"`tool_calls` is {_kind(raw)}, not a list",
                pointer=pointer,
                before=raw,
            )
        )
    calls: list[ToolCall] = []
    for key, entry in _entries(raw):
        where = f"{pointer}/{key}" if key is not None else pointer
        if entry is None:
            notes.append(
                problem("tool_call_null_entry", "an entry of `tool_calls` is null", pointer=where)
            )
        else:
            calls.extend(read_calls(entry, len(calls), tools, policy, pointer=where))
    legacy = message.get("function_call")
    if not calls and isinstance(legacy, dict) and any(legacy.values()):
        notes.append(
            problem(
                "legacy_function_call",
                "the call stands in `function_call`, deprecated in 2023",
                pointer=f"{at}/function_call",
            )
        )
        calls.extend(
            read_calls(
                {"function": legacy},
                0,
                tools,
                policy,
                origin="function_call",
                pointer=f"{at}/function_call",
            )
        )
    return calls, notes


def _kind(raw: Any) -> str:
    if isinstance(raw, dict):
        return "an object"
    return "a text" if isinstance(raw, str) else type_in_words(raw)


def _entries(raw: Any) -> Iterator[tuple[Any, Any]]:
    """Find the entries of `tool_calls` with where they are: of a list, of an object of calls, of
    one call alone, of a JSON text of these.
    """
    if isinstance(raw, str):
        parsed, _ = parse_body(raw)
        raw = parsed if isinstance(parsed, (list, dict)) else [raw] if raw.strip() else []
    if isinstance(raw, list):
        yield from enumerate(raw)
    elif isinstance(raw, dict) and raw:
        by_name = not {"function", "custom"} & set(raw)
        by_name = by_name and all(isinstance(value, dict) for value in raw.values())
        yield from raw.items() if by_name else [(None, raw)]
