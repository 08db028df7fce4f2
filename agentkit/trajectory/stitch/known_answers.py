"""The answers so far, and how the request that goes on from one is known: the rules of stitching,
the first that fits.

1. The request names an answer by its id.
2. It has the bytes of one that got no answer: a retry, where the client counts it as one, where it
   carries ids of calls, or where the client never counts.
3. Its history begins with the history and the answer of an earlier one.
4. It carries the id of a call of an earlier answer: its history was cut, or changed, or is text.
5. It is one text that goes on from an earlier one.

Each step looks a digest or an id up, so that the time does not grow with the number of rollouts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from agentkit.trajectory.stitch.flow_node import (
    Fingerprint,
    FlowNode,
    digests,
    extended,
    last_ids,
    mentioned_ids,
)
from agentkit.trajectory.stitch.growing_text import GrowingTexts
from agentkit.trajectory.stitch.link import Ground, Relation
from agentkit.trajectory.stitch.open_calls import OpenCalls
from agentkit.trajectory.stitch.units import RequestUnits, Unit

_SOON = 60.0
"""Seconds in which the same bytes of a client that never counts are taken for a retry, and the same
words without tools for a request beside the first one.
"""
_CALLS = ("call", "result")
_COMPARED = 64
"""Answers of equal histories whose text is compared with the beginning of a longer one."""


class Match(NamedTuple):
    """What a request goes on from, or that it goes on from nothing."""

    relation: Relation = "start"
    node: FlowNode | None = None
    ground: Ground = ""
    position: int = 0
    """Of the call that a sub-agent's rollout runs in."""
    changed: bool = False
    """Whether what came before the answer is not what it was."""


class _Equal:
    """Answers after which the histories are equal."""

    __slots__ = ("free", "last")

    def __init__(self) -> None:
        self.free: dict[Fingerprint, deque[FlowNode]] = {}
        self.last: dict[Fingerprint, FlowNode] = {}

    def add(self, node: FlowNode) -> None:
        self.free.setdefault(node.fingerprint, deque()).append(node)
        self.last[node.fingerprint] = node

    def restore(self, node: FlowNode) -> None:
        waiting = self.free.setdefault(node.fingerprint, deque())
        if node not in waiting:
            waiting.appendleft(node)

    def choose(self, fingerprint: Fingerprint) -> FlowNode:
        """Choose the oldest that nobody goes on from, of a request of the same kind where there is
        one, else of the same client, else of any; and the last, where somebody goes on from each.
        """
        own = self._oldest(self.free.get(fingerprint))
        if own is not None:
            return own
        client = fingerprint[:2]
        for kinds in ([kind for kind in self.last if kind[:2] == client], list(self.last)):
            heads = [head for kind in kinds if (head := self._oldest(self.free.get(kind)))]
            if heads:
                return min(heads, key=lambda node: node.number)
            if kinds:
                break
        last = self.last.get(fingerprint)
        return last or max((self.last[kind] for kind in kinds), key=lambda node: node.number)

    def _oldest(self, waiting: deque[FlowNode] | None) -> FlowNode | None:
        while waiting and waiting[0].taken:
            waiting.popleft()
        return waiting[0] if waiting else None


