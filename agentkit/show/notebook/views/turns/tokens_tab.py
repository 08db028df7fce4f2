"""The tokens of one turn, as a heatmap."""

from __future__ import annotations

from agentkit.analysis.tokens.runs import trajectory_runs
from agentkit.show.html import Html, fragment
from agentkit.show.render.analysis.tokens import legend, run_row
from agentkit.show.render.parts.block import note
from agentkit.types.trajectory import Trajectory, Turn

_ROOM = 4000
"""Tokens of a turn that are drawn at most."""


def has_tokens(turn: Turn) -> bool:
    """Tell whether the server returned anything about the tokens of an answer."""
    return bool(turn.response.logprobs or turn.response.token_ids)


def tokens_tab(trajectory: Trajectory, turn: int) -> Html:
    """Draw how likely each token of a turn was."""
    found = next((run for run in trajectory_runs(trajectory) if run.turn == turn), None)
    if found is None or not len(found):
        return note("the server returned no tokens: ask with logprobs=True")
    return fragment(legend("logprob", [found]), run_row("tokens", found, "logprob", _ROOM, True))
