"""A stream on its way to who shows it: a piece is passed on when no secret goes on in the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentkit.servers.model_call import Call, ChatServer, Emit
from agentkit.servers.redaction.exchange_text import (
    ALMOST,
    Edit,
    channel_edits,
    channels_of,
    cuts_of,
    edited,
    may_go_on,
    raw_edits,
    with_tokens,
)
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.types.request import Spec
from agentkit.types.wire import Chunk, Exchange

_BEGUN = 4
"""Characters of a secret from which on what follows is waited for."""
_WAITING = 2**16
"""Characters that wait at most."""


class Passage:
    """Passes the pieces of a stream on without secrets. What it holds back is passed on by `close`.

    Args:
        redact: gives what knows the secrets by now.
        emit: gets the pieces.
    """

    def __init__(self, redact: Callable[[], Redactor], emit: Callable[[Chunk], None]) -> None:
        self._redact, self._emit = redact, emit
        self._waiting: list[Chunk] = []
        self._ends: dict[Any, str] = {}
        """What may be the beginning of a secret at the end of what was passed on of each text."""

    def __call__(self, chunk: Chunk) -> None:
        """Take the next piece."""
        redact = self._redact()
        if not redact and not self._waiting:
            self._emit(chunk)
            return
        self._waiting.append(chunk)
        whole = "".join(piece.text for piece in self._waiting)
        if not redact:
            self._pass_on([])
        elif whole.endswith("\n") or len(whole) > _WAITING:
            self._look(whole, redact)

    def close(self) -> None:
        """Pass on what is still held back: nothing more comes."""
        if self._waiting:
            self._look("".join(piece.text for piece in self._waiting), self._redact(), last=True)

    def _look(self, whole: str, redact: Redactor, *, last: bool = False) -> None:
        edits: list[Edit] = []
        ends = dict(self._ends)
        channels = channels_of(whole)
        newest = whole.rstrip("\n").rfind("\n")
        for channel, pieces in channels.items():
            before = ends.pop(channel, "")
            edits += channel_edits(whole, pieces, redact, before)
            said = before + "".join(piece.text for piece in pieces)
            count = redact.unfinished(said) if may_go_on(channel) else 0
            if count >= _BEGUN and not last and pieces[-1].end > newest and len(whole) < _WAITING:
                return
            if count:
                ends[channel] = said[-count:]
            if last and count >= ALMOST:
                rest = [(max(len(said) - count, len(before)), len(said))]
                edits += cuts_of(whole, pieces, rest, len(before))
        self._ends = ends
        raw = raw_edits(whole, redact)
        edits = raw if raw and not edits else _apart([*edits, *raw])
        self._pass_on(with_tokens(whole, edits) if edits else [])

    def _pass_on(self, edits: list[Edit]) -> None:
        waiting, self._waiting = self._waiting, []
        texts = edited([chunk.text for chunk in waiting], edits) if edits else None
        for index, chunk in enumerate(waiting):
            if texts is None:
                self._emit(chunk)
            elif texts[index]:
                self._emit(replace(chunk, text=texts[index]))


async def clean_answer(server: ChatServer, call: Call, emit: Emit | None) -> Exchange:
    """Ask a server, and take the secrets out of its answer as out of one of a rollout.

    Args:
        server: what is asked.
        call: what to send.
        emit: gets the pieces of a stream.
    """
    secrecy = Secrecy()
    passage = Passage(lambda: secrecy.redact, emit) if emit is not None else None
    exchange = await server.chat(replace(call, raw=True), passage)
    if passage is not None:
        passage.close()
    return secrecy.answer(Spec(), exchange, 0).exchange


def _apart(edits: list[Edit]) -> list[Edit]:
    """Leave out what is cut already by an edit in front of it."""
    found: list[Edit] = []
    for edit in sorted(edits):
        if not found or edit[0] >= found[-1][1]:
            found.append(edit)
        elif edit[1] > found[-1][1]:
            found[-1] = (found[-1][0], edit[1], found[-1][2] or edit[2])
    return found
