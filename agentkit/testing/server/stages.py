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
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.loopback import Reply
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
    form: DialectForm,
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
    reply = send(question, draft, form, on)
    for fault in on:
        reply = reply if fault.instead is None else fault.instead
        reply = fault.reply(reply, question) if fault.reply else reply
    return reply


def _block(question: Question, draft: Any, form: DialectForm, faults: Sequence[Fault]) -> Reply:
    body: Any = form.body(draft, question)
    for fault in faults:
        body = fault.body(body, question) if fault.body and _takes(body, question) else body
    return json_reply(body, form)


def _takes(body: Any, question: Question) -> bool:
    """Tell whether a fault of bodies can change it: it is an answer still."""
    return is_completion(body) if question.dialect == "chat" else isinstance(body, dict)


def _streamed(question: Question, draft: Any, form: DialectForm, faults: Sequence[Fault]) -> Reply:
    chunks = form.chunks(draft, question)
    for fault in faults:
        chunks = fault.chunks(chunks, question) if fault.chunks else chunks
    pieces = [form.frame(chunk) for chunk in chunks]
    return Reply(headers=form.sent_headers(stream=True), pieces=pieces)


def json_reply(data: Any, form: DialectForm, status: int = 200) -> Reply:
    """Send data as the manner writes JSON; a text is sent as it is."""
    text = data if isinstance(data, str) else form.block_text(data)
    return Reply(text, status, form.sent_headers(stream=False))


def refused(refusal: Refusal, form: DialectForm) -> Reply:
    """Refuse a request in the manner's own shape."""
    body = form.error(refusal) if refusal.body is None else refusal.body
    reply = json_reply(body, form, refusal.status)
    return replace(reply, headers={**reply.headers, **refusal.headers})
