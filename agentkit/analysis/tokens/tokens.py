"""`ak.tokens`: the tokens of a rollout, coloured by probability, entropy or loss mask."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, get_args

from agentkit.analysis.tokens.likelihood import Metric, description, least_likely
from agentkit.analysis.tokens.off_policy import PrefixBreak, breaks_of
from agentkit.analysis.tokens.prefix import PrefixCheck, check_state, check_trajectory
from agentkit.analysis.tokens.runs import Decode, TokenRun, node_runs, trajectory_runs
from agentkit.analysis.tokens.tokens_frame import tokens_df
from agentkit.errors import UsageError, checked_keywords
from agentkit.files.reader import rollouts_in
from agentkit.read.managed import ManagedState, is_managed, read_managed, state_of
from agentkit.types.answer import Dialect
from agentkit.types.record import Drawn
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

LOW = 12
"""How many unlikely tokens are listed."""


class Tokens(Drawn):
    """The tokens of one rollout, or of several, to look at: in a notebook a heatmap, elsewhere its
    lines with unlikely tokens underlined.
    """

    def __init__(self, x: Any, metric: Metric = "logprob", decode: Decode | None = None) -> None:
        self._x, self._decode = x, decode
        self.metric: Metric = metric
        self.state: ManagedState | None = None
        """The managed state, checked, if it shows one."""
        self.checks: tuple[PrefixCheck, ...] = ()
        """Whether the prompts extend the tokens before them, for each rollout."""
        self.profile = "generic"
        """The kind of server that the first rollout was asked of."""
        self.dialect: Dialect = "chat"
        """What the first rollout speaks."""
        self.runs = tuple(
            self._of_state(read_managed(x)) if is_managed(x) else self._of_rollouts(x)
        )
        """The tokens: a run per turn, or per node."""

    def _of_state(self, state: ManagedState) -> list[TokenRun]:
        self.state = state
        self.checks = (check_state(state, self._decode),)
        return list(node_runs(state, self._decode))

    def _of_rollouts(self, x: Any) -> list[TokenRun]:
        found = rollouts_in(x)
        if found:
            self.profile, self.dialect = found[0].spec.profile, found[0].spec.dialect
        state = state_of(x, found)
        if state is not None:
            return self._of_state(read_managed(state, found[0] if found else None))
        self.checks = tuple(check_trajectory(trajectory, self._decode) for trajectory in found)
        if len(found) == 1:
            return self._named(None, found[0])
        return [run for i, t in enumerate(found) for run in self._named(i, t)]

    def _named(self, rollout: int | None, trajectory: Trajectory) -> list[TokenRun]:
        made = list(trajectory_runs(trajectory, self._decode))
        if rollout is None:
            return made
        return [replace(run, title=f"rollout {rollout}, {run.title}") for run in made]

    @property
    def breaks(self) -> list[PrefixBreak]:
        """The prompts that do not go on from the tokens before them."""
        return self._broken[0]

    @property
    def off_policy(self) -> list[bytearray]:
        """For each token of each run, 1 where it is trained and no later prompt has it."""
        return self._broken[1]

    @cached_property
    def _broken(self) -> tuple[list[PrefixBreak], list[bytearray]]:
        return breaks_of(self.runs, self.checks)

    @property
    def df(self) -> Any:
        """The tokens as a `pandas.DataFrame`: `ak.tokens_df`."""
        return tokens_df(self._x, decode=self._decode)

    def low(self, number: int = LOW) -> list[str]:
        """Describe the least likely tokens, a line each."""
        return [
            f"{self.runs[low.run].title}: {description(self.runs[low.run], low.place)}"
            for low in least_likely(self.runs, number)
        ]

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def __repr__(self) -> str:
        return f"<Tokens {', '.join(self.words())}>"

    def words(self) -> list[str]:
        """Summarize the tokens in a few words."""
        known = sum(value is not None for run in self.runs for value in run.logprobs)
        trained = sum(sum(map(bool, run.trained)) for run in self.runs)
        facts = [count(len(self), "token"), f"{known:,} with a logprob", f"{trained:,} trained"]
        lost = sum(run.lost for run in self.runs)
        return [*facts, *([f"{lost:,} lost on the way"] if lost else [])]


@checked_keywords
def tokens(x: Any, *, metric: Metric = "logprob", decode: Decode | None = None) -> Tokens:
    """Show the tokens of a rollout, coloured by probability, entropy or loss mask; spans are
    marked, and each token shows its id and alternatives.

    Args:
        x: one rollout or many, as for `ak.turns_df`, with vLLM's or OpenAI's logprobs or token ids;
            an `AgentResult` with a `managed_state`, what `get_state()` gave, or its nodes.
        metric: what is shown first: `logprob`, `entropy` (of the candidates the server listed: a
            lower bound), or `mask`.
        decode: gives the text of a token id, as `lambda i: tokenizer.decode([i])`, if the server
            gave none.

    Raises:
        UsageError: it contains neither rollouts nor nodes, or there is no such metric.
    """
    if metric not in get_args(Metric):
        raise UsageError(
            f"there is no metric {metric!r}", hint=f"choose one of: {', '.join(get_args(Metric))}"
        )
    return Tokens(x, metric, decode)
