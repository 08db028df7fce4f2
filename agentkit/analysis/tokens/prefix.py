"""Whether each prompt extends the tokens of the turn before, from token ids alone.

A policy is trained on what it sampled. Where the server's template writes the history anew, the
tokens a later turn was conditioned on are not the tokens that were sampled, and training on one
sequence of them trains tokens off their policy. The ids prove it; the record shows the likely
cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Literal, TypeAlias

from agentkit.analysis.tokens.prefix_cause import CAUSES, Break, Cause, likely_cause
from agentkit.analysis.tokens.runs import Decode, Vocabulary, lost_tokens
from agentkit.errors import UsageError, checked_keywords
from agentkit.files.reader import rollouts_in
from agentkit.read.body.reasoning import split_think
from agentkit.read.managed import ManagedNode, ManagedState, is_managed, read_managed, state_of
from agentkit.types.record import Drawn, Record, record
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.trajectory import Trajectory, Turn

Status: TypeAlias = Literal["first", "extends", "differs", "unknown"]
CONTEXT = 8
"""Tokens shown on each side of the first that differs."""
_FIRST = "nothing comes before it"
TokenAt: TypeAlias = tuple[int, str | None]
"""The id of a token and its text; None if the text is not known."""


@record
class PrefixStep(Record):
    """One prompt against the tokens before it."""

    position: int
    """The turn, or the node."""
    status: Status
    """`first`: nothing comes before it. `unknown`: ids are missing."""
    reason: str = ""
    """What was found, as a sentence."""
    before_length: int | None = None
    """Tokens of the sequence before: prompt and answer."""
    prompt_length: int | None = None
    at: int | None = None
    """Position of the first token that differs."""
    shared: tuple[TokenAt, ...] = ()
    """The last tokens the two have in common."""
    before: tuple[TokenAt, ...] = ()
    """What followed in the sequence before."""
    now: tuple[TokenAt, ...] = ()
    """What follows in this prompt."""
    cause: Cause | None = None
    """The likely cause, where it differs."""
    off_policy: int = 0
    """Trained tokens before this prompt that are not in it as they were sampled."""

    def summary(self) -> str:
        where = f" at {self.at}: {self.cause}" if self.status == "differs" else ""
        return f"{self.position} {self.status}{where}"


@record
class PrefixCheck(Record, Drawn):
    """All prompts of a rollout, each against the tokens before it."""

    unit: Literal["turn", "node"] = "turn"
    steps: tuple[PrefixStep, ...] = ()
    trained: int = 0
    """Sampled tokens whose ids are known; for nodes, what their masks train on."""

    @property
    def off_policy(self) -> int:
        """Trained tokens that a later prompt does not contain as they were sampled."""
        return sum(step.off_policy for step in self.steps)

    @property
    def ok(self) -> bool | None:
        """True: every prompt extends the tokens before it. False: one does not. None: no difference
        is found, but ids are missing.
        """
        statuses = {step.status for step in self.steps}
        if "differs" in statuses:
            return False
        return None if "unknown" in statuses or not self.steps else True

    @property
    def broken(self) -> tuple[PrefixStep, ...]:
        """The prompts that do not extend the tokens before them."""
        return tuple(step for step in self.steps if step.status == "differs")

    def summary(self) -> str:
        statuses = Counter(step.status for step in self.steps)
        words: tuple[Status, ...] = ("extends", "differs", "unknown")
        counts = ", ".join(f"{statuses[word]} {word}" for word in words)
        return (
            f"{len(self.steps)} {self.unit}s: {counts}; {self.off_policy} of {self.trained} trained"
            " tokens off policy"
        )


def check_trajectory(trajectory: Trajectory, decode: Decode | None = None) -> PrefixCheck:
    """Check each turn's prompt against the prompt and answer of the turn before."""
    known = Vocabulary(decode)
    turns = trajectory.all_turns
    for turn in turns:
        known.learn(turn)
    steps: list[PrefixStep] = []
    sampled: list[tuple[int, int]] = []
    for k, turn in enumerate(turns):
        prompt = _given(turn.response.prompt_token_ids)
        step = _step(trajectory, turns, k, prompt, known, sampled)
        sampled = _cut(sampled, step.at) if step.status in ("extends", "differs") else []
        steps.append(step)
        if prompt:
            sampled.append((len(prompt), len(prompt) + len(turn.response.token_ids)))
    return PrefixCheck(
        steps=tuple(steps), trained=sum(len(turn.response.token_ids) for turn in turns)
    )


