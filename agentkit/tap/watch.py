"""`ak.watch`: an agent that is not ours, seen on its way to its server."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet, finalize, ref

from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.errors import UsageError, checked_keywords, names_of, suggest
from agentkit.files.foreign.logs.flow_file import is_record
from agentkit.files.foreign.logs.flow_log import read_flow
from agentkit.files.path import to_append
from agentkit.files.writers.lock import lock_of
from agentkit.servers.redaction.known_secrets import known_secrets, shared_secrets
from agentkit.tap.carrier_source import CarrierSource
from agentkit.tap.client.client_source import ClientSource, is_client
from agentkit.tap.flow_list import FlowList, Follower
from agentkit.tap.hold.pending_flow import PendingFlows
from agentkit.tap.hold.pending_list import PendingList
from agentkit.tap.hold.rollout_fork import note_server
from agentkit.tap.slips.url_slips import wrong_base
from agentkit.tap.upstreams import Watched, environment, watched
from agentkit.trajectory.stitch.link import FlowLink
from agentkit.types.answer import Dialect
from agentkit.types.record import Drawn
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk, Flow
from agentkit.types.words import count

_BY_CLIENT = "hand w.client to the agent, or w.client_for(label) to each of several"


class Watch(Drawn):
    """A tap between agents and their servers, on 127.0.0.1, or in a client. `ak.watch` makes it.

    Args:
        servers: what is watched; none where a client is.
        record: the file that each exchange is written to as it ends; None for none.
        port: where it listens; 0 for any that is free.
        client: an openai or anthropic client that is watched in place of servers.
    """

    def __init__(
        self, servers: list[Watched], record: Path | None, port: int, client: Any = None
    ) -> None:
        self._servers = servers
        self._list = FlowList()
        self._misled = False  # whether a wrong base URL was told of
        self._pending = PendingList(
            lambda message: self._channel.send(message, "hold"),
            lambda: self._channel.alive,
            self._list.flows,
        )
        heard = {
            "began": self._begin,
            "piece": self._list.piece,
            "ended": self._end,
            "failed": self._list.fail,
            "hold": self._pending.hear,
        }
        self._known = known_secrets()
        self._claim = ExitStack()
        """That the record is ours alone."""
        with ExitStack() as claim:
            if record is not None:
                claim.enter_context(lock_of(record).used(alone=True))
            self._channel: CarrierSource | ClientSource = (
                CarrierSource(servers, record, port, self._list, self._pending, heard)
                if client is None
                else ClientSource(client, record, heard)
            )
            self._claim = claim.pop_all()
        finalize(self, self._claim.close)
        _taps.add(self)
        self._pending.note, self._pending.begin = self._list.note, self._begin
        self._pending.changed = lambda: self._list.tell("pending", -1)
        for one in servers:
            note_server(one.root, one.server)
        if client is not None:
            known = ref(client)
            note_server(str(client.base_url).rstrip("/"), lambda dialect: known())
        self._before: list[dict[str, str | None]] = []
        self.record = record
        """The file that each exchange is written to; None for none."""

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that it listens on.

        Raises:
            UsageError: a client is watched, without a port.
        """
        if isinstance(self._channel, ClientSource):
            raise UsageError("a client is watched without a port", hint=_BY_CLIENT)
        return self._channel.port

    @property
    def client(self) -> Any:
        """The copy of the watched client to hand to the agent: what it sends is seen.

        Raises:
            UsageError: a server is watched.
        """
        return self.client_for("")

    @property
    def url(self) -> str:
        """The base URL for OpenAI's packages; of several servers, the first one's.

        Raises:
            UsageError: a client is watched, without a port.
        """
        return self.env["OPENAI_BASE_URL"] if self.port else ""

    @property
    def urls(self) -> dict[str, str]:
        """The base URL that stands for each server, by its name."""
        return {one.name: self._url(one) for one in self._servers}

    @property
    def servers(self) -> dict[str, str]:
        """The URL of each server that is asked, by its name, without credentials."""
        if isinstance(self._channel, ClientSource):
            return {"": self._channel.url}
        return {one.name: one.url for one in self._servers}

    @property
    def alive(self) -> bool:
        """Whether it is still seen what passes."""
        return self._channel.alive

    @property
    def heard(self) -> FlowList:
        """What has been heard of by now, without waiting for what passes at this moment: for a view
        that is told by `follow` when there is more.
        """
        return self._list

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead an agent here: base URLs for OpenAI's and Anthropic's packages,
        `NO_PROXY`, and where a package wants a key and there is none, a word in its place. None
        where a client is watched.
        """
        if isinstance(self._channel, ClientSource):
            return {}
        return environment(self._servers, f"http://127.0.0.1:{self.port}")

    @property
    def flows(self) -> list[Flow]:
        """The requests in order of arrival, with their answers; those in flight have none yet."""
        self._share_secrets()
        self._channel.sync()
        return self._list.flows()

    @property
    def rollouts(self) -> list[Trajectory]:
        """The rollouts that the requests make up, by what they go on from, those of sub-agents in
        the results of their calls.
        """
        self._share_secrets()
        self._channel.sync()
        return self._list.rollouts()

    @property
    def links(self) -> list[FlowLink]:
        """Where each request belongs, and what says so."""
        self._channel.sync()
        return self._list.stitched().links

    @property
    def failures(self) -> list[str]:
        """What agentkit itself could not read or record; the bytes passed all the same."""
        return ["; ".join(filter(None, words)) for words in self._list.failures]

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Have what happens told, pieces of answers too, until the function that it gives is
        called. Nobody pays for pieces while nobody follows.

        Args:
            follower: gets `began`, `piece` or `ended` and a flow's number, `pending` where what
                waits has changed, or `closed`, mostly on a thread of the tap.
        """
        self._list.followers.append(follower)
        self._channel.send({"pieces": True}, "follow")

        def stop() -> None:
            if follower in self._list.followers:
                self._list.followers.remove(follower)
            self._channel.send({"pieces": bool(self._list.followers)}, "follow")

        return stop

    def coming(self, number: int) -> tuple[Chunk, ...]:
        """Give what has come of the answer of a flow in flight, while somebody follows."""
        return self._list.coming(number)

    @property
    def pending(self) -> PendingFlows:
        """The requests and answers that wait for what is decided about them."""
        return self._pending.pending

    @property
    def breakpoints(self) -> Breakpoints:
        """What makes requests and answers wait; `remove`, `turn_off` and `clear` count at once."""
        return self._pending.breakpoints

    def hold(self, *points: Any) -> None:
        """Have requests wait before they leave, and answers before the agent gets them, where a
        breakpoint stops: `ak.break_on.request()`, `ak.break_on.tool("pay")`, …. What waits is in
        `pending`. While there is a breakpoint on answers, each of them is read whole before it
        passes, streams too.

        Args:
            points: breakpoints of `ak.break_on`, or functions of a `BreakpointContext`.

        Raises:
            UsageError: one is neither, or nothing passes any more.
        """
        self._check_alive()
        for point in points:
            self._pending.breakpoints.add(point)

    def release(self) -> None:
        """Let all that waits go on as it came, and take the breakpoints away."""
        self._pending.release()

    def client_for(self, label: str) -> Any:
        """Copy the watched client once more; what the copy sends is known by a label: for each run
        of a batch.

        Raises:
            UsageError: a server is watched.
        """
        if not isinstance(self._channel, ClientSource):
            raise UsageError("a server is watched, and no client", hint="lead it here by w.env")
        return self._channel.client_for(label) if label else self._channel.client

    def url_for(
        self, label: str, server: str | None = None, *, dialect: Dialect | None = None
    ) -> str:
        """Give a base URL under which requests are known by a label: for each run of a batch, so
        that no two of them are taken for one.

        Args:
            label: any text; requests sent there bear it.
            server: the name of the server, where several are watched.
            dialect: what the agent speaks: Anthropic's packages (`messages`) want a base URL
                without the version, OpenAI's one with it; None for what the server's URL says.
        """
        if not isinstance(label, str) or not label:
            raise UsageError(f"the label is {label!r:.80}", hint="give a text, as 'run-7'")
        if isinstance(self._channel, ClientSource):
            raise UsageError("a client is watched without a port", hint=_BY_CLIENT)
        of_messages = dialect == "messages"
        if server is None:
            spoken = [s for s in self._servers if (s.dialect == "messages") is of_messages]
            return self._url((spoken or self._servers)[0], label, dialect)
        known = {one.name: one for one in self._servers}
        if server not in known:
            hint = suggest(server, known, "w.urls lists them")
            raise UsageError(f"no server is named {server!r}", hint=hint)
        return self._url(known[server], label, dialect)

    def close(self) -> None:
        """Stop listening. What waits is let go; what is in flight goes on to its end, and is
        recorded.
        """
        self._pending.release()
        self._channel.close()
        self._channel.join()
        self._claim.close()
        self._list.tell("closed", -1)

    def __enter__(self) -> Self:
        self._check_alive()
        self._share_secrets()
        env = self.env
        self._before.append({name: os.environ.get(name) for name in env})
        os.environ.update(env)
        return self

    def __exit__(self, *exc: object) -> None:
        for name, value in self._before.pop().items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})

    def __repr__(self) -> str:
        rollouts = len(self.rollouts)
        requests, waiting = self._list.counts()
        dead = isinstance(self._channel, CarrierSource) and self._channel.dead
        ended = "its process has died" if dead else "closed"
        known = [
            count(requests, "request"),
            count(rollouts, "rollout"),
            f"{waiting} in flight" if self._channel.alive else ended,
            f"{len(self.pending)} held" if self.pending else "",
            f"{len(self.failures)} in w.failures" if self.failures else "",
            f"recorded in {self.record.name!r}" if self.record else "",
        ]
        return f"<Watch {', '.join(self.servers.values())}: {', '.join(filter(None, known))}>"

    def _check_alive(self) -> None:
        if not self._channel.alive:
            raise UsageError("the tap carries nothing any more", hint="call ak.watch again")

    def _begin(self, text: str) -> None:
        self._share_secrets()
        self._list.begin(text)

    def _end(self, text: str) -> None:
        self._list.end(text)
        if '"status":404' in text and not self._misled:
            found = wrong_base(read_flow(text.partition(" ")[2]), self._servers)
            if found is not None:
                self._misled = True
                self._list.note(*found)

    def _share_secrets(self) -> None:
        """Tell the carrier of secrets that this process has got since."""
        known = known_secrets()
        if known is not self._known:
            self._known = known
            self._channel.send(shared_secrets()[0], "secrets")

    def _url(self, one: Watched, label: str = "", dialect: Dialect | None = None) -> str:
        tail = "" if (dialect or one.dialect) == "messages" else one.tail
        return f"http://127.0.0.1:{self.port}{one.path(label)}{tail}"


