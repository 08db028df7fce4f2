"""The stages of an answer on its way out: from a message to a draft, to a body or the chunks of a
stream in a manner's form, to an HTTP reply. Faults are applied at the stages they name.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.testing.faults.fault import Draft, Fault, Mode
from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.manner import Manner
from agentkit.testing.server.question import Question
from agentkit.testing.server.recorded import is_completion


def draft_of(choice: Mapping[str, Any]) -> Draft:
    """Give a copy of a message and its finish reason, its reasoning under one name."""
    message = copy.deepcopy(dict(choice["message"]))
    if "reasoning_content" in message:
        thought = message.pop("reasoning_content")
        message.setdefault("reasoning", thought)
    if message.get("tool_calls") == []:
        del message["tool_calls"]
    return {"message": message, "finish_reason": choice.get("finish_reason")}


def reply_to(
    question: Question,
    draft: Draft | None,
    mode: Mode,
    manner: Manner,
    faults: Iterable[Fault] = (),
) -> Reply:
    """Send a draft in a manner's form, with the faults that apply to it.

    Args:
        question: what is answered.
        draft: the answer; faults change it. None where only the manner knows what it sends.
        mode: how it was asked for.
        manner: gives the draft its form.
        faults: what goes wrong; requests they refuse have been refused before.
    """
    on = [fault for fault in faults if fault.applies(draft, question, mode)]
    for fault in on:
        if fault.message and draft is not None and fault.applies(draft, question, mode):
            draft = fault.message(draft, question)
    swapped = any(fault.swap for fault in on)
    send = _streamed if (mode == "stream") != swapped else _block
    reply = send(question, draft, manner, on)
    for fault in on:
        reply = reply if fault.instead is None else fault.instead
        reply = fault.reply(reply, question) if fault.reply else reply
    return reply


def _block(question: Question, draft: Any, manner: Manner, faults: Sequence[Fault]) -> Reply:
    body: Any = manner.body(draft, question)
    for fault in faults:
        body = fault.body(body, question) if fault.body and is_completion(body) else body
    return json_reply(body, manner)


def _streamed(question: Question, draft: Any, manner: Manner, faults: Sequence[Fault]) -> Reply:
    chunks = manner.chunks(draft, question)
    for fault in faults:
        chunks = fault.chunks(chunks, question) if fault.chunks else chunks
    texts = [chunk if isinstance(chunk, str) else manner.dumps(chunk) for chunk in chunks]
    pieces = [f"data: {text}\n\n" for text in texts]
    return Reply(headers=manner.sent_headers(stream=True), pieces=pieces)


def json_reply(data: Any, manner: Manner, status: int = 200) -> Reply:
    """Send data as the manner writes JSON; a text is sent as it is."""
    text = data if isinstance(data, str) else manner.block_text(data)
    return Reply(text, status, manner.sent_headers(stream=False))


def refused(refusal: Refusal, manner: Manner) -> Reply:
    """Refuse a request in the manner's own shape."""
    body = manner.error(refusal) if refusal.body is None else refusal.body
    reply = json_reply(body, manner, refusal.status)
    return replace(reply, headers={**reply.headers, **refusal.headers})