def _given(ids: Sequence[int]) -> TokenIds:
    return ids if isinstance(ids, TokenIds) else TokenIds(ids)


def _cut(sampled: list[tuple[int, int]], at: int | None) -> list[tuple[int, int]]:
    """Cut the sampled regions to what is still in the context: what is before the first
    difference.
    """
    while at is not None and sampled and sampled[-1][1] > at:
        start, _ = sampled.pop()
        if start < at:
            sampled.append((start, at))
    return sampled


def _behind(sampled: list[tuple[int, int]], at: int) -> int:
    """Count the sampled tokens behind a position."""
    behind = takewhile(lambda region: region[1] > at, reversed(sampled))
    return sum(end - max(start, at) for start, end in behind)


def _step(
    trajectory: Trajectory,
    turns: Sequence[Turn],
    k: int,
    prompt: TokenIds,
    known: Vocabulary,
    sampled: list[tuple[int, int]],
) -> PrefixStep:
    """Check the prompt of a turn.

    Args:
        trajectory: the rollout.
        turns: its turns.
        k: which of them.
        prompt: the ids of its prompt.
        known: the texts of token ids.
        sampled: the sampled regions of the context, as (start, end).
    """
    size = len(prompt) or None
    if k == 0:
        return PrefixStep(position=0, status="first", prompt_length=size, reason=_FIRST)
    missing = _missing(turns, k)
    if missing:
        return PrefixStep(position=k, status="unknown", reason=missing, prompt_length=size)
    last = turns[k - 1].response
    before = _given(last.prompt_token_ids) + last.token_ids
    at = before.common(prompt)
    sizes: dict[str, Any] = {
        "position": k,
        "before_length": len(before),
        "prompt_length": len(prompt),
    }
    lost = lost_tokens(turns[k - 1])
    if at == len(before):
        reason = f"its first {at:,} tokens are those of turn {k - 1}"
        if lost:
            reason += f", of whose answer {lost[0]}: not known whether it extends that"
        return PrefixStep(status="unknown" if lost else "extends", reason=reason, **sizes)
    cause, reason = likely_cause(Break(trajectory, turns, k, before, prompt, at, known))
    return PrefixStep(
        status="differs",
        at=at,
        cause=cause,
        reason="; of that answer ".join([reason, *lost[:1]]),
        off_policy=_behind(sampled, at),
        **_sides(before, prompt, at, known),
        **sizes,
    )


def _missing(turns: Sequence[Turn], k: int) -> str:
    """Name the ids that are missing; "" for none."""
    last, mine = turns[k - 1].response, turns[k].response
    gone = [
        f"turn {index} has no {what} token ids"
        for index, what, ids in (
            (k - 1, "prompt", last.prompt_token_ids),
            (k - 1, "answer", last.token_ids),
            (k, "prompt", mine.prompt_token_ids),
        )
        if not len(ids)
    ]
    if not gone:
        return ""
    return f"{', '.join(gone)}: not known (vLLM returns them with `return_token_ids`)"


def _sides(before: TokenIds, now: TokenIds, at: int, known: Vocabulary) -> dict[str, Any]:
    """List the tokens on both sides of the first that differs."""

    def with_texts(ids: Sequence[int]) -> tuple[TokenAt, ...]:
        return tuple((i, known.text(i)) for i in ids)

    start = max(0, at - CONTEXT)
    return {
        "shared": with_texts(before[start:at]),
        "before": with_texts(before[at : at + CONTEXT]),
        "now": with_texts(now[at : at + CONTEXT]),
    }


