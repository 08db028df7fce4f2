"""The charts of one rollout in a page: where its time went, what went wrong, and its tokens; small,
whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentkit.show.charts.plots import Mishap, Tokens, context_svg, errors_svg
from agentkit.show.charts.timeline import Course, latency_svg, timing
from agentkit.show.html import Html, el
from agentkit.types.trajectory import Trajectory, Turn

_BARS, _COLUMNS, _CODES = 24, 12, 4
"""Bars of the latency, turns side by side, and codes, so that the three come to about ten
kilobytes, to thirty at the worst.
"""
FIGURES = ("latency", "problems", "tokens")
"""The names of the drawings, in order."""


def figures(trajectory: Trajectory, course: Course) -> dict[str, Html]:
    """The drawings by name, each under its heading, of a size that does not grow with the turns;
    `course`: their times.
    """
    turns = trajectory.all_turns
    slowest = [timing(turns[i]) for i in course.slowest()]
    drawn = (
        ("Latency by turn", latency_svg(slowest, bars=_BARS, among=course.timed())),
        (
            "Problems by code and turn",
            errors_svg(mishaps(trajectory), codes=_CODES, columns=_COLUMNS),
        ),
        ("Tokens by turn", context_svg([tokens_of(turn) for turn in turns], columns=_COLUMNS)),
    )
    parts = zip(FIGURES, drawn, strict=True)
    return {name: _figure(name, title, drawing) for name, (title, drawing) in parts}


def _figure(name: str, title: str, drawing: Html) -> Html:
    """A drawing holds names that a model chose: within a `code` the mathematics of a notebook
    leaves them alone.
    """
    return el(
        "section",
        el("p", el("strong", title)),
        el("code", drawing, class_="ak-said"),
        class_="ak-figure",
        data_key=f"figure-{name}",
    )


def tokens_of(turn: Turn) -> Tokens:
    """What a turn used, as the server told it."""
    usage = turn.response.usage
    counts = (
        (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens)
        if usage
        else (None, None)
    )
    return Tokens(turn.index, *counts)


def mishaps(trajectory: Trajectory) -> Iterator[Mishap]:
    """What `ak.problems_df` counts: failed requests, problems of answers and calls, failed
    tools.
    """
    for attempt in trajectory.attempts:
        yield Mishap(attempt.error.kind, attempt.turn, "error")
    if trajectory.error is not None and all(
        attempt.error != trajectory.error for attempt in trajectory.attempts
    ):
        yield Mishap(trajectory.error.kind, len(trajectory.turns), "error")
    for turn in trajectory.all_turns:
        for error in turn.response.exchange.retries:
            yield Mishap(error.kind, turn.index, "warning")
        for problem in turn.problems:
            yield Mishap(problem.code, turn.index, problem.severity)
        for result in turn.results[: len(turn.tool_calls)]:
            if result is not None and result.status not in ("ok", "edited"):
                yield Mishap(
                    result.status,
                    turn.index,
                    "warning" if result.status in ("skipped", "cancelled") else "error",
                )
