"""The tokens of a rollout as runs: for each turn what its prompt adds, and what was sampled; for
each node of a managed state all of it.

Columns, not objects: a rollout has a hundred thousand tokens. A prompt that a server returned in
full is kept as what it adds to the turn before, so that all runs together are as long as the
rollout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from agentkit.analysis.tokens.spans import Kind, output_kinds, prompt_kinds
from agentkit.read.managed import SENTINEL, ManagedNode, ManagedState
from agentkit.trajectory.history import get_profile, turn_messages
from agentkit.types.record import Record, clip, record
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.trajectory import Message, Trajectory, Turn

Decode: TypeAlias = Callable[[int], str]
"""Gives the text of a token id, as `lambda i: tokenizer.decode([i])`."""
Alternatives: TypeAlias = tuple[tuple[str, float], ...]
IMPOSSIBLE = -9999.0
"""What vLLM and OpenAI send for a token that is not among the candidates."""


@record
class TokenRun(Record):
    """Tokens in a row, in columns of one length."""

    title: str
    """`turn 3`, or `node 0`."""
    turn: int | None = None
    node: int | None = None
    offset: int = 0
    """Tokens of the context before the first one here."""
    sampled_from: int = 0
    """Where the sampled tokens begin; those before it are the prompt's. For a node, which has
    several answers, its length.
    """
    ids: tuple[int | None, ...] = ()
    texts: tuple[str | None, ...] = ()
    logprobs: tuple[float | None, ...] = ()
    """Natural logarithms; None for a token of which the server returned none."""
    tops: tuple[Alternatives, ...] = ()
    """The candidates the server listed, best first; empty if it listed none."""
    trained: tuple[bool | None, ...] = ()
    """Whether a trainer learns from it: the node's mask, else whether it was sampled."""
    kinds: tuple[Kind, ...] = ()
    lost: int = 0
    """Tokens that the server counted and whose ids and logprobs it did not return."""
    notes: tuple[str, ...] = ()
    """What is not known about it, and why."""

    def __len__(self) -> int:
        return len(self.ids)

    def summary(self) -> str:
        known = sum(value is not None for value in self.logprobs)
        return (
            f"{self.title}: {len(self)} tokens, {known} with a logprob,"
            f" {sum(map(bool, self.trained))} trained"
        )


def trajectory_runs(trajectory: Trajectory, decode: Decode | None = None) -> Iterator[TokenRun]:
    """Yield a run per turn that has an answer; its columns are empty if the server returned nothing
    about tokens.
    """
    known = Vocabulary(decode)
    turns = trajectory.all_turns
    for turn in turns:
        known.learn(turn)
    before: TokenIds | None = TokenIds()
    for turn in turns:
        prompt = turn.response.prompt_token_ids
        given = prompt if isinstance(prompt, TokenIds) else TokenIds(prompt)
        offset = given.common(before) if before is not None else 0
        again = before is not None and 0 < offset < len(before)
        yield _run(turn, given, offset, _new_messages(trajectory, turn, offset), known, again)
        before = given + _ids(turn) if given else None


def _run(
    turn: Turn,
    prompt: TokenIds,
    offset: int,
    messages: list[Message],
    known: Vocabulary,
    again: bool,
) -> TokenRun:
    """Make the run of a turn.

    Args:
        turn: the turn.
        prompt: the ids of its whole prompt.
        offset: how many of them the turn before already had.
        messages: what the prompt adds, to find the kinds of its tokens.
        known: the texts of token ids.
        again: whether the prompt differs from the turn before, and so contains earlier answers.
    """
    added, sampled, notes = prompt[offset:], *_sampled(turn)
    ids = (*added, *(s.token_id for s in sampled))
    texts = (*map(known.text, added), *(_shown(s, known) for s in sampled))
    size = len(added)
    nothing: tuple[Any, ...] = (None,) * size
    missing = ["the server returned no prompt token ids"] if sampled and not prompt else []
    counted = turn.usage.output_tokens if turn.usage else None
    missing += (lost := lost_tokens(turn))
    return TokenRun(
        title=f"turn {turn.index}",
        turn=turn.index,
        offset=offset,
        sampled_from=size,
        ids=ids,
        texts=texts,
        logprobs=(*nothing, *(None if math.isnan(s.logprob) else s.logprob for s in sampled)),
        tops=(*((),) * size, *(s.top for s in sampled)),
        trained=(*(False,) * size, *(True,) * len(sampled)),
        kinds=(
            *prompt_kinds(texts[:size], messages, answers=again),
            *output_kinds(texts[size:], turn.response),
        ),
        lost=max(0, (counted or 0) - len(sampled)) if lost else 0,
        notes=(*notes, *missing),
    )


def lost_tokens(turn: Turn) -> list[str]:
    """Say which of the turn's token ids or logprobs were lost on the way, as its problems do."""
    return [p.message for p in turn.response.problems if p.code == "token_ids_missing"]


_UNKNOWN = float("nan")


class _Sampled(NamedTuple):
    """A sampled token; a tuple, as there are very many."""

    token: str
    logprob: float
    token_id: int | None = None
    top: Alternatives = ()


def _shown(sampled: _Sampled, known: Vocabulary) -> str | None:
    """Choose the text of a sampled token: the server's, else what is known of its id."""
    if sampled.token != "" or sampled.token_id is None:
        return sampled.token
    return known.text(sampled.token_id)


