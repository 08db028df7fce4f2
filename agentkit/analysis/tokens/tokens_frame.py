"""`ak.tokens_df`: a row per token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import (
    COUNT,
    FLAG,
    IDENTITY,
    MAYBE_COUNT,
    MAYBE_FLAG,
    NUMBER,
    TEXT,
    frame,
    identity,
)
from agentkit.analysis.tokens.runs import (
    Decode,
    TokenRun,
    entropy,
    node_runs,
    rank,
    trajectory_runs,
)
from agentkit.errors import checked_keywords
from agentkit.files.reader import rollouts_in
from agentkit.read.managed import is_managed, read_managed, state_of
from agentkit.types.trajectory import Trajectory

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **IDENTITY,
    "turn": MAYBE_COUNT,
    "node": MAYBE_COUNT,
    "position": COUNT,
    "id": MAYBE_COUNT,
    "text": TEXT,
    "span": TEXT,
    "sampled": FLAG,
    "trained": MAYBE_FLAG,
    "logprob": NUMBER,
    "entropy": NUMBER,
    "rank": MAYBE_COUNT,
    "alternatives": TEXT,
}


@checked_keywords
def tokens_df(x: Any, *, decode: Decode | None = None) -> pd.DataFrame:
    """List the tokens of rollouts in a `pandas.DataFrame`, a row each: for every turn the tokens
    its prompt adds, then those that were sampled.

    Columns:
        rollout, side, sample, prompt: as in `turns_df`. turn: `<NA>` for a node of a managed state.
            node: which; `<NA>` for a turn.
        position: in the context, from 0; from the start of the answer if the server returned no
            prompt ids. id: `<NA>` if it is not known.
        text: as the server gave it, else as another answer of the rollout or `decode` shows it.
        span: what it belongs to: prompt, template, result, reasoning, call, answer. sampled:
            whether the model gave it.
        trained: whether a trainer learns from it: a node's own mask, else whether it was sampled;
            `<NA>` if the mask is too short.
        logprob: natural logarithm; `<NA>` if there is none, as for the sentinel 1.0 of a node.
        entropy: nats, over the candidates listed and one for the rest: a lower bound.
        rank: among the candidates, 1 for the likeliest.
        alternatives: the candidates as `text:logprob`, a line each.

    Args:
        x: one rollout or many, as for `turns_df`; an `AgentResult` with a `managed_state`, or such
            a state or its nodes.
        decode: gives the text of a token id, as `lambda i: tokenizer.decode([i])`.

    Raises:
        UsageError: it contains neither rollouts nor nodes.
    """
    return frame(COLUMNS, (row for who, run in _runs(x, decode) for row in _rows(who, run)), x)


def _runs(x: Any, decode: Decode | None) -> Iterator[tuple[tuple[Any, ...], TokenRun]]:
    if is_managed(x):
        yield from ((identity(0, Trajectory()), run) for run in node_runs(read_managed(x), decode))
        return
    for i, trajectory in enumerate(rollouts_in(x)):
        who, state = identity(i, trajectory), state_of(x, [trajectory])
        found = (
            node_runs(read_managed(state, trajectory), decode)
            if state is not None
            else trajectory_runs(trajectory, decode)
        )
        yield from ((who, run) for run in found)


def _rows(who: tuple[Any, ...], run: TokenRun) -> Iterator[tuple[Any, ...]]:
    columns = zip(run.ids, run.texts, run.logprobs, run.tops, strict=True)
    for i, (token, text, logprob, top) in enumerate(columns):
        listed = "\n".join(f"{other}:{value:.4f}" for other, value in top) if top else None
        sampled = i >= run.sampled_from if run.node is None else logprob is not None
        chance = entropy(top), rank(text, logprob, top), listed
        yield (
            *who,
            run.turn,
            run.node,
            run.offset + i,
            token,
            text,
            run.kinds[i],
            sampled,
            run.trained[i],
            logprob,
            *chance,
        )