class KnownAnswers:
    """The requests of one scope: of all agents, or of one label or session."""

    def __init__(self) -> None:
        self._named: dict[str, FlowNode] = {}
        self._called: dict[str, FlowNode | None] = {}
        self._ends: dict[int, _Equal] = {}
        self._texts: dict[int, list[FlowNode]] = {}
        self._awaited: dict[str, dict[int, FlowNode]] = {}
        self._failed: dict[str, dict[int, FlowNode]] = {}
        self._starts: dict[int, FlowNode] = {}
        self._growing = GrowingTexts()
        self._open = OpenCalls()
        self._latest: FlowNode | None = None

    def find(self, node: FlowNode, asked: RequestUnits, said: Sequence[Unit]) -> Match:
        """Find what a request goes on from."""
        name = named_answer(asked.form)
        again = self._retry(node, name is not None or any(True for _ in last_ids(said)))
        if again is not None:
            again.retried = True
            if again.origin is not None and not again.origin.taken:
                self._take(again.origin, node)
            return Match("retry", again, "bytes")
        if name is not None:
            found = self._named.get(name)
            if found is not None:
                return self._gone_on(node, found, "id", said)
        if self._latest is not None and asked.form.get("conversation"):
            return self._gone_on(node, self._latest, "id", said)
        return self._by_history(node, said) or self._beginning(node, said)

    def _by_history(self, node: FlowNode, said: Sequence[Unit]) -> Match | None:
        sums = digests(said)
        depth, found = self._longest(node, said, sums)
        place, called = self._by_id(said)
        if called is not None and place >= depth:
            relation: Relation = "continue" if place >= called.length else "compaction"
            match = self._gone_on(node, called, "id", said, relation)
            return match._replace(changed=said[place][0] != "assistant")
        if found is None and node.growing is not None:
            found = self._growing.find(node.growing)
            return self._gone_on(node, found, "likeness", said) if found else None
        if found is None:
            return None
        ground: Ground = "id" if any(True for _ in last_ids(said[:depth])) else "words"
        return self._gone_on(node, found, ground, said)

    def _longest(
        self, node: FlowNode, said: Sequence[Unit], sums: list[int]
    ) -> tuple[int, FlowNode | None]:
        """Find the longest beginning of a history that ends with an answer, and that answer."""
        for depth in range(len(said), 0, -1):
            equal = self._ends.get(sums[depth])
            if equal is not None:
                return depth, equal.choose(node.fingerprint)
            unit = said[depth - 1]
            if unit[0] != "assistant":
                continue
            known = self._texts.get(sums[depth - 1])
            if known:
                text = unit[1]
                fits = [n for n in known[-_COMPARED:] if text.startswith(n.answer[-1][1])]
                if fits:
                    best = min(fits, key=lambda n: (n.taken, -len(n.answer[-1][1]), n.number))
                    return depth, best
        return 0, None

    def _by_id(self, said: Sequence[Unit]) -> tuple[int, FlowNode | None]:
        """Find the answer with the last known call of a history, and where its calls begin."""
        for place, call_id in last_ids(said):
            found = self._called.get(call_id)
            if found is not None and said[place][0] == "assistant":
                return place, found
            if found is not None:
                ids = {unit[1] for unit in found.answer if unit[0] == "call"}
                own = (at for at, u in enumerate(said) if u[0] in _CALLS and u[1] in ids)
                return min(own, default=place), found
        return -1, None

    def _gone_on(
        self,
        node: FlowNode,
        found: FlowNode,
        ground: Ground,
        said: Sequence[Unit],
        relation: Relation = "continue",
    ) -> Match:
        asks = bool(said) and said[-1][0] == "user" and ground != "likeness"
        others = (node.system, node.model) != (found.system, found.model)
        if found.tools and not node.tools and asks and others:
            return Match("side", found, ground)
        if found.taken:
            return Match("branch", found, ground)
        self._take(found, node)
        return Match(relation, found, ground)

    def _take(self, found: FlowNode, node: FlowNode) -> None:
        """Note that a request goes on from an answer."""
        self._growing.discard(found)
        self._open.discard(found)
        found.following, node.origin = node, found

    def _beginning(self, node: FlowNode, said: Sequence[Unit]) -> Match:
        """Tell what a request is that goes on from nothing."""
        if not node.tools:
            twin = self._starts.get(node.digest)
            if twin is not None and twin.sender == node.sender and _is_soon(twin, node):
                return Match("side", twin, "likeness")
            if len(said) == 1:
                for call_id in mentioned_ids(node.first_text):
                    mentioned = self._called.get(call_id)
                    if mentioned is not None:
                        return Match("side", mentioned, "id")
        caller = self._open.find(node)
        if caller is not None:
            return Match("sub", caller.node, "words", caller.position)
        if node.tools:
            self._starts[node.digest] = node
        return Match()

    def _retry(self, node: FlowNode, has_ids: bool) -> FlowNode | None:
        """Find the request without an answer that this one repeats."""
        failed = [n for n in self._failed.get(node.sent, {}).values() if not n.retried]
        if node.count:
            awaited = [n for n in self._awaited.get(node.sent, {}).values() if not n.retried]
            counted = [n for n in (*failed, *awaited) if n.count == node.count - 1]
            return counted[0] if counted else None
        if has_ids:
            return failed[0] if failed else None
        if node.count is None:
            return next((n for n in failed if _is_soon(n, node)), None)
        return None

    def arrive(self, node: FlowNode) -> None:
        """Remember a request whose answer is awaited."""
        self._awaited.setdefault(node.sent, {})[node.number] = node

    def fail(self, node: FlowNode) -> None:
        """Note that no answer came to a request; whoever asks the same may repeat it."""
        self._forget(node)
        self._failed.setdefault(node.sent, {})[node.number] = node
        origin = node.origin
        if origin is not None and origin.following is node:
            self._release(origin)

    def _forget(self, node: FlowNode) -> None:
        """Await the answer of a request no longer."""
        awaited = self._awaited.get(node.sent, {})
        awaited.pop(node.number, None)
        if not awaited:
            self._awaited.pop(node.sent, None)

    def answer(self, node: FlowNode, name: str | None) -> None:
        """Remember the answer of a request.

        Args:
            node: the request.
            name: the id of the answer; None where it has none.
        """
        self._forget(node)
        if name:
            self._named[name] = node
        self._latest = node
        said = node.answer
        if not said:
            return
        self._ends.setdefault(extended(node.digest, said), _Equal()).add(node)
        if said[-1][0] == "assistant":
            self._texts.setdefault(extended(node.digest, said[:-1]), []).append(node)
            self._growing.add(node)
            return
        for unit in said:
            if unit[0] == "call" and unit[1]:
                known = self._called.get(unit[1], node)
                self._called[unit[1]] = node if known is node else None
        self._open.add(node)

    def _release(self, node: FlowNode) -> None:
        """Let others go on from an answer: the request that did has failed."""
        equal = self._ends.get(extended(node.digest, node.answer))
        if equal is not None:
            equal.restore(node)
        if node.answer and node.answer[-1][0] == "assistant":
            self._growing.add(node)
        else:
            self._open.add(node)


def named_answer(form: dict[str, Any]) -> str | None:
    """Find the id of the answer that a request says it goes on from; None where it says none."""
    thread = form.get("thread")
    inner = thread.get("previous_message_id") if isinstance(thread, dict) else None
    name = form.get("previous_response_id") or inner
    return name if isinstance(name, str) and name else None


def _is_soon(before: FlowNode, now: FlowNode) -> bool:
    if before.started is None or now.started is None:
        return True
    return 0 <= now.started - before.started <= _SOON