@checked_keywords
def watch(
    server: Any = "openai", *, record: Any = None, port: int = 0, token: str | None = None
) -> Watch:
    """Put agentkit between an agent of any package and its server, on a port of this machine: every
    byte passes as it was sent, and is seen. The agent is led there by `w.env`.

    A small process of its own carries the bytes, so that a cell that blocks the kernel holds up no
    agent. It ends with the kernel, after what is in flight.

    Args:
        server: a URL, `openai`, `anthropic` or an `ak.Server`; several in a dict by name or in a
            list. Only these are ever asked. Or an openai or anthropic client, sync or async: then
            there is no port and no process, and the agent is given `w.client`, a copy of it that
            sends over the same connections.
        record: the file that each exchange is written to as it ends, without keys; None for none.
        port: where to listen; 0 for any that is free. A tap of this process that listens there is
            closed.
        token: the secret in its URLs; None for a new one. With port and token, the URLs are the
            same after a restart.

    Raises:
        UsageError: the server is none, or port or token cannot be used.
        FileError: the record cannot be written.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 2**16:
        raise UsageError(f"the port is {port!r:.80}", hint="give a number, or leave it out")
    path = None if record is None else to_append(record)
    if is_client(server):
        _make_room(path, 0)
        return Watch([], path, port, client=server)
    servers = watched(server, token)
    _make_room(path, port)
    return Watch(servers, path, port)


_taps: WeakSet[Watch] = WeakSet()
_known = [name for name in (*dir(Watch), "record") if not name.startswith("_")]
Watch.__getattr__ = staticmethod(names_of("a tap", _known, "w"))  # type: ignore[attr-defined]


def _make_room(record: Path | None, port: int) -> None:
    """Close the tap of this process that listens on a port: a cell that is run again takes it.

    Raises:
        UsageError: another one writes the record, or it is a file that no tap has written.
    """
    if record is not None and not is_record(record):
        raise UsageError(
            f"{record.name!r} holds something else than what a tap has seen",
            hint="give another path; a record is begun where there is no file, and gone on with",
        )
    for tap in list(_taps):
        if not tap.alive:  # it may have died
            tap._claim.close()
            continue
        source = tap._channel
        listens = source.port if isinstance(source, CarrierSource) else 0
        if port and listens == port:
            tap.close()
        elif record is not None and tap.record and tap.record.resolve() == record.resolve():
            take = f", or take its place with port={listens}" if listens else ""
            raise UsageError(
                f"a tap of this notebook writes {record.name!r} already",
                hint=f"close it with w.close(){take}, or give another path",
            )
