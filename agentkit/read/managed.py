"""The state of Atropos' `ManagedServer`, read and checked: what an RL trainer would train on.

`get_state()` gives `{"nodes": [...]}`, or `{"sequences": {text: node}, "tree": ...}` where it keeps
a tree. A node holds `full_text`, `tokens`, `masked_tokens` (−100 where nothing is trained, else the
token), `logprobs` (1.0 where nothing was sampled: deliberately impossible) and
`metadata.finish_reason`. Source: atroposlib/envs/server_handling/managed_server.py, which pads
    logprobs that are missing with 1.0, and whose `DummyManagedServer` stores the tokens 0 to 127
    for servers that give none. Nodes are dicts, pydantic models or any objects; their lists may be
    arrays. What is wrong with them is in their problems; nothing is repaired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import UsageError
from agentkit.read.body.finish import read_finish
from agentkit.read.body.finish_words import means
from agentkit.read.plain import integer, listed, read_numbers, real
from agentkit.types.problem import Problem, problem
from agentkit.types.record import Drawn, Record, record
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

MANAGED_STATE = "managed_state"
"""What an `AgentResult` calls its state, and the rollout's meta in a file."""
MANAGED_PARSER = "x-managed-server-tool-parser"
"""The header under which an exchange keeps which parser of calls its ManagedServer was made with;
"" for none. It is noted here, and not sent by any server."""
MASKED = -100
"""What `masked_tokens` holds where nothing is trained."""
SENTINEL = 1.0
"""What `logprobs` holds where nothing was sampled."""
FIELDS = ("full_text", "tokens", "masked_tokens", "logprobs")
_DUMMY = tuple(range(128))
_HINT = 'pass an AgentResult with a managed_state, `get_state()`, its "nodes", or one node'


@record
class ManagedNode(Record):
    """One sequence as it would be trained on. The lists are as they were sent, converted to Python
    numbers.
    """

    index: int
    full_text: str = ""
    tokens: tuple[int | None, ...] = ()
    """None where an entry is no integer."""
    masked_tokens: tuple[int | None, ...] = ()
    logprobs: tuple[float | None, ...] = ()
    """None where an entry is no number."""
    finish_reason: str | None = None
    dummy_tokens: bool = False
    """Whether the tokens are placeholders that no model sampled."""
    problems: tuple[Problem, ...] = ()

    @property
    def trained(self) -> tuple[bool, ...]:
        """By position: whether the mask trains on it."""
        return tuple(token != MASKED for token in self.masked_tokens)

    @property
    def trained_count(self) -> int:
        return sum(self.trained)

    @property
    def masked_count(self) -> int:
        return len(self.masked_tokens) - self.trained_count

    @property
    def sampled_count(self) -> int:
        """Positions with the logprob of a sampled token."""
        return sum(value is not None and value != SENTINEL for value in self.logprobs)

    @property
    def aligned(self) -> bool:
        """Whether its three lists have one length."""
        return len(self.tokens) == len(self.masked_tokens) == len(self.logprobs)

    def summary(self) -> str:
        more = f", {len(self.problems)} problems" if self.problems else ""
        counts = (
            f"{len(self.tokens)} tokens, {self.trained_count} trained, {self.masked_count} masked"
        )
        return f"{self.index}: {counts}, finish={self.finish_reason!r}{more}"


@record
class ManagedState(Record, Drawn):
    """All nodes of a state, and what is wrong with them together."""

    nodes: tuple[ManagedNode, ...] = ()
    tree: bool = False
    """Whether it is a tree, in which each answer has a node of its own."""
    problems: tuple[Problem, ...] = ()

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """The problems of the state, then those of its nodes."""
        return (*self.problems, *(p for node in self.nodes for p in node.problems))

    def summary(self) -> str:
        trained = sum(node.trained_count for node in self.nodes)
        return (
            f"{len(self.nodes)} nodes, {trained} trained tokens, {len(self.all_problems)} problems"
        )


def is_managed(value: Any) -> bool:
    """Return whether this is a state, a node, or a list of nodes."""
    if isinstance(value, (ManagedState, ManagedNode)):
        return True
    if isinstance(value, (list, tuple)):
        return bool(value) and all(
            _is_node(item) or isinstance(item, ManagedNode) for item in value
        )
    return not isinstance(value, Record) and (
        (_has(value, "nodes") and not _is_graph(value))
        or _has(value, "sequences")
        or _is_node(value)
    )


def _is_graph(value: Any) -> bool:
    """Tell a trace of messages, whose nodes each hold one."""
    nodes = value.get("nodes") if isinstance(value, Mapping) else None
    return isinstance(nodes, list) and any(isinstance(n, Mapping) and "message" in n for n in nodes)


