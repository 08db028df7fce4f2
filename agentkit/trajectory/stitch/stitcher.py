"""Requests of agents that are not ours, stitched together to rollouts while they come.

    stitcher = Stitcher()
    stitcher.add(flow)          # when a request arrives, and again when its answer has come
    stitcher.links              # where each request belongs, and what says so
    stitcher.rollouts           # the rollouts so far, as trajectories

The rules are those of `known_answers`. A label in the path, the id of a session (`x-session-id`) or
a conversation keeps its requests apart from all others. What nothing on the wire can tell (which of
two equal runs without ids an answer belongs to) is linked by likeness, and the link says so.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agentkit.trajectory.stitch.flow_node import FlowNode, extended, header, node_of, sent_body
from agentkit.trajectory.stitch.known_answers import KnownAnswers, Match, named_answer
from agentkit.trajectory.stitch.link import FlowLink
from agentkit.trajectory.stitch.strand import Strand
from agentkit.trajectory.stitch.units import RequestUnits, Unit, answer_units, read_asked
from agentkit.types.problem import problem
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Flow

Scope = tuple[str, ...]
_TOOL_SETS = 32
"""Sets of tools that look alike and are compared, the newest first."""
_MODEL_PATHS = ("/chat/completions", "/responses", "/messages")
_APART = ("side", "sub", "start")
"""Relations that begin a rollout of their own from nothing."""


class Stitcher:
    """Puts each flow where it belongs; nothing that was there is made again."""

    def __init__(self) -> None:
        self._scopes: dict[Scope, KnownAnswers] = {}
        self._nodes: dict[int, FlowNode] = {}
        self._links: dict[int, FlowLink] = {}
        self._flows: dict[int, tuple[Flow, Scope]] = {}
        self._strands: dict[int, Strand] = {}
        self._inside: set[int] = set()
        self._tools: dict[tuple[int, str], list[tuple[int, tuple[dict[str, Any], ...]]]] = {}
        self._waiting: dict[tuple[Scope, Any], list[FlowNode]] = {}
        self._others: set[int] = set()
        self._begun = 0
        self._sets = 0

    @property
    def links(self) -> list[FlowLink]:
        """Where each request belongs, in the order of their numbers."""
        return [self._links[number] for number in sorted(self._links)]

    @property
    def rollouts(self) -> list[Trajectory]:
        """The rollouts in the order of their first requests. That of a sub-agent is in the result
        of its call as soon as that is known, and no longer here.
        """
        return [strand.trajectory for key, strand in self._strands.items() if self._shows(key)]

    def link(self, number: int) -> FlowLink | None:
        """Look up where a flow belongs; None for one that asks for no answer of a model."""
        return self._links.get(number)

    def rollout(self, number: int) -> Trajectory | None:
        """Look up a rollout by its number, that of a sub-agent too; None where there is none."""
        strand = self._strands.get(number)
        return strand.trajectory if strand else None

    def add(self, flow: Flow) -> FlowLink | None:
        """Put a flow where it belongs.

        Args:
            flow: a request that has arrived, or one with its answer; the same one may come again.

        Returns:
            Where it belongs; None where it asks for no answer of a model.
        """
        if flow.number in self._others:
            return None
        if flow.number not in self._nodes and not self._arrive(flow):
            self._others.add(flow.number)
            return None
        if flow.exchange is not None and self._nodes[flow.number].failed is None:
            self._end(flow)
        return self._links[flow.number]

    def _shows(self, key: int) -> bool:
        return key not in self._inside

    # a request

    def _arrive(self, flow: Flow) -> bool:
        asked = _read(flow)
        if asked is None:
            return False
        said = asked.units
        number, tools = self._offered(asked)
        node = node_of(flow, asked, said, number)
        scope = _scope(flow, asked)
        self._nodes[flow.number] = node
        self._flows[flow.number] = flow, scope
        known = self._scopes.setdefault(scope, KnownAnswers())
        match = known.find(node, asked, said)
        known.arrive(node)
        self._attach(node, match, asked, tools)
        self._wait(scope, node, match, asked, said)
        return True

    def _attach(
        self, node: FlowNode, match: Match, asked: RequestUnits, tools: tuple[dict[str, Any], ...]
    ) -> None:
        """Put a request into the rollout of what it goes on from, or into one of its own."""
        flow, scope = self._flows[node.number]
        before = match.node
        if match.relation in ("continue", "compaction", "retry") and before is not None:
            node.rollout, strand = before.rollout, self._strands[before.rollout]
            if match.relation != "retry":
                self._place_subs(before, strand)
                strand.go_on(_sent(flow, asked), tools, flow)
                self._tell(strand, match)
        else:
            node.rollout, strand = self._begin(flow, match, asked, tools, scope)
        node.turn = len(strand.trajectory.turns)
        strand.ask(node.number)
        apart = match.relation in _APART
        self._links[node.number] = FlowLink(
            number=node.number,
            rollout=node.rollout,
            turn=node.turn,
            relation=match.relation,
            previous=None if apart or before is None else before.number,
            beside=before.number if apart and before is not None else None,
            ground=match.ground,
            labelled=any(scope),
        )

    def _begin(
        self,
        flow: Flow,
        match: Match,
        asked: RequestUnits,
        tools: tuple[dict[str, Any], ...],
        scope: Scope,
    ) -> tuple[int, Strand]:
        before = match.node
        label, session = scope[:2]
        meta: dict[str, Any] = {"label": label} if label else {}
        meta.update({"session": session} if session else {})
        if match.relation != "start" and before is not None:
            meta["relation"], meta["of"] = match.relation, before.rollout
        if match.relation == "branch" and before is not None:
            strand = self._strands[before.rollout].branch(before.turn, before.number, meta)
            strand.go_on(_sent(flow, asked), tools, flow)
        else:
            strand = Strand.begin(_sent(flow, asked), tools, meta)
        key, self._begun = self._begun, self._begun + 1
        self._strands[key], strand.number = strand, key
        if match.relation == "sub" and before is not None:
            self._strands[before.rollout].subs.setdefault((before.number, match.position), strand)
        return key, strand

    def _place_subs(self, before: FlowNode, strand: Strand) -> None:
        """Show the rollouts of sub-agents inside the results of their calls from now on."""
        if not strand.subs:
            return
        subs = strand.subs.items()
        self._inside |= {sub.number for (number, _), sub in subs if number == before.number}

    def _tell(self, strand: Strand, match: Match) -> None:
        if match.relation == "compaction":
            text = "the agent goes on with less of the history than the model was shown before"
            strand.note(problem("history_shortened", text))
        elif match.changed:
            text = "the agent has changed what the model was shown before"
            strand.note(problem("history_changed", text))

    # an answer

    def _end(self, flow: Flow) -> None:
        node, exchange = self._nodes[flow.number], flow.exchange
        if exchange is None:
            return
        _, scope = self._flows[flow.number]
        self._flows[flow.number] = flow, scope
        response, failed = self._strands[node.rollout].answer(flow, exchange)
        node.failed = failed
        known = self._scopes[scope]
        if failed:
            known.fail(node)
            return
        node.answer = answer_units(response)
        known.answer(node, response.id if response.dialect != "chat" else None)
        self._catch_up(scope, node, response.id)

    # a request that arrived before the end of the answer that it goes on from was seen

    def _wait(
        self,
        scope: Scope,
        node: FlowNode,
        match: Match,
        asked: RequestUnits,
        said: tuple[Unit, ...],
    ) -> None:
        """Remember what a request is looking for, where that has not come yet."""
        name = named_answer(asked.form)
        if match.relation == "retry" or (match.ground == "id" and name is not None):
            return
        places = [place for place, unit in enumerate(said) if unit[0] in ("assistant", "call")]
        if name is None and not places:
            return
        key: Any = name
        if name is None:
            before = said[: places[-1] + 1]
            key = extended(0, before)
            found = match.node
            if found is not None and found.answer and key == extended(found.digest, found.answer):
                return
        self._waiting.setdefault((scope, key), []).append(node)

    def _catch_up(self, scope: Scope, node: FlowNode, name: str | None) -> None:
        """Give an answer to the request that was waiting for it."""
        keys: list[Any] = [extended(node.digest, node.answer), *([name] if name else ())]
        for key in keys:
            waiting = self._waiting.get((scope, key))
            late = waiting.pop(0) if waiting else None
            if late is not None and late is not node and late.number > node.number:
                self._move(late, node)

    def _move(self, late: FlowNode, node: FlowNode) -> None:
        """Move a request that is alone in its rollout behind the answer that it goes on from."""
        strand = self._strands[late.rollout]
        flow, scope = self._flows[late.number]
        asked = _read(flow)
        if strand.flows != [late.number] or asked is None or node.taken:
            return
        del self._strands[late.rollout]
        match = self._scopes[scope].find(late, asked, asked.units)
        late.failed = None
        self._attach(late, match, asked, self._offered(asked)[1])
        if flow.exchange is not None:
            self._end(flow)

    def _offered(self, asked: RequestUnits) -> tuple[int, tuple[dict[str, Any], ...]]:
        """Give the tools of a request: the same ones are one tuple, and have one number."""
        tools = asked.tools
        if not tools:
            return 0, ()
        key = len(tools), repr(tools[0])[:100]
        alike = self._tools.setdefault(key, [])
        for number, known in reversed(alike[-_TOOL_SETS:]):
            if list(known) == tools:
                return number, known
        self._sets += 1
        made = tuple(tool for tool in tools if isinstance(tool, dict))
        alike.append((self._sets, made))
        return self._sets, made


def _read(flow: Flow) -> RequestUnits | None:
    try:
        # NaN and Infinity are no JSON, and Python's clients write them: their words are kept
        body = json.loads(sent_body(flow), parse_constant=str)
    except (ValueError, RecursionError):
        # what was too large to be kept is a request all the same, with an answer
        cut = any(problem.code == "flow_cut" for problem in flow.problems)
        if not (cut and flow.path.partition("?")[0].endswith(_MODEL_PATHS)):
            return None
        body = {"messages": []}
    return read_asked(body, flow.path)


def _sent(flow: Flow, asked: RequestUnits) -> RequestUnits:
    """Read the request as the server got it, where a person changed it on its way."""
    if flow.original_body is None:
        return asked
    return _read(replace(flow, original_body=None)) or asked


def _scope(flow: Flow, asked: RequestUnits) -> Scope:
    given = asked.form.get("conversation")
    name = given.get("id") if isinstance(given, dict) else given
    return flow.label, header(flow, "x-session-id") or "", name if isinstance(name, str) else ""
