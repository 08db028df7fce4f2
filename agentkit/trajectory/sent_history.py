"""A rollout's history in the form a server takes, growing with it: each message is made once,
however many turns send it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from operator import is_
from typing import Any, Generic, TypeVar

from agentkit.dialects.codecs import CODECS
from agentkit.read.plain import compact_json
from agentkit.trajectory.history import turn_messages
from agentkit.trajectory.profiles import get_profile, profile_of
from agentkit.types.request import Profile
from agentkit.types.trajectory import Message, Trajectory, Turn

T = TypeVar("T")

_APART = 32
"""Messages that are kept apart behind those that are joined."""


class SentHistory(Generic[T]):
    """The messages of one rollout in some form. Given a trajectory, it makes only what it has not
    seen of it.
    """

    def __init__(self, form: Callable[[dict[str, Any]], T]) -> None:
        self._form = form
        self._prompt: tuple[Message, ...] | None = None
        self._profile: Profile | None = None
        self._turns: list[Turn] = []
        self._parts: list[T] = []

    def messages(self, trajectory: Trajectory) -> list[T]:
        """List the messages of the next request: a list of its own, of parts that are shared and
        must not be changed.
        """
        added = self._next(trajectory)
        if added is not None:
            return self._parts + added
        opened = trajectory.open
        return (
            self._parts[: opened.kept] + [self._form(message.wire) for message in opened.added]
            if opened
            else list(self._parts)
        )

    def _next(self, trajectory: Trajectory) -> list[T] | None:
        """List the messages added for the open turn; None where it rewrites the history."""
        self._follow(trajectory)
        if trajectory.open is None:
            return []
        return (
            None
            if trajectory.open.kept is not None
            else [self._form(m.wire) for m in trajectory.open.added]
        )

    def _follow(self, trajectory: Trajectory) -> None:
        known = len(self._turns)
        same = trajectory.prompt is self._prompt and self._profile == profile_of(trajectory.spec)
        if (
            not same
            or known > len(trajectory.turns)
            or not all(map(is_, self._turns, trajectory.turns))
        ):
            self._restart(trajectory)
            known = 0
        for turn in trajectory.turns[known:]:
            self._add_turn(turn)

    def _restart(self, trajectory: Trajectory) -> None:
        self._form = self._form_of(trajectory) or self._form
        self._prompt, self._profile, self._turns = (
            trajectory.prompt,
            profile_of(trajectory.spec),
            [],
        )
        self._set([])
        self._add(message.wire for message in trajectory.prompt)

    def _form_of(self, trajectory: Trajectory) -> Callable[[dict[str, Any]], T] | None:
        """Choose what makes a message of this rollout; None: as before."""
        return None

    def _add_turn(self, turn: Turn) -> None:
        if turn.kept is not None:
            self._set(self._parts[: turn.kept])
        self._add(message.wire for message in turn.added)
        self._add(turn_messages(turn, self._profile or get_profile("generic")))
        self._turns.append(turn)

    def _add(self, messages: Iterable[dict[str, Any]]) -> None:
        self._parts.extend(map(self._form, messages))

    def _set(self, parts: list[T]) -> None:
        self._parts = parts


class GivenHistory:
    """The messages as data that is given away. Each is copied once; what was done to a copy by whom
    it was given to is seen, and takes another copy.
    """

    def __init__(self, copy: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._copy = copy
        self._sent: SentHistory[dict[str, Any]] = SentHistory(dict)
        self._known: list[dict[str, Any]] = []
        self._given: list[dict[str, Any]] = []

    def messages(self, trajectory: Trajectory) -> list[dict[str, Any]]:
        """List the messages of the next request: a list of its own, and its data nobody's."""
        now, size = self._sent.messages(trajectory), len(self._known)
        if len(now) < size or not all(map(is_, now, self._known)):
            self._known, self._given, size = [], [], 0
        if self._given != self._known:
            pairs = zip(self._given, self._known, strict=True)
            self._given = [g if g == known else self._copy(known) for g, known in pairs]
        self._given += map(self._copy, now[size:])
        self._known = now
        return list(self._given)


class EncodedHistory(SentHistory[bytes]):
    """The same as JSON bytes. Where it is sent it is kept joined, and where it is looked up by a
    digest, that runs along with it.
    """

    def __init__(self) -> None:
        super().__init__(encode_message)
        self._joined, self._joins = b"", 0
        self._digest, self._digested = hashlib.sha256(), 0

    def encode(self, trajectory: Trajectory) -> list[bytes]:
        """Encode the messages of the next request, each in the dialect it is sent in. In Chat
        Completions, those of earlier turns are one piece, with the commas between them, but for
        the last few: to join a long history anew costs as much as to send it.
        """
        added = self._next(trajectory)
        if added is None or trajectory.spec.dialect != "chat":
            return self.messages(trajectory)
        if len(self._parts) - self._joins > _APART:
            before = [self._joined] if self._joins else []
            self._joined = b",".join([*before, *self._parts[self._joins :]])
            self._joins = len(self._parts)
        joined = [self._joined] if self._joins else []
        return [*joined, *self._parts[self._joins :], *added]

    def key(self, trajectory: Trajectory, fields: dict[str, Any]) -> str:
        """Digest the next request, equal for requests that hold the same; linear in what is new."""
        added = self._next(trajectory)
        if added is None:
            digest, added = hashlib.sha256(), self.messages(trajectory)
        else:
            for part in self._parts[self._digested :]:
                self._digest.update(part)
            self._digested = len(self._parts)
            digest = self._digest.copy()
        for part in added:
            digest.update(part)
        digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
        return digest.hexdigest()[:16]

    def _form_of(self, trajectory: Trajectory) -> Callable[[dict[str, Any]], bytes]:
        codec = CODECS.get(trajectory.spec.dialect)
        return codec.encode if codec else encode_message

    def _set(self, parts: list[bytes]) -> None:
        self._joined, self._joins = b"", 0
        self._digest, self._digested = hashlib.sha256(), 0
        super()._set(parts)


def encode_message(message: dict[str, Any]) -> bytes:
    """Encode one message as JSON; text that UTF-8 cannot carry is escaped."""
    return compact_json(message).encode()