def state_of(x: Any, rollouts: list[Trajectory]) -> Any:
    """Find the managed state that belongs to one rollout: beside it in an `AgentResult`, or in its
    meta where it was saved with it. None where there is none.
    """
    state = getattr(x, MANAGED_STATE, None)
    if state is None and len(rollouts) == 1:
        state = rollouts[0].meta.get(MANAGED_STATE)
        return state if is_managed(state) else None
    return state


def read_managed(state: Any, trajectory: Trajectory | None = None) -> ManagedState:
    """Read and check the state.

    Args:
        state: what `get_state()` gave, its nodes, or one node: dicts, pydantic models or other
            objects.
        trajectory: the rollout it belongs to; its finish reasons are then compared with those of
            the nodes.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(state, ManagedState):
        return state
    given, tree, problems = _given_nodes(state)
    nodes = tuple(
        node if isinstance(node, ManagedNode) else _node(i, node) for i, node in enumerate(given)
    )
    if trajectory is not None:
        nodes = _against(nodes, trajectory)
    return ManagedState(
        nodes=nodes, tree=tree, problems=(*problems, *_together(nodes, tree, trajectory))
    )


def _given_nodes(state: Any) -> tuple[list[Any], bool, list[Problem]]:
    if isinstance(state, (list, tuple)):
        return list(state), False, []
    if isinstance(state, ManagedNode) or _is_node(state):
        return [state], False, []
    for name in ("nodes", "sequences", "tree"):
        if (given := _member(state, name)) is not None:
            nodes = list(given.values()) if isinstance(given, Mapping) else listed(given)
            if nodes is None:
                return (
                    [],
                    name != "nodes",
                    [
                        problem(
                            "node_value_invalid",
                            f"{name!r} is {type_in_words(given)}, not a list",
                            pointer=f"/{name}",
                        )
                    ],
                )
            return nodes, name != "nodes", []
    raise UsageError(f"{type_in_words(state)} holds no managed state", hint=_HINT)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _has(value: Any, name: str) -> bool:
    return (
        name in value
        if isinstance(value, Mapping)
        else hasattr(value, name) and not isinstance(value, (str, bytes, type))
    )


def _is_node(value: Any) -> bool:
    return not isinstance(value, Record) and sum(_has(value, name) for name in FIELDS) >= 2


def _node(index: int, raw: Any) -> ManagedNode:
    at = f"/nodes/{index}"
    missing = [name for name in FIELDS if _member(raw, name) is None]
    found = (
        [
            problem(
                "node_key_missing", f"the node has no {', '.join(map(repr, missing))}", pointer=at
            )
        ]
        if missing
        else []
    )
    metadata = _member(raw, "metadata")
    finish, odd = (
        read_finish({"finish_reason": _member(metadata, "finish_reason")}, f"{at}/metadata")
        if metadata is not None
        else (None, [])
    )
    values: dict[str, Any] = {}
    for name, kind in (("tokens", integer), ("masked_tokens", integer), ("logprobs", real)):
        values[name], wrong = read_numbers(_member(raw, name), kind, f"{at}/{name}")
        found += wrong
    text = _member(raw, "full_text")
    node = ManagedNode(
        index=index, full_text=text if isinstance(text, str) else "", finish_reason=finish, **values
    )
    dummy = (
        bool(_member(metadata, "dummy_tokens") or _member(raw, "dummy_tokens"))
        or node.tokens == _DUMMY
    )
    odd = [p for p in odd if p.code != "finish_missing"]
    problems = (*found, *odd, *_checked(node, at, dummy))
    return replace(node, dummy_tokens=dummy, problems=problems)


def _checked(node: ManagedNode, at: str, dummy: bool) -> Iterator[Problem]:
    tokens, mask, logprobs = node.tokens, node.masked_tokens, node.logprobs
    if dummy:
        yield problem(
            "node_dummy_tokens",
            "the tokens are placeholders, not what the model sampled; nothing can be trained on"
            " them",
            pointer=at,
        )
    if not node.aligned:
        lengths = f"{len(tokens)} tokens, {len(mask)} masked_tokens, {len(logprobs)} logprobs"
        yield problem(
            "node_lengths_differ", f"the lists have different lengths: {lengths}", pointer=at
        )
    if not tokens:
        yield problem("node_empty", "the node has no tokens", pointer=f"{at}/tokens")
    wrong = [
        i
        for i, (token, masked) in enumerate(zip(tokens, mask, strict=False))
        if masked not in (MASKED, token)
    ]
    if wrong:
        i = wrong[0]
        message = f"{_positions(wrong)}: masked_tokens holds neither −100 nor the token"
        yield problem(
            "node_mask_differs",
            message,
            pointer=f"{at}/masked_tokens/{i}",
            before=mask[i],
            after=tokens[i],
        )
    yield from _trained(node, at)
    high = [
        i
        for i, value in enumerate(logprobs)
        if value is not None and value > 0 and value != SENTINEL
    ]
    if high:
        message = f"{_positions(high)}: a logprob over 0 that is not the sentinel 1.0"
        yield problem(
            "node_logprob_positive",
            message,
            pointer=f"{at}/logprobs/{high[0]}",
            before=logprobs[high[0]],
        )


def _trained(node: ManagedNode, at: str) -> Iterator[Problem]:
    """Check the mask against the logprobs: what is trained must have been sampled."""
    trained, logprobs = node.trained, node.logprobs
    sampled = [i for i, value in enumerate(logprobs) if value is not None and value != SENTINEL]
    last = sampled[-1] if sampled else -1
    both = list(zip(trained, logprobs, strict=False))
    unsampled = [i for i, (train, value) in enumerate(both) if train and value == SENTINEL]
    prompt = [i for i in unsampled if i < last or last < 0]
    padded = [i for i in unsampled if 0 <= last < i]
    if prompt:
        message = (
            f"{_positions(prompt)}: the mask trains on tokens with the logprob 1.0, which were not"
            " sampled"
        )
        yield problem("node_trains_on_prompt", message, pointer=f"{at}/masked_tokens/{prompt[0]}")
    if padded:
        message = (
            f"{_positions(padded)}: trained tokens behind the last logprob, which was filled up"
            " with 1.0"
        )
        yield problem("node_logprobs_short", message, pointer=f"{at}/logprobs/{padded[0]}")
    unused = [
        i
        for i, (train, value) in enumerate(both)
        if not train and value is not None and value != SENTINEL
    ]
    if unused:
        message = (
            f"{_positions(unused)}: sampled, with a logprob, and masked; nothing is learned from"
            " them"
        )
        yield problem("node_sampled_masked", message, pointer=f"{at}/masked_tokens/{unused[0]}")
    if node.masked_tokens and not any(trained):
        yield problem(
            "node_trains_nothing",
            "the mask leaves no token to train on",
            pointer=f"{at}/masked_tokens",
        )


def _positions(found: list[int]) -> str:
    """Describe how many positions, and which: their range where they are neighbours."""
    if len(found) == 1:
        return f"position {found[0]}"
    together = found[-1] - found[0] + 1 == len(found)
    return (
        f"{len(found)} positions,"
        f" {f'{found[0]} to {found[-1]}' if together else f'first {found[0]}, last {found[-1]}'}"
    )


def _against(nodes: tuple[ManagedNode, ...], trajectory: Trajectory) -> tuple[ManagedNode, ...]:
    """Check the finish reasons of the nodes against those of the responses."""
    return tuple(_compared(node, _ending(node, trajectory)) for node in nodes)


def _ending(node: ManagedNode, trajectory: Trajectory) -> tuple[int, str | None] | None:
    """Find the turn a node ends with, by its text, and that turn's finish reason; None where no
    text fits.
    """
    text = node.full_text.rstrip()
    for turn in reversed(trajectory.all_turns):
        written = (turn.response.wire_content or turn.response.content or "").rstrip()
        if written and text.endswith(written):
            return turn.index, turn.response.finish_reason
    return None


def _compared(node: ManagedNode, ending: tuple[int, str | None] | None) -> ManagedNode:
    if ending is None or node.finish_reason is None or ending[1] == node.finish_reason:
        return node
    turn, reason = ending
    cut = "; the node is right: the answer was cut" if means(node.finish_reason, "length") else ""
    found = problem(
        "node_finish_differs",
        f"the node says {node.finish_reason!r}, the response of turn {turn} {reason!r}{cut}",
        pointer=f"/nodes/{node.index}/metadata/finish_reason",
        before=reason,
        after=node.finish_reason,
    )
    return replace(node, problems=(*node.problems, found))


def _together(
    nodes: tuple[ManagedNode, ...], tree: bool, trajectory: Trajectory | None
) -> Iterator[Problem]:
    if not nodes:
        yield problem(
            "node_empty",
            "the state holds no node: nothing was sampled through it",
            pointer="/nodes",
        )
    if len(nodes) > 1 and not tree:
        message = (
            f"{len(nodes)} nodes where a linear chat has one: a later prompt, as the template"
            " renders it, does not extend the one before"
        )
        yield problem("nodes_several", message, pointer="/nodes")
    twice = [
        text
        for text, number in Counter(node.full_text for node in nodes if node.full_text).items()
        if number > 1
    ]
    if twice:
        yield problem(
            "nodes_repeated", f"{len(twice)} texts stand in more than one node", pointer="/nodes"
        )
