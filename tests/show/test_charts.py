"""The charts: plotly figures of the frames, their SVG twins, and the timeline in a conversation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.frames.timings import (
    CallTime,
    Timeline,
    TurnTime,
    TurnTokens,
    length,
    percentiles_of,
    segments,
    turn_time,
)
from agentkit.errors import UsageError
from agentkit.show.charts.bars import FORMS
from agentkit.show.charts.context import context_chart
from agentkit.show.charts.drawing import ticks
from agentkit.show.charts.errors import errors_chart
from agentkit.show.charts.latency import latency_chart
from agentkit.show.charts.percentiles import percentiles_chart
from agentkit.show.charts.rollout_charts import figures, timeline_key, timeline_svg
from agentkit.show.charts.svg import svg
from agentkit.show.render.limits import STATIC
from agentkit.show.render.render import render
from agentkit.trajectory.trouble.points import ProblemPoint, problem_points
from agentkit.types.answer import Response
from agentkit.types.problem import Problem
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange, Usage
from tests.show.render_samples import HOSTILE, call, filled, result, troubled, weather
from tests.support.captures import conversation
from tests.support.growth import assert_linear

CHARTS = {
    "latency": ak.charts.latency,
    "errors": ak.charts.errors,
    "context": ak.charts.context,
    "percentiles": ak.charts.percentiles,
}


def strip(rollout: Trajectory) -> str | None:
    return timeline_svg(Timeline().reach(rollout.all_turns))


def timed(turns: int = 3, *, stream: bool = True) -> Trajectory:
    """Turns of two seconds of the model and two tools side by side, a minute of a person's thought
    between the two.
    """
    made = []
    for k in range(turns):
        begin = 1000.0 + 100 * k
        calls = (call(id="a"), call("search", id="b", position=1))
        results = (
            result(started=begin + 62, elapsed=1.0, call_id="a"),
            result(
                started=begin + 62.5,
                elapsed=1.5,
                queued=0.25,
                name="search",
                call_id="b",
                status="timeout",
            ),
        )
        exchange = Exchange(elapsed=2.0, started=begin, url="http://localhost:8000/v1")
        usage = Usage(
            input_tokens=100 * (k + 1), output_tokens=40, reasoning_tokens=10, cached_tokens=50 * k
        )
        response = Response(
            tool_calls=calls,
            exchange=exchange,
            time_to_first_token=0.5 if stream else None,
            usage=usage,
        )
        made.append(Turn(index=k, response=response, results=results))
    return replace(weather(), turns=tuple(made))


def test_the_parts_of_a_turn_add_up() -> None:
    found = segments(turn_time(timed().turns[0]))
    assert [(s.lane, s.kind, s.start, s.end) for s in found] == [
        (0, "first", 0.0, 0.5),
        (0, "generation", 0.5, 2.0),
        (1, "tool", 2.0, 3.0),
        (2, "wait", 2.25, 2.5),
        (2, "failed", 2.5, 4.0),
    ]
    assert length(found) == timed().turns[0].elapsed, "the minute a person looked is no part of it"


def test_the_queue_comes_first_and_never_beyond_the_whole() -> None:
    found = segments(TurnTime(0, 2.0, first=0.5, queue=0.25))
    assert [(s.kind, s.start, s.end) for s in found] == [
        ("queue", 0, 0.25),
        ("first", 0.25, 0.5),
        ("generation", 0.5, 2.0),
    ]
    assert [s.kind for s in segments(TurnTime(0, 1.0, first=5.0, queue=9.0))] == [
        "queue",
        "first",
        "generation",
    ]
    assert length(segments(TurnTime(0, 1.0, first=5.0, queue=9.0))) == 1.0
    assert [s.kind for s in segments(TurnTime(0, 1.0))] == ["model"]
    assert segments(TurnTime(0, None)) == []


def test_calls_one_after_the_other_stand_one_after_the_other() -> None:
    calls = (
        CallTime("a", "ok", 1.0, 10.0),
        CallTime("b", "ok", 1.0, 30.0),
        CallTime("c", "ok", 1.0),
    )
    found = segments(TurnTime(0, 1.0, calls=calls), packed=True)
    assert [(s.name, s.lane, s.start) for s in found[1:]] == [
        ("c", 1, 1.0),
        ("a", 2, 1.0),
        ("b", 1, 2.0),
    ]


seconds = st.floats(0, 1e6) | st.none()


ROUNDED = [(0.1, 0.1, None), (0.2, 5.1, None), (0.0, 1.2, None), *[(0.0, 0.0, None)] * 10]
"""Without the gaps two calls begin at the same time, but for what the subtraction rounds off."""


@example(None, None, None, ROUNDED)
@given(
    seconds, seconds, seconds, st.lists(st.tuples(st.floats(0, 1e6), seconds, seconds), max_size=30)
)
def test_any_times_can_be_drawn(
    model: float | None, first: float | None, queue: float | None, calls: list[Any]
) -> None:
    made = TurnTime(
        0, model, first, queue, tuple(CallTime("x", "ok", e, s, q) for e, s, q in calls)
    )
    found = segments(made)
    assert all(0 <= s.start <= s.end for s in found)
    lanes: dict[int, float] = {}
    for s in sorted((s for s in found if s.kind == "tool"), key=lambda s: (s.lane, s.start)):
        assert s.start >= lanes.get(s.lane, 0.0) - 1e-6, "two calls never lie on each other"
        lanes[s.lane] = s.end
    ElementTree.fromstring(svg(latency_chart([made], most=600), alone=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize(
    "x",
    [[], Trajectory(), weather(), timed(), timed(stream=False), [timed(), troubled()]],
    ids=range(6),
)
def test_every_chart_draws_everything(name: str, x: Any) -> None:
    made = CHARTS[name](x)
    assert isinstance(made, go.Figure)
    bundle = made._repr_mimebundle_()
    assert bundle.keys() == {"application/vnd.plotly.v1+json", "image/svg+xml", "text/plain"}
    ElementTree.fromstring(bundle["image/svg+xml"])
    assert bundle == CHARTS[name](x)._repr_mimebundle_(), "the same at every call"
    assert "uid" not in json.dumps(bundle)


def test_charts_of_a_frame_are_those_of_its_rollouts() -> None:
    x = [timed(), troubled()]
    turns, calls = ak.turns_df(x), ak.tool_calls_df(x)
    assert ak.charts.latency(turns, calls) == ak.charts.latency(x)
    assert ak.charts.latency(turns, calls, rollout=1) == ak.charts.latency(x, rollout=1)
    assert ak.charts.percentiles(turns, calls) == ak.charts.percentiles(x)
    assert ak.charts.context(turns) == ak.charts.context(x)
    assert ak.charts.errors(ak.problems_df(x)) == ak.charts.errors(x)
    with pytest.raises(UsageError, match="no rollout 5"):
        ak.charts.latency(x, rollout=5)
    with pytest.raises(UsageError, match="no column"):
        ak.charts.context(calls)


def test_what_a_bar_is_does_not_hang_on_its_colour() -> None:
    for made in (
        ak.charts.latency(timed()),
        ak.charts.context(timed()),
        ak.charts.percentiles(timed()),
    ):
        shown = [t for t in made.data if t.showlegend is not False]
        looks = {
            (t.type, t.type == "bar" and t.marker.pattern.shape, t.marker.color) for t in shown
        }
        assert len(looks) == sum(t.showlegend is not False for t in made.data)
        assert all(t.name for t in made.data if t.showlegend is not False)
    assert len({(f.fill, f.stroke, f.dashes, f.rounded) for f in FORMS.values()}) >= 9
    assert "search (timeout)" in svg(latency_chart([turn_time(timed().turns[0])]))


TIMES = st.none() | st.floats(0, 1000)


@given(
    st.lists(
        st.tuples(TIMES, TIMES, st.lists(st.tuples(TIMES, TIMES, TIMES), max_size=4)), max_size=4
    )
)
def test_the_times_of_a_course_are_those_of_its_bars(
    made: list[tuple[Any, Any, list[tuple[Any, Any, Any]]]],
) -> None:
    turns = []
    for i, (elapsed, first, ran) in enumerate(made):
        results = tuple(
            result(started=started, elapsed=spent, queued=queued) for started, spent, queued in ran
        )
        response = Response(
            exchange=Exchange(elapsed=elapsed), time_to_first_token=first, tool_calls=(call(),)
        )
        turns.append(Turn(index=i, response=response, results=results))
    timeline = Timeline().reach(turns)
    bars = [segments(turn_time(turn), packed=True) for turn in turns]
    assert timeline.total.timed == sum(map(bool, bars))
    grown = Timeline()
    for i in (*range(len(turns)), *range(len(turns))):
        grown.reach(turns[: i + 1], i)
    assert timeline_svg(grown) == timeline_svg(timeline), "turn by turn, and again from the first"
    for (model, tools), found in zip(timeline.spent(), bars, strict=True):
        own = length([s for s in found if not s.lane])
        assert model == pytest.approx(own, abs=1e-3)
        assert tools == pytest.approx(length(found) - own, abs=1e-3)


def test_numbers_of_the_percentiles() -> None:
    found = {s.name: s for s in percentiles_of({"a": [1.0, 2.0, 3.0, 4.0], "none": [], "b": [7.0]})}
    assert found.keys() == {"a", "b"}
    assert (found["a"].p50, found["b"].p99, found["a"].number) == (2.5, 7.0, 4)
    names = [trace.y for trace in ak.charts.percentiles([timed()] * 2).data]
    assert set(names[0]) == {
        "qwen3-8b at localhost:8000 (6)",
        "qwen3-8b at localhost:8000, first token (6)",
        "tool get_weather (6)",
        "tool search (6)",
    }


@pytest.mark.slow
@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_only_names(said: str) -> None:
    turn = timed(1).turns[0]
    turn = replace(
        turn, response=replace(turn.response, tool_calls=(call(said), call(said, position=1)))
    )
    one = replace(timed(1), turns=(turn,))
    for make in CHARTS.values():
        for rollout in (one, replace(filled(said), open=None)):
            bundle = make(rollout)._repr_mimebundle_()
            root = ElementTree.fromstring(bundle["image/svg+xml"])
            assert {e.tag.rpartition("}")[2] for e in root.iter()} <= {
                "svg",
                "g",
                "circle",
                "rect",
                "path",
                "text",
                "title",
            }
            assert not any(name.startswith("on") for e in root.iter() for name in e.attrib)
            words = json.dumps(list(bundle["application/vnd.plotly.v1+json"]["data"]))
            assert "<script" not in words
            assert "<img" not in words


@pytest.mark.slow
def test_a_thousand_turns_stay_small_and_quick() -> None:
    def draw(rollout: Trajectory) -> list[str | None]:
        return [
            strip(rollout),
            svg(latency_chart([turn_time(t) for t in rollout.turns], most=600)),
            svg(
                context_chart(
                    [TurnTokens(t.index, t.usage.input_tokens, 40) for t in rollout.turns], most=120
                )
            ),
            svg(
                errors_chart(
                    [ProblemPoint("timeout", t.index, "error") for t in rollout.turns], columns=120
                )
            ),
        ]

    rollouts = {turns: timed(turns) for turns in (250, 1000)}
    assert_linear(lambda turns: partial(draw, rollouts[turns]), 250, 1000)
    sizes = [len(part or "") for part in draw(rollouts[1000])]
    assert all(size < 120_000 for size in sizes)
    assert sizes[0] < 1_500, "it is sent again with every step"


@pytest.mark.parametrize("turns", [1, 5, 20, 40, 100])
def test_a_strip_is_about_a_kilobyte(turns: int) -> None:
    assert len(strip(timed(turns)) or "") < 1_500


def test_a_conversation_shows_where_its_time_went() -> None:
    shown = render(timed(), STATIC)["head"]
    assert "timeline of 3 turns, 12.0 s: the model 50 %, tools 50 %" in shown
    assert strip(Trajectory()) is None
    assert strip(replace(weather(), turns=(Turn(index=0, response=Response()),))) is None
    assert "<svg" in render(conversation("hermes-qwen3", "rollout-00"), STATIC)["head"]


def test_a_drawing_needs_no_style_and_loads_nothing() -> None:
    for shown in (
        svg(latency_chart([turn_time(t) for t in timed().turns])),
        svg(percentiles_chart([])),
        svg(errors_chart([])),
        svg(context_chart([])),
    ):
        assert not re.search(r"url\(|href|style=|<style|<script", shown)
        assert 'role="img"' in shown
        assert "<title>" in shown


@example(5e-324)
@example(1e-12)
@example(1e-5)
@given(st.floats(0, 1e12))
def test_ticks_are_few_and_within(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert len(found) <= 7
    assert all(t <= most for t in found)


@pytest.mark.slow
def test_charts_are_not_loaded_before_they_are_asked_for() -> None:
    code = "import sys, agentkit as ak; ak.charts; print('plotly' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def busy(turns: int) -> Trajectory:
    """As much to draw in every turn as there can be."""
    found = tuple(
        Problem(code=f"a_code_of_a_long_name_{i}", severity="error", message="x") for i in range(12)
    )
    usage = Usage(
        input_tokens=90_000, output_tokens=3_000, cached_tokens=8_000, reasoning_tokens=1_000
    )
    response = Response(
        usage=usage, problems=found, tool_calls=(call(id="a"),) * 20, exchange=Exchange(elapsed=1.5)
    )
    results = (result("failed", status="error", started=10.0, elapsed=0.5),) * 20
    return Trajectory(
        turns=tuple(Turn(index=i, response=response, results=results) for i in range(turns))
    )


@pytest.mark.parametrize("turns", [1, 60, 600])
def test_the_figures_of_a_rollout_have_a_limit(turns: int) -> None:
    """They are sent to a page while a rollout runs."""
    rollout = busy(turns)
    drawn = figures(rollout, Timeline().reach(rollout.turns))
    assert sum(map(len, drawn.values())) < 38_000
    assert f"latency of {turns} turn" in drawn["latency"]
    ordinary = figures(timed(turns), Timeline().reach(timed(turns).turns))
    assert sum(map(len, ordinary.values())) < 26_000
    assert len(zlib.compress("".join(drawn.values()).encode(), 1)) < 8_000, "as it travels"


def test_the_figures_count_what_the_frame_counts() -> None:
    rollout = troubled()
    frame = ak.problems_df(rollout)
    assert Counter((m.code, m.turn, m.severity) for m in problem_points(rollout)) == Counter(
        zip(frame["code"], frame["turn"], frame["severity"], strict=True)
    )


@pytest.mark.parametrize("chart", [ak.charts.errors, ak.charts.context, ak.charts.latency])
def test_a_frame_of_conversations_is_read_as_rollouts(chart: Any) -> None:
    import pandas as pd

    chat = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert isinstance(chart(pd.DataFrame({"messages": [chat]})), go.Figure)


def test_a_template_that_was_chosen_has_its_ground_and_ink() -> None:
    import plotly.io as pio

    assert ak.charts.context(timed()).layout.font.color == "#767676"
    was, pio.templates.default = pio.templates.default, "plotly_dark"
    try:
        made = ak.charts.context(timed()).layout
    finally:
        pio.templates.default = was
    assert made.font.color is None
    assert made.template.layout.font.color == "#f2f5fa"


def test_a_bar_knows_its_turn() -> None:
    """A page goes there."""
    drawn = figures(timed(3), Timeline().reach(timed(3).turns))
    for name in ("latency", "tokens", "problems"):
        assert set(re.findall(r'data-turn="(\d+)"', drawn[name])) == {"0", "1", "2"}


def test_one_scale_for_the_whole_rollout() -> None:
    chart = latency_chart([turn_time(turn) for turn in timed(3).turns])
    starts = [bar.start for bar in chart.bars if bar.kind == "first"]
    assert starts == [0.0, 4.0, 8.0]
    slow = latency_chart([turn_time(turn) for turn in timed(60).turns], most=20)
    assert {bar.start for bar in slow.bars if bar.kind == "first"} == {0.0}


def test_tokens_lie_on_each_other() -> None:
    chart = context_chart([TurnTokens(0, 100, 40, cached=60, reasoning=10)])
    assert [(bar.kind, bar.start, bar.end) for bar in chart.bars] == [
        ("cached", 0, 60),
        ("input", 60, 100),
        ("reasoning", 100, 110),
        ("output", 110, 140),
    ]
    assert chart.rows[0].total == "140"


def test_a_server_that_counts_no_token_has_a_chart_all_the_same() -> None:
    ElementTree.fromstring(svg(context_chart([TurnTokens(0, 0, 0)]), alone=True))


@pytest.mark.parametrize(
    ("number", "kinds"), [(3, {"sample"}), (9, {"sample"}), (10, {"p90", "p99"})]
)
def test_percentiles_need_ten_times(number: int, kinds: set[str]) -> None:
    found = percentiles_of({"a": [float(i) for i in range(number)]})
    chart = percentiles_chart(found)
    assert {bar.kind for bar in chart.bars} == kinds
    assert ("too few" in chart.rows[0].total) == (kinds == {"sample"})
    ElementTree.fromstring(svg(chart, alone=True))


def test_the_limit_of_the_server_is_a_line_where_it_was_said() -> None:
    rollout = timed(3)
    drawn = figures(rollout, Timeline().reach(rollout.turns))["tokens"]
    assert "the server takes" not in drawn
    said = "This model's maximum context length is 8192 tokens. However, you requested 9000."
    refused = replace(rollout, error=ApiError(kind="context_length_exceeded", message=said))
    drawn = figures(refused, Timeline().reach(refused.turns))["tokens"]
    assert "the server takes 8,192" in drawn


def test_the_numbers_of_charts_are_tables_too() -> None:
    rollout = timed(3)
    for drawn in figures(rollout, Timeline().reach(rollout.turns)).values():
        assert ("as a table" in drawn) == ("<rect" in drawn)


def test_the_numbers_of_an_upright_chart_begin_at_its_left_end() -> None:
    """The columns begin where the widest number beside them ends."""
    small, large = (context_chart([TurnTokens(0, read, 4)], most=4) for read in (40, 4_000_000))
    begins = [float(re.findall(r'<svg x="([\d.]+)%"', svg(chart))[0]) for chart in (small, large)]
    assert begins[0] < 6 < begins[1] < 12


def test_the_colours_of_a_timeline_are_explained() -> None:
    key = timeline_key(Timeline().reach(timed(3).turns))
    assert key is not None
    assert "waiting for the first token" in key
    assert "a tool" in key
    assert timeline_key(Timeline()) is None
