"""`ak.diff`: what two rollouts share, where they part first, and what is no difference."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.alignment import align_calls, changes, meaning
from agentkit.analysis.diff import _anchors
from agentkit.read.calls.known_tools import KnownTools
from agentkit.show.render.limits import STATIC, TEXT
from agentkit.testing import FixedClock, ScriptedServer, calls, says
from agentkit.trajectory.loop import start
from agentkit.types.answer import ToolCall
from agentkit.types.trajectory import Parent, Trajectory
from tests.support.examples import examples
from tests.support.growth import assert_linear

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.text(max_size=3), JSON, max_size=3)


def weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def rollout(*script: Any, prompt: Any = "a coat?") -> Trajectory:
    clock = FixedClock()
    return ak.rollout(
        ak.Agent("m", [weather], server=ScriptedServer(list(script), clock=clock), clock=clock),
        prompt,
    )


def made(*listed: tuple[str, dict[str, Any]]) -> list[ToolCall]:
    return [
        ToolCall(
            position=i,
            id=f"c{i}",
            name=name,
            arguments=arguments,
            raw_arguments=json.dumps(arguments),
            status="ok",
        )
        for i, (name, arguments) in enumerate(listed)
    ]


ASKS = says("let me see", calls("weather", city="Oslo"), reasoning="hm")


def test_a_rollout_beside_itself_has_no_difference() -> None:
    a, b = rollout(ASKS, "rain"), rollout(ASKS, "rain")
    found = ak.diff(a, b)
    assert not found
    assert found.first is None
    assert found.differences == ()
    assert found.shared == 2
    assert "nothing differs" in found.text(TEXT)


def test_ids_times_and_the_form_of_the_wire_are_no_difference() -> None:
    a = rollout(ASKS, "rain")
    call = {
        "id": "other-9",
        "type": "function",
        "function": {"name": "weather", "arguments": '{ "city":\n"Oslo" }'},
    }
    b = rollout(
        {
            "message": {
                "role": "assistant",
                "content": "let me see",
                "reasoning_content": "hm",
                "tool_calls": [call],
            }
        },
        "rain",
    )
    assert a.turns[0].tool_calls[0].id != b.turns[0].tool_calls[0].id
    assert not ak.diff(a, b)


def test_the_first_divergence_is_named_with_its_turn_and_pointer() -> None:
    a = rollout(ASKS, says(None, calls("weather", city="Bergen")), "wet")
    b = rollout(ASKS, says(None, calls("weather", city="Rome")), "dry")
    found = ak.diff(a, b)
    first = found.first
    assert first is not None
    assert (first.turn, first.what, first.of, first.pointer, first.before, first.after) == (
        1,
        "arguments",
        "weather",
        "/city",
        "Bergen",
        "Rome",
    )
    assert found.shared == 1
    assert [d.what for d in found.differences] == ["arguments", "result", "content"]


def test_forks_show_the_shared_beginning_folded() -> None:
    a = rollout(ASKS, "rain")
    fork = replace(
        a, turns=(a.turns[0], rollout(ASKS, "snow").turns[1]), parent=Parent(trajectory=a, turn=1)
    )
    found = ak.diff(a, fork)
    html = found.html(STATIC)
    assert found.shared == 1
    assert "turn 0 is the same" in html
    assert "<del>rain</del>" in html
    assert "<ins>snow</ins>" in html


def test_a_turn_more_does_not_shift_what_comes_after() -> None:
    extra = says(None, calls("weather", city="Bergen"))
    a, b = rollout(ASKS, extra, "rain"), rollout(ASKS, "rain")
    assert [(d.what, d.turn) for d in ak.diff(a, b).differences] == [("turn", 1)]
    assert [(d.what, d.turn) for d in ak.diff(b, a).differences] == [("turn", 1)]


def test_prompts_sampling_and_endings_count() -> None:
    a = start("a coat?")
    b = replace(
        start("a hat?"), spec=replace(a.spec, sampling={"temperature": 1}), stop_reason="stopped"
    )
    assert {d.what for d in ak.diff(a, b).differences} == {"prompt", "sampling", "stop_reason"}
    assert ak.diff(a, b).first.what == "prompt"  # type: ignore[union-attr]


def test_what_holds_no_rollout_is_refused() -> None:
    with pytest.raises(ak.AgentkitError, match="holds no rollout"):
        ak.diff(3, rollout("hi"))


def test_hostile_text_is_text() -> None:
    found = ak.diff(
        rollout("<script>alert(1)</script>"), rollout("<img src=x onerror=alert(1)>\u202e")
    )
    assert "<script" not in found.html(STATIC)
    assert "<img" not in found.html(STATIC)
    assert "\u202e" not in found.text(TEXT)


@pytest.mark.parametrize(
    ("schema", "same", "other"),
    [
        ({"type": "integer"}, [1, 1.0, "1"], [2, True, "one"]),
        ({"type": "number"}, [1, 1.0, "1", "1.0"], [1.5, "1,0"]),
        ({"type": "string"}, [1, "1"], [1.0, "01"]),
        ({"type": "boolean"}, [True, "true"], [False, "no"]),
        ({"type": ["integer", "null"]}, [None, "null"], [0, ""]),
        (None, [1, 1.0], ["1", True]),
        ({"type": "array", "items": {"type": "integer"}}, [[1, 2], ["1", 2.0]], [[2, 1], [1]]),
    ],
)
def test_values_are_compared_with_the_types_of_the_schema(
    schema: Any, same: list[Any], other: list[Any]
) -> None:
    assert len({meaning(value, schema) for value in same}) == 1
    assert all(meaning(value, schema) != meaning(same[0], schema) for value in other)


def test_calls_find_their_partners_by_meaning() -> None:
    left = made(
        ("weather", {"city": "Oslo"}), ("weather", {"city": "Rome", "unit": "C"}), ("pay", {"n": 1})
    )
    right = made(
        ("weather", {"unit": "C", "city": "Bonn"}), ("weather", {"city": "Oslo"}), ("time", {})
    )
    pairs = align_calls(left, right)
    assert [(p.kind, p.left and p.left.position, p.right and p.right.position) for p in pairs] == [
        ("moved", 0, 1),
        ("arguments", 1, 0),
        ("missing", 2, None),
        ("extra", None, 2),
    ]
    assert [(c.pointer, c.before, c.after) for c in pairs[1].changes] == [("/city", "Rome", "Bonn")]


def test_another_spelling_of_a_name_is_no_other_tool() -> None:
    pairs = align_calls(
        made(("get_weather", {"city": "Oslo"})), made(("functions.get_weather:0", {"city": "Oslo"}))
    )
    assert [pair.kind for pair in pairs] == ["name"]


@given(ARGUMENTS)
def test_every_value_means_itself(arguments: dict[str, Any]) -> None:
    shuffled = dict(reversed(json.loads(json.dumps(arguments)).items()))
    assert meaning(arguments) == meaning(shuffled)
    assert list(changes(arguments, shuffled)) == []


@given(ARGUMENTS, ARGUMENTS)
def test_changes_are_found_both_ways_and_only_where_there_are_any(
    a: dict[str, Any], b: dict[str, Any]
) -> None:
    there, back = list(changes(a, b)), list(changes(b, a))
    assert {c.pointer for c in there} == {c.pointer for c in back}
    assert bool(there) == (meaning(a) != meaning(b))


@settings(max_examples=examples(50))
@given(st.lists(st.tuples(st.sampled_from(["f", "g"]), ARGUMENTS), max_size=5), st.randoms())
def test_a_permutation_of_calls_has_no_other_partner(
    listed: list[tuple[str, dict[str, Any]]], random: Any
) -> None:
    mixed = list(listed)
    random.shuffle(mixed)
    assert {pair.kind for pair in align_calls(made(*listed), made(*mixed), KnownTools(None))} <= {
        "same",
        "moved",
    }


@pytest.mark.slow
def test_turns_that_moved_are_found_in_time_linear_in_them() -> None:
    def make(size: int) -> Any:
        half = size // 2
        left = [*range(half, size), *range(half)]
        return lambda: _anchors(left, list(range(size)))

    assert len(make(10)()) == 5
    assert_linear(make, 20_000, 80_000, what="anchors")


@pytest.mark.slow
def test_the_differences_of_long_prompts_are_listed_in_time_linear_in_them() -> None:
    def make(size: int) -> Any:
        sides = [
            [{"role": "user", "content": f"{side} {at}"} for at in range(size)] for side in "ab"
        ]
        found = ak.diff(start(sides[0]), start(sides[1]))
        return lambda: found.differences

    assert len(make(5)()) >= 5
    assert_linear(make, 300, 1200, what="differences")
