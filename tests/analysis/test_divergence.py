"""Each class of divergence on its cases, in both directions; near misses, and what is true of any
two answers.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.divergence.answer_view import answer_views
from agentkit.analysis.divergence.classes import BEHAVIOUR, CLASSES, DEPTH, EXPLAINS
from agentkit.analysis.divergence.detect import detect, flat, fold
from agentkit.files.foreign.logs.capture_log import captured_trajectories
from tests.support.corpus import corpus_rows
from tests.support.examples import examples

CASES = corpus_rows("divergence")


def rows_of(case: dict[str, Any], side: str) -> list[dict[str, Any]]:
    given = case[side] if isinstance(case[side], list) else [case[side]]
    return [{"request": case["request"], **row} for row in given]


def compared(case: dict[str, Any], left: str = "left", right: str = "right") -> Comparison:
    return ak.compare({"left": rows_of(case, left), "right": rows_of(case, right)})


def classes(found: Comparison) -> tuple[list[str], list[str]]:
    """List the classes that nothing explains, then those that something does."""
    top = list(dict.fromkeys(d.class_ for d in found.divergences))
    return top, sorted(
        {d.class_ for d, cause in flat(list(found.divergences)) if cause is not None}
    )


@pytest.mark.parametrize("case", CASES)
def test_a_divergence_is_found_named_and_placed(case: dict[str, Any]) -> None:
    found = compared(case)
    assert classes(found) == (case["found"], case["folded"])
    for divergence in found.divergences:
        assert divergence.cause
        assert divergence.hint
        assert "\n" not in divergence.cause + divergence.hint
    named = [d for d in found.divergences if d.class_ == case["class"]]
    assert [d.at for d in named] == [case["at"]] * len(named)


@pytest.mark.parametrize("case", CASES)
def test_the_other_way_round_it_is_the_same(case: dict[str, Any]) -> None:
    there, back = compared(case), compared(case, "right", "left")
    other = {"left": "right", "right": "left", None: None}
    assert classes(there) == classes(back)
    assert [d.at for d in there.divergences] == [other[d.at] for d in back.divergences]
    assert [(d.left.value, d.right.value) for d in there.divergences] == [
        (d.right.value, d.left.value) for d in back.divergences
    ]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_nothing_differs_from_itself(case: dict[str, Any], side: str) -> None:
    assert not compared(case, side, side)


def test_every_class_has_cases_and_a_near_miss() -> None:
    rows: list[Any] = [row.values[0] for row in CASES]
    for class_ in CLASSES:
        assert any(class_ in row["found"] for row in rows), class_
        assert any(
            row["class"] == class_ and "near miss" in row["case"] and class_ not in row["found"]
            for row in rows
        ), class_


def test_a_cause_lies_deeper_than_its_consequences() -> None:
    for cause, effects in EXPLAINS.items():
        assert all(DEPTH[cause] < DEPTH[effect] for effect in effects), cause
    assert {CLASSES[name].layer for name in BEHAVIOUR} == {"behaviour"}


ANSWERS: list[Any] = [
    row for case in CASES for side in ("left", "right") for row in rows_of(case.values[0], side)
]


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from(ANSWERS), st.sampled_from(ANSWERS))
def test_any_two_answers_differ_the_same_from_both_sides_and_folding_loses_nothing(
    a: dict[str, Any], b: dict[str, Any]
) -> None:
    left, right = (
        answer_views(captured_trajectories([{**row, "case": ""}])[0])[-1] for row in (a, b)
    )
    there, back = detect(left, right, ("a", "b")), detect(right, left, ("b", "a"))
    assert [(d.class_, d.at, d.severity) for d in there] == [
        (d.class_, d.at, d.severity) for d in back
    ]
    folded = list(flat(fold(there)))
    assert sorted(d.class_ for d, _ in folded) == sorted(d.class_ for d in there)
    assert all(cause is None or DEPTH[cause.class_] < DEPTH[d.class_] for d, cause in folded)
    assert not detect(left, left, ("a", "b"))


JUNK: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.just("<|im_end|><tool_call>{"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["error", "message", "function", "name", "content"]), inner, max_size=2
        )
    ),
    max_leaves=5,
)


def damaged(value: Any, draw: Any) -> Any:
    """Replace some part of the value by something that is no such part."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JUNK)
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: damaged(value[key], draw)}
    if isinstance(value, list) and value:
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], damaged(value[place], draw), *value[place + 1 :]]
    return draw(JUNK)


@settings(max_examples=examples(200), deadline=None)
@given(st.data(), st.sampled_from(ANSWERS), st.sampled_from(ANSWERS))
def test_whatever_a_server_sends_is_compared(
    data: Any, a: dict[str, Any], b: dict[str, Any]
) -> None:
    row = {**a, "case": "", "body": damaged(a.get("body", {}), data.draw)}
    found = ak.compare({"a": row, "b": {**b, "case": ""}})
    assert not ak.compare({"a": row, "b": row})
    assert classes(ak.compare({"b": {**b, "case": ""}, "a": row})) == classes(found)
    assert found.text()
    assert "<script" not in found.html()


@settings(max_examples=examples(100), deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_independent_calls_is_no_behaviour(order: list[int]) -> None:
    listed = [
        {
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": "f", "arguments": json.dumps({"n": i})},
        }
        for i in range(4)
    ]
    mixed = [{**listed[i], "id": f"call_{place}"} for place, i in enumerate(order)]
    found = ak.compare(
        {name: answer(tool_calls=calls) for name, calls in (("a", listed), ("b", mixed))}
    )
    assert not {d.class_ for d in found.divergences} & BEHAVIOUR


def answer(content: str | None = None, **message: Any) -> dict[str, Any]:
    """Construct an answer."""
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    return {
        "model": "m",
        "choices": [
            {
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
    }
