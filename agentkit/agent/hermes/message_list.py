"""The list of messages that a caller gave to `AgentLoop`: it grows as the rollout does, and what
the caller does to it is taken up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentkit.read.plain import plain
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.trajectory.history import assistant_message, tool_message
from agentkit.trajectory.loop import rewrite
from agentkit.trajectory.person.prompt import prompt_messages
from agentkit.types.request import Profile
from agentkit.types.trajectory import OpenTurn, Trajectory, Turn


class CallersList:
    """The caller's messages beside the rollout's knowledge of them. What is in the list is what is
    sent, so secrets are taken out of it.
    """

    def __init__(self, messages: list[Any], secrecy: Secrecy) -> None:
        self.messages = messages
        self._secrecy = secrecy
        secrecy.clean_list(messages)
        self._seen = [plain(message) for message in messages]
        """The messages as the rollout knows them, as plain data."""
        self._told = 0
        """How many results of the turn in progress are in the list."""

    def taken_up(self, trajectory: Trajectory) -> Trajectory:
        """Put into the trajectory what the caller did to the list since the last step."""
        same = self._same()
        if same is None or (trajectory.open and trajectory.open.first_pending):
            return trajectory
        self._secrecy.clean_list(self.messages, same)
        opened = trajectory.open or OpenTurn()
        if same == len(self._seen):
            opened = replace(opened, added=(*opened.added, *prompt_messages(self.messages[same:])))
            trajectory = replace(trajectory, open=opened, stop_reason=None, error=None)
        else:
            given = len(self._seen) - len(opened.added) if opened.kept is None else opened.kept
            kept = min(same, given)
            rest = self.messages[kept:]
            trajectory = rewrite(trajectory, kept, prompt_messages(rest) if rest else ())
        self._seen[same:] = [plain(message) for message in self.messages[same:]]
        return trajectory

    def answered(self, turn: Turn, profile: Profile) -> None:
        """Append the answer of the turn that has just begun."""
        self._told = 0
        self._append(assistant_message(turn.response, profile))

    def called(self, turn: Turn, profile: Profile, *, changed: bool) -> None:
        """Append the results that are there, in the order of their calls.

        Args:
            changed: whether a call was changed before it was run, so that the message of the turn
                is another.
        """
        if changed:
            at = len(self.messages) - self._told - 1
            self.messages[at] = message = assistant_message(turn.response, profile)
            self._seen[at] = plain(message)
        calls = turn.tool_calls
        while self._told < len(calls) and (result := turn.results[self._told]) is not None:
            self._append(tool_message(calls[self._told], result, profile))
            self._told += 1

    def _same(self) -> int | None:
        """Count the messages at the start of the list that are as they were; None where nothing has
        changed.
        """
        if self.messages == self._seen:
            return None
        pairs = zip(self.messages, self._seen, strict=False)
        both = min(len(self.messages), len(self._seen))
        same = next(
            (i for i, (now, was) in enumerate(pairs) if now != was and plain(now) != was), both
        )
        return None if same == len(self.messages) == len(self._seen) else same

    def _append(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self._seen.append(plain(message))