def _sampled(turn: Turn) -> tuple[list[_Sampled], tuple[str, ...]]:
    """List the sampled tokens with what is known of each, and notes on what is not.

    Ids and logprobs are put together only if there are as many of both.
    """
    logprobs, ids = turn.response.logprobs, turn.response.token_ids
    if not logprobs:
        missing = "no logprobs" if len(ids) else "neither logprobs nor token ids"
        return [_Sampled("", _UNKNOWN, i) for i in ids], (f"the server returned {missing}",)
    if len(ids) == len(logprobs):
        pairs = zip(logprobs, ids, strict=True)
        return [_Sampled(_text(p.token), p.logprob, i, p.top) for p, i in pairs], ()
    notes: tuple[str, ...] = ()
    if len(ids):
        notes = (f"{len(ids)} token ids and {len(logprobs)} logprobs: they are not put together",)
    return [_Sampled(_text(p.token), p.logprob, p.token_id, p.top) for p in logprobs], notes


def _text(token: str) -> str:
    """Read the token's text; "" if `return_tokens_as_token_ids` put its id in its place."""
    return "" if token.startswith("token_id:") and token[9:].isdigit() else token


def _ids(turn: Turn) -> Sequence[int]:
    return turn.response.token_ids


class Vocabulary:
    """The texts of token ids: what a decoder says, else what the rollout's own answers show."""

    def __init__(self, decode: Decode | None = None) -> None:
        self._decode = decode
        self._seen: dict[int, str] = {}

    def learn(self, turn: Turn) -> None:
        """Learn the ids and texts of an answer that has both."""
        logprobs, ids = turn.response.logprobs, turn.response.token_ids
        if len(logprobs) == len(ids):
            self._seen.update(
                (i, p.token) for p, i in zip(logprobs, ids, strict=True) if _text(p.token)
            )

    def text(self, token_id: int | None) -> str | None:
        """Look up the text of a token; None if it is not known."""
        if token_id is None:
            return None
        if token_id not in self._seen and self._decode is not None:
            self._seen[token_id] = str(self._decode(token_id))
        return self._seen.get(token_id)


def _new_messages(trajectory: Trajectory, turn: Turn, offset: int) -> list[Message]:
    """List the messages that the prompt of this turn adds to the turn before."""
    if turn.index == 0:
        return [*trajectory.prompt, *turn.added]
    if offset == 0:
        return []
    profile = get_profile(trajectory.spec.profile)
    results = list(turn_messages(trajectory.turns[turn.index - 1], profile))[1:]
    return [*(Message(wire=wire) for wire in results), *turn.added]


def node_runs(state: ManagedState, decode: Decode | None = None) -> Iterator[TokenRun]:
    """Yield a run per node: all of its tokens with its own mask."""
    known = Vocabulary(decode)
    for node in state.nodes:
        yield _node_run(node, known)


def _node_run(node: ManagedNode, known: Vocabulary) -> TokenRun:
    size = max(len(node.tokens), len(node.masked_tokens), len(node.logprobs))
    ids: tuple[int | None, ...] = (*node.tokens, *(None,) * (size - len(node.tokens)))
    texts = tuple(map(known.text, ids))
    logprobs = tuple(None if value == SENTINEL else value for value in node.logprobs)
    trained: tuple[bool | None, ...] = (*node.trained, *(None,) * (size - len(node.masked_tokens)))
    return TokenRun(
        title=f"node {node.index}",
        node=node.index,
        sampled_from=size,
        ids=ids,
        texts=texts,
        logprobs=(*logprobs, *(None,) * (size - len(logprobs))),
        tops=((),) * size,
        trained=trained,
        kinds=_node_kinds(texts, node),
        notes=tuple(clip(p.message, 200) for p in node.problems),
    )


def _node_kinds(texts: Sequence[str | None], node: ManagedNode) -> tuple[Kind, ...]:
    """Find the kinds of sampled tokens as an answer's, of the others as a prompt's. Which are
    sampled, their logprobs show, or the mask if those are too few.
    """
    sampled = [value is not None and value != SENTINEL for value in node.logprobs]
    sampled += node.trained[len(sampled) :]
    sampled += [False] * (len(texts) - len(sampled))
    pairs = list(zip(texts, sampled, strict=True))
    outputs = iter(output_kinds([text for text, is_sampled in pairs if is_sampled]))
    prompts = iter(prompt_kinds([text for text, is_sampled in pairs if not is_sampled]))
    return tuple(next(outputs if is_sampled else prompts) for is_sampled in sampled)


def entropy(top: Alternatives) -> float | None:
    """Compute the entropy in nats of the candidates the server listed, with the rest as one more: a
    lower bound. None if it listed none.

    >>> entropy((("a", -0.6931471805599453), ("b", -0.6931471805599453)))
    0.6931471805599453
    """
    rest, total, known = 1.0, 0.0, False
    for _, value in top:
        if value > IMPOSSIBLE:  # and so not NaN
            at_most = min(0.0, value)
            chance = math.exp(at_most)
            rest, total, known = rest - chance, total - chance * at_most, True
    if not known:
        return None
    return total - rest * math.log(rest) if rest > 1e-12 else total


def rank(text: str | None, logprob: float | None, top: Alternatives) -> int | None:
    """Find the place of the sampled token among the candidates.

    Args:
        text: the text of the sampled token.
        logprob: its logarithmic probability.
        top: the candidates, best first.

    Returns:
        1 for the most likely; None if the token is not among them.
    """
    if not top or logprob is None:
        return None
    return next((i for i, (token, _) in enumerate(top, 1) if token == text), None)
