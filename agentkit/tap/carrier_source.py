"""The flows that a process of the tap's own carries: what it is told when it starts, and what
becomes of its flows when it dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit.files.foreign.logs.flow_file import lines_from_end
from agentkit.files.foreign.logs.flow_log import flow_line, flow_number
from agentkit.servers.redaction.known_secrets import shared_secrets
from agentkit.tap.channel import Channel, Hear
from agentkit.tap.flow_list import FlowList
from agentkit.tap.hold.pending_list import PendingList
from agentkit.tap.upstreams import Watched
from agentkit.types.wire import ApiError
from agentkit.types.words import count

_DIED = ApiError(
    kind="connection_reset",
    message="the process of the tap ended before the answer had come",
    retryable=True,
)


class CarrierSource(Channel):
    """What agents send by way of a port, and what they get, as flows.

    Args:
        servers: what is watched.
        record: the file that each exchange is written to as it ends; None for none.
        port: where it listens; 0 for any that is free.
        flows: what has been heard of.
        pending: what waits.
        hear: what takes a message of a kind, on a thread of the tap.

    Raises:
        UsageError: the port cannot be used.
    """

    def __init__(
        self,
        servers: list[Watched],
        record: Path | None,
        port: int,
        flows: FlowList,
        pending: PendingList,
        hear: Mapping[str, Hear],
    ) -> None:
        self._servers, self._record = servers, record
        self._flows, self._pending = flows, pending
        self._lost: list[str] = []
        """Lines of what broke off with a process, for the next one to record."""
        self._started = 0
        self.dead = False
        """Whether it has died too often to be started again."""
        super().__init__(port, self._first_message, hear, self._note_death)

    def _first_message(self) -> dict[str, Any]:
        """Write the first message of a process."""
        secrets, kept = shared_secrets()
        lost, self._lost = self._lost, []
        self._started += 1
        return {
            "record": None if self._record is None else str(self._record.resolve()),
            "again": self._started > 1,
            "lost": lost,
            "next": self._flows.next_number(),
            "servers": {one.name: one.setup() for one in self._servers},
            "secrets": secrets,
            "kept": kept,
            "hold": self._pending.asked,
            "pieces": bool(self._flows.followers),
        }

    def _note_death(self, code: int, again: bool) -> None:
        """Take what the process recorded and did not tell any more, and end what was in flight."""
        for line in self._untold():
            self._flows.end(f"{flow_number(line)} {line}")
        for flow in self._pending.drop():
            self._flows.begin(flow_line(flow))
        lost = self._flows.lose(_DIED)
        self._lost += map(flow_line, lost)
        in_flight = count(len(lost), "request")
        broken = f"{in_flight} in flight broke off" if lost else "nothing was in flight"
        ended = f"the process of the tap has ended (exit code {code})"
        if again:
            self._flows.note(f"{ended} and is started again on the same URLs; {broken}")
            return
        self.dead = True
        same = f"port={self.port}"
        if len(self._servers) == 1:
            same += f", token={self._servers[0].token!r}"
        self._flows.note(
            f"{ended} again and again, and is not started any more; {broken}",
            f"ak.watch(…, {same}) listens on the same URLs again, and agents go on",
        )

    def _untold(self) -> list[str]:
        """Read the lines of the record that have not been heard of, in order."""
        found: list[str] = []
        for line in lines_from_end(self._record) if self._record is not None else ():
            number = flow_number(line)
            if number is None or self._flows.is_whole(number):
                break
            found.append(line)
        return found[::-1]