def check_state(state: ManagedState, decode: Decode | None = None) -> PrefixCheck:
    """Check each node's tokens against those of the node it continues: the last whose text it
    begins with, else the one before it.
    """
    known, nodes = Vocabulary(decode), state.nodes
    steps = tuple(_node_step(node, _node_before(nodes, i), known) for i, node in enumerate(nodes))
    return PrefixCheck(unit="node", steps=steps, trained=sum(node.trained_count for node in nodes))


def _node_before(nodes: Sequence[ManagedNode], i: int) -> ManagedNode | None:
    text = nodes[i].full_text
    earlier = (
        node
        for node in reversed(nodes[:i])
        if node.full_text and text != node.full_text and text.startswith(node.full_text)
    )
    return next(earlier, nodes[i - 1] if i else None)


def _node_step(node: ManagedNode, last: ManagedNode | None, known: Vocabulary) -> PrefixStep:
    """Check the tokens of a node against those of the node it continues."""
    size = len(node.tokens)
    if last is None:
        return PrefixStep(
            position=node.index, status="first", reason=_FIRST, prompt_length=size or None
        )
    bare = next((n.index for n in (last, node) if not n.tokens or None in n.tokens), None)
    if bare is not None:
        return PrefixStep(
            position=node.index,
            status="unknown",
            reason=f"node {bare} has no token ids, or not all of them: not known",
        )
    before, now = (
        TokenIds(t for t in last.tokens if t is not None),
        TokenIds(t for t in node.tokens if t is not None),
    )
    at = before.common(now)
    sizes: dict[str, Any] = {
        "position": node.index,
        "before_length": len(before),
        "prompt_length": size,
    }
    if at == len(before):
        return PrefixStep(
            status="extends",
            reason=f"its first {at:,} tokens are those of node {last.index}",
            **sizes,
        )
    if at >= (start := _begins(last)) == _begins(node):
        reason = (
            f"another answer to the prompt of node {last.index}: the same {start:,} tokens come"
            " before both"
        )
        return PrefixStep(position=node.index, status="first", reason=reason, prompt_length=size)
    cause = _node_cause(last, node, at)
    return PrefixStep(
        status="differs",
        at=at,
        cause=cause,
        reason=CAUSES[cause],
        off_policy=sum(last.trained[at:]),
        **_sides(before, now, at, known),
        **sizes,
    )


def _begins(node: ManagedNode) -> int:
    """Find the first trained token."""
    return next((i for i, train in enumerate(node.trained) if train), len(node.tokens))


def _node_cause(last: ManagedNode, node: ManagedNode, at: int) -> Cause:
    """Infer the cause from two texts and a mask."""
    before, now = last.full_text, node.full_text
    if before and now.startswith(before):
        return "retokenized"
    end = next(
        (i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b),
        min(len(before), len(now)),
    )
    if any(start <= end < stop for start, stop in split_think(before).cuts):
        return "reasoning_stripped"
    if at < _begins(last):
        return "prompt_changed"
    if at == len(node.tokens):
        return "cut_back"
    return "answer_rewritten" if before and now else "not_known"


@checked_keywords
def prefix_check(x: Any, *, decode: Decode | None = None) -> PrefixCheck:
    """Check whether each prompt of a rollout extends the tokens of the turn before, from token ids
    alone.

    If one does not, its step has the position of the first token that differs, the tokens on both
    sides of it, the likely cause and how many trained tokens are off policy. A turn whose ids the
    server did not return is `unknown`.

    Args:
        x: one rollout: a trajectory, a debugger, an `AgentResult`; the `managed_state` of one, or
            its nodes.
        decode: gives the text of a token id, as `lambda i: tokenizer.decode([i])`; else texts are
            those that the rollout's own logprobs show.

    Raises:
        UsageError: it contains no rollout, or several.
    """
    if is_managed(x):
        return check_state(read_managed(x), decode)
    found = rollouts_in(x)
    if len(found) != 1:
        raise UsageError(
            f"{len(found)} rollouts were given",
            hint="check one at a time: [ak.prefix_check(t) for t in rollouts]",
        )
    state = state_of(x, found)
    has_ids = any(len(turn.response.prompt_token_ids) for turn in found[0].all_turns)
    if has_ids or state is None:
        return check_trajectory(found[0], decode)
    return check_state(read_managed(state, found[0]), decode)
