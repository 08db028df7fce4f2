"""An answer of which the parts are found and the text is not yet read: what a chat completion and
any other dialect have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agentkit.dialects.parts import Ending
from agentkit.read.body.finish import finish_problems
from agentkit.read.body.reasoning import SIGNATURES, joined
from agentkit.read.body.usage import token_problems
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.text_calls import (
    find_text_calls,
    is_thought,
    reasoning_calls,
    reasoning_problems,
    text_problems,
)
from agentkit.read.calls.tool_call import cut_short, settle_ids
from agentkit.types.answer import Policy, ReasoningBlock, Response, ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.record import replace


@dataclass(slots=True, kw_only=True)
class AnswerDraft:
    """What is found of an answer."""

    head: Response
    """What is taken over as it is: the text as sent, refusal, finish reason, tokens, problems."""
    calls: list[ToolCall] = field(default_factory=list)
    """The calls that are no text."""
    listed: tuple[ToolCall, ...] = ()
    """Calls that came as parts of the content, which are not run."""
    blocks: list[ReasoningBlock] = field(default_factory=list)
    """The reasoning beside the text."""
    ending: Ending | None = None
    """What the finish reason means."""
    stopped: bool = False
    """Whether it is a stream that stopped before the answer ended."""
    imported: bool = False
    """Whether another recorder kept it, who need not have kept the ids of calls."""
    pointer: str = ""
    """JSON pointer of the message, "" where the body is one."""
    content_pointer: str = ""
    refusal_pointer: str = ""
    finish_pointer: str | None = ""
    """None where no finish reason can be expected."""
    token_pointer: str | None = ""
    """JSON pointer of what holds the tokens; None where they are not those of this answer alone."""


def complete(
    draft: AnswerDraft, tools: KnownTools, policy: Policy, parser: str | None, turn: int | None
) -> Response:
    """Read the text and the reasoning of a draft, settle its calls, and report what only shows
    when all of it is seen together.

    Args:
        draft: what is found.
        tools, policy, parser, turn: as for `read_response`.
    """
    head, cut_off = draft.head, draft.ending == "length"
    structured = cut_short(draft.calls) if cut_off or draft.stopped else draft.calls
    text = find_text_calls(
        head.wire_content,
        tools,
        policy,
        None if structured else parser,
        cut_off=cut_off,
        beside=bool(structured),
        apart=_apart(draft.blocks),
    )
    calls = structured or text.calls
    blocks = [*draft.blocks, *text.think.blocks]
    recoverable = (*draft.listed, *text.recoverable)
    texts = (head.wire_content, text.content)
    thoughts = reasoning_calls(blocks, tools, policy, (*calls, *recoverable), texts)
    left = settle_ids(_placed((*recoverable, *thoughts)), turn)
    response = replace(
        head,
        content=text.content,
        reasoning=joined(blocks),
        reasoning_blocks=tuple(blocks),
        tool_calls=settle_ids(_placed(calls), turn, draft.imported),
        recoverable=left,
    )
    told = text_problems(text, left, draft.content_pointer)
    if draft.imported and parser is not None and not left:
        # of a data set whose calls are text by its own form, none has strayed there
        told = (each for each in told if each.code != "tool_call_in_content")
    found = (*told, *_whole(response, draft))
    return replace(response, problems=(*head.problems, *found)) if found else response


def _apart(blocks: list[ReasoningBlock]) -> str | None:
    """Return the reasoning that did not come in the text; None where there is none."""
    own = [block for block in blocks if block.source not in SIGNATURES]
    return (joined(own) or "") if own else None


def _placed(calls: Iterable[ToolCall]) -> list[ToolCall]:
    """Give the calls the positions they have in the list they end up in."""
    return [
        call if call.position == i else replace(call, position=i) for i, call in enumerate(calls)
    ]


def _whole(response: Response, draft: AnswerDraft) -> Iterator[Problem]:
    """Report what only shows when all parts of the answer are seen together."""
    if draft.token_pointer is not None:
        yield from token_problems(response, draft.token_pointer)
    if draft.finish_pointer is not None:
        yield from finish_problems(
            response.finish_reason,
            draft.ending,
            response.tool_calls,
            response.recoverable,
            draft.finish_pointer,
        )
    if response.refusal:
        yield problem(
            "refusal",
            f"the model refused: {response.refusal}"[:300],
            pointer=draft.refusal_pointer,
        )
    yield from reasoning_problems(response, draft.pointer)
    thoughts = sum(map(is_thought, response.recoverable))
    if (
        response.tool_calls
        or len(response.recoverable) > thoughts
        or response.refusal
        or (response.content or "").strip()
        or draft.ending == "going"
    ):
        return
    cut = draft.ending in ("length", "broken", "filter")
    if (response.reasoning or "").strip() and not cut:
        message = (
            "the reasoning holds text and the answer is empty: the answer may have been read as"
            " reasoning"
        )
        yield problem("answer_in_reasoning", message, pointer=draft.pointer)
    yield problem(
        "empty_response", "the answer holds neither text nor calls", pointer=draft.pointer
    )
