"""A rollout's history as JSON bytes that grow with it: each message is encoded once, however many turns send it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from operator import is_
from typing import Any

from agentkit.history import turn_messages
from agentkit.profiles import Profile, get_profile
from agentkit.types import Message, Trajectory, Turn


class EncodedHistory:
    """The encoded messages of one rollout. Given a trajectory, it encodes only what it has not seen of it."""

    def __init__(self) -> None:
        self._prompt: tuple[Message, ...] | None = None
        self._profile: Profile | None = None
        self._turns: list[Turn] = []
        self._parts: list[bytes] = []
        self._digest = hashlib.sha256()

    def encode(self, trajectory: Trajectory) -> bytes:
        """The messages of the next request as a JSON array."""
        return b"[" + b",".join(self._all(trajectory)) + b"]"

    def key(self, trajectory: Trajectory, fields: dict[str, Any]) -> str:
        """A short digest of the next request, equal for requests that say the same; linear in what is new."""
        added = self._next(trajectory)
        digest = self._digest.copy()
        for part in self._all(trajectory) if added is None else added:
            digest.update(part)
        digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
        return digest.hexdigest()[:16]

    def _all(self, trajectory: Trajectory) -> list[bytes]:
        added = self._next(trajectory)
        if added is not None:
            return self._parts + added
        kept = trajectory.open.kept if trajectory.open else None
        return self._parts[:kept] + [encode_message(message.wire) for message in trajectory.open.added] if trajectory.open else self._parts

    def _next(self, trajectory: Trajectory) -> list[bytes] | None:
        """The messages said for the open turn; None where it rewrites the history."""
        self._follow(trajectory)
        if trajectory.open is None:
            return []
        return None if trajectory.open.kept is not None else [encode_message(m.wire) for m in trajectory.open.added]

    def _follow(self, trajectory: Trajectory) -> None:
        known = len(self._turns)
        same = trajectory.prompt is self._prompt and trajectory.spec.profile == (self._profile.name if self._profile else None)
        if not same or known > len(trajectory.turns) or not all(map(is_, self._turns, trajectory.turns)):
            self._restart(trajectory)
            known = 0
        for turn in trajectory.turns[known:]:
            self._add_turn(turn)

    def _restart(self, trajectory: Trajectory) -> None:
        self._prompt, self._profile = trajectory.prompt, get_profile(trajectory.spec.profile)
        self._turns, self._parts, self._digest = [], [], hashlib.sha256()
        self._add(message.wire for message in trajectory.prompt)

    def _add_turn(self, turn: Turn) -> None:
        if turn.kept is not None:
            kept = self._parts[: turn.kept]
            self._parts, self._digest = [], hashlib.sha256()
            self._take(kept)
        self._add(message.wire for message in turn.added)
        self._add(turn_messages(turn, self._profile or get_profile("generic")))
        self._turns.append(turn)

    def _add(self, messages: Iterable[dict[str, Any]]) -> None:
        self._take([encode_message(message) for message in messages])

    def _take(self, parts: list[bytes]) -> None:
        self._parts.extend(parts)
        for part in parts:
            self._digest.update(part)


def encode_message(message: dict[str, Any]) -> bytes:
    """One message as JSON; text that UTF-8 cannot carry is escaped."""
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(message, separators=(",", ":")).encode()
