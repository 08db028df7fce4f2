"""Records as JSON lines and back: what was saved is what is loaded, whatever it holds, and damage
is not taken for content.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import CassetteError, UsageError
from agentkit.files.cassette.codec import decode_lines, encode_line, load_lines, request_key
from agentkit.files.cassette.json_records import from_json, to_json
from agentkit.files.cassette.line import line_steps
from agentkit.files.cassette.line.line_text import decoded
from agentkit.files.cassette.lines import dump
from agentkit.files.foreign.logs.chat_log import trajectory_of
from agentkit.trajectory.loop import apply, cancelled, close, resume, rewrite, say, start, stop
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import Message, OpenTurn, ToolResult, Trajectory
from agentkit.types.wire import ApiError, Chunk, Exchange
from tests.support.growth import assert_linear

ODD = 'a\u2028b\u2029c\u0085d\x0be\x1cf\r\ng\rh\ti "q" \\ \x00 \U0001f600 é'
texts = st.one_of(
    st.text(max_size=12), st.sampled_from([ODD, "\ud83d", "\udc00x", "", "</script>", "{}", "\n"])
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(texts, values, max_size=3)
seconds = st.floats(0, 1e9)
calls = st.fixed_dictionaries(
    {
        "function": st.fixed_dictionaries(
            {
                "name": st.sampled_from(["f", "g", ""]),
                "arguments": st.sampled_from(["{}", '{"a": 1}', '{"a', "", "{'a': 1}"]) | objects,
            }
        )
    },
    optional={"id": st.sampled_from(["a", "b", "", None])},
)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | texts},
    optional={"tool_calls": st.lists(calls, max_size=3), "reasoning": texts},
)
bodies = st.one_of(
    messages.map(
        lambda m: json.dumps(
            {"choices": [{"message": m, "finish_reason": "stop"}], "prompt_token_ids": [1, 2, 3]}
        )
    ),
    messages.map(
        lambda m: json.dumps(
            {"choices": [{"message": m, "finish_reason": "stop"}]}, ensure_ascii=False
        )
    ),
    texts,
    st.sampled_from(
        [
            '{"error": {"message": "rate limit"}}',
            "<html></html>",
            '{"choices": []}',
            '{"choices": [{"message": {"content": "x"}, "finish_reason": NaN}]}',
        ]
    ),
)
errors = st.builds(
    ApiError,
    kind=st.sampled_from(["timeout", "connection_reset"]),
    message=texts,
    status=st.none() | st.just(500),
    retryable=st.booleans(),
    retry_after=st.none() | seconds,
    upstream_message=st.none() | texts,
    code=st.none() | texts,
    param=st.none() | texts,
    hint=texts,
)
events = (
    texts.map(
        lambda t: (
            f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': t}, 'finish_reason': 'stop'}]})}\n\n"
        )
    )
    | texts
)
exchanges = st.builds(
    Exchange,
    body=bodies,
    status=st.sampled_from([200, 200, 200, None, 503]),
    url=texts,
    headers=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    transport_error=st.none() | errors,
    started=st.none() | seconds,
    elapsed=st.none() | seconds,
    retries=st.lists(errors, max_size=1).map(tuple),
) | st.builds(
    Exchange,
    chunks=st.lists(st.builds(Chunk, at=seconds, text=events), max_size=3).map(tuple),
    status=st.just(200),
)
results = st.builds(
    ToolResult,
    call_id=texts,
    name=texts,
    status=st.sampled_from(["ok", "error", "timeout", "edited"]),
    content=texts,
    value=values,
    conversion=st.none() | st.just("json"),
    error=st.none() | texts,
    started=st.none() | seconds,
    elapsed=st.none() | seconds,
    queued=st.none() | seconds,
    full_content=st.none() | texts,
)
prompts = st.lists(
    st.builds(
        Message,
        wire=st.fixed_dictionaries(
            {"role": st.sampled_from(["user", "system"]), "content": texts},
            optional={"name": texts},
        ),
    ),
    min_size=1,
    max_size=2,
)
specs = st.builds(
    Spec,
    model=st.none() | texts,
    tools=st.lists(
        st.just({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}),
        max_size=1,
    ).map(tuple),
    sampling=objects,
    profile=st.sampled_from(["generic", "vllm"]),
    parser=st.sampled_from([None, "hermes"]),
    policy=st.sampled_from(["strict", "normalize", "repair"]),
    max_turns=st.none() | st.integers(0, 4),
    stream=st.booleans(),
)
steps = st.one_of(
    exchanges.map(lambda e: lambda t: apply(resume(t), Answer(exchange=e))),
    results.map(lambda r: lambda t: answered(t, r)),
    prompts.map(lambda m: lambda t: say(t, m)),
    st.tuples(st.integers(0, 4), prompts).map(lambda a: lambda t: rewrite(t, a[0], tuple(a[1]))),
    objects.map(
        lambda o: (
            lambda t: (
                replace(t, open=replace(t.open or OpenTurn(), sampling=o))
                if t.stop_reason is None
                else t
            )
        )
    ),
    st.sampled_from([stop, resume, close]),
)


def answered(trajectory: Trajectory, result: ToolResult) -> Trajectory:
    """The trajectory with this result for every pending call but the last of several."""
    pending = trajectory.pending
    for call in pending[: max(1, len(pending) - 1)]:
        trajectory = apply(trajectory, Result(position=call.position, result=result))
    return trajectory


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    """Rollouts as any sequence of steps may leave them."""
    trajectory = start(draw(prompts), draw(specs), draw(objects))
    for step in draw(st.lists(steps, max_size=7)):
        try:
            trajectory = step(trajectory)
        except UsageError:
            continue
    return trajectory


def lines_of(*rollouts: Trajectory) -> list[str]:
    return [
        encode_line(line) for index, rollout in enumerate(rollouts) for line in dump(rollout, index)
    ]


def loaded(lines: list[str]) -> list[Trajectory]:
    return load_lines(decode_lines(lines))


@given(trajectories())
def test_what_was_dumped_is_what_is_loaded(trajectory: Trajectory) -> None:
    lines = lines_of(trajectory)
    (again,) = loaded(lines)
    assert again == trajectory
    assert lines_of(again) == lines
    assert again.messages == trajectory.messages
    assert [c.id for turn in again.all_turns for c in turn.tool_calls] == [
        c.id for turn in trajectory.all_turns for c in turn.tool_calls
    ]


@given(trajectories())
def test_a_line_is_one_line_that_utf8_carries(trajectory: Trajectory) -> None:
    for line in lines_of(trajectory):
        assert line.endswith("\n")
        assert line.count("\n") == 1
        assert "\r" not in line
        line.encode()


@given(st.lists(trajectories(), min_size=2, max_size=3), st.randoms(use_true_random=False))
def test_the_lines_of_several_samples_may_be_mixed(rollouts: list[Trajectory], order: Any) -> None:
    queues = [
        [encode_line(line) for line in dump(rollout, index)]
        for index, rollout in enumerate(rollouts)
    ]
    mixed = [queues[0].pop(0)]
    while waiting := [queue for queue in queues if queue]:
        mixed.append(order.choice(waiting).pop(0))
    assert loaded(mixed) == rollouts


@given(trajectory=trajectories())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_is_no_different(tmp_path: Path, trajectory: Trajectory) -> None:
    target = ak.save(trajectory, tmp_path / "x.jsonl")
    again = ak.load(target)
    assert again == trajectory
    assert lines_of(again) == lines_of(trajectory)


@given(st.one_of(exchanges, results, errors, specs))
def test_a_record_alone(record: Any) -> None:
    data = json.loads(json.dumps(to_json(record)))
    assert from_json(type(record), data) == record
    assert to_json(from_json(type(record), data)) == to_json(record)


def test_a_tool_s_value_that_will_not_compare_itself() -> None:
    import numpy

    value = numpy.array([1, 2])
    trajectory = apply(start("hi"), Answer(exchange=Exchange(body=BODY, status=200)))
    trajectory = apply(
        trajectory,
        Result(
            position=0,
            result=ToolResult(call_id="a", name="f", status="ok", content="r", value=value),
        ),
    )
    assert loaded(lines_of(trajectory)) == [trajectory]


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2024, 1, 1),
        b"\xff",
        {1, 2},
        object(),
        10**5000,
        float("nan"),
        {"a": {1: (2, 3)}},
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_tool_s_value_of_any_kind(value: Any) -> None:
    json.dumps(to_json(ToolResult(call_id="a", name="f", status="ok", content="r", value=value)))


BODY = json.dumps(
    {
        "choices": [
            {
                "message": {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}] * 2,
                },
                "finish_reason": "tool_calls",
            }
        ]
    }
)
FINAL = Exchange(
    body='{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}', status=200
)
BUSY = Exchange(body="", status=503)


def test_what_follows_a_failure_is_kept_apart() -> None:
    failed = apply(start("hi"), Answer(exchange=BUSY))
    for trajectory in (
        failed,
        resume(failed),
        stop(resume(failed)),
        say(failed, "x"),
        apply(resume(failed), Answer(exchange=FINAL)),
        apply(resume(failed), Answer(exchange=BUSY)),
    ):
        (again,) = loaded(lines_of(trajectory))
        assert (again.stop_reason, again.error, again) == (
            trajectory.stop_reason,
            trajectory.error,
            trajectory,
        )


def test_turns_that_were_left_with_open_calls() -> None:
    called = apply(start("hi"), Answer(exchange=Exchange(body=BODY, status=200)))
    half = apply(called, Result(position=1, result=cancelled(called.pending[1])))
    for trajectory in (
        called,
        half,
        close(called),
        close(half),
        apply(close(half), Answer(exchange=FINAL)),
    ):
        assert loaded(lines_of(trajectory)) == [trajectory]


def test_a_conversation_that_begins_with_an_answer() -> None:
    for log in (
        [{"role": "assistant", "content": "Hi"}],
        [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "x"}],
    ):
        trajectory = trajectory_of(log)
        assert loaded(lines_of(trajectory)) == [trajectory]


# damage

WHOLE = lines_of(apply(start("hi"), Answer(exchange=FINAL)))


@pytest.mark.parametrize("cut", [2, 10, 40])
def test_a_torn_last_line_is_told_and_ignored(cut: int) -> None:
    warnings: list[str] = []
    lines = [*WHOLE[:2], WHOLE[1][:-cut]]
    (again,) = load_lines(decode_lines(lines, warnings.append))
    assert again.final == "Hi"
    assert warnings == ["line 3 is torn and is ignored"]


def test_a_torn_line_before_another_rollout_is_told_and_ignored() -> None:
    warnings: list[str] = []
    more = [encode_line(line) for line in dump(start("b"), 1)]
    assert (
        len(load_lines(decode_lines([*WHOLE[:2], '{"step": "mo\n', *more], warnings.append))) == 2
    )
    assert len(warnings) == 1


def test_a_torn_line_in_the_middle_costs_the_steps_from_there_on() -> None:
    (left,) = loaded([WHOLE[0], WHOLE[1][:-20] + "\n", WHOLE[2]])
    assert (left.turns, left.stop_reason) == ((), None)
    assert [p.code for p in left.problems] == ["file_damaged", "file_damaged"]
    assert "only 0 turns" in left.damage[1].message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"step": "tool", "sample": 0, "position": 0}', "tool line"),
        ('{"step": "tool", "sample": 0, "position": 0, "result": {"name": "f"}}', "tool line"),
        ('{"step": "model", "sample": 0, "exchange": []}', "Exchange"),
        ('{"step": "model", "sample": 0, "turn": 0, "exchange": {"status": "x"}}', "status"),
        ('{"step": "end", "sample": 0, "stop_reason": []}', "reason to stop"),
        ('{"step": "meta", "sample": 0, "meta": 5}', "5 is no object"),
    ],
)
def test_a_line_that_does_not_fit_is_told_and_costs_no_other_rollout(
    line: str, message: str
) -> None:
    other = [encode_line(entry) for entry in dump(loaded(WHOLE)[0], 1)]
    first, second = loaded([WHOLE[0], line + "\n", *other])
    assert (first.turns, second.final, second.damage) == ((), "Hi", ())
    assert message in first.damage[0].message
    assert loaded(lines_of(first))[0].damage == first.damage


def test_a_line_of_another_rollout_costs_nothing() -> None:
    again = json.loads(WHOLE[1]) | {"turn": 7}
    (left,) = loaded([WHOLE[0], encode_line(again), *WHOLE[1:]])
    assert (left.final, len(left.damage)) == ("Hi", 1)


@pytest.mark.parametrize("place", range(3))
def test_a_line_that_is_there_twice_ends_what_is_read(place: int) -> None:
    lines = WHOLE[: place + 1] + WHOLE[place:]
    (left,) = loaded(lines)
    assert "twice" in left.damage[0].message
    assert left.final == (None if place == 0 else "Hi")


def test_a_first_line_that_is_lost_costs_its_rollout_alone() -> None:
    other = [encode_line(entry) for entry in dump(loaded(WHOLE)[0], 1)]
    for head in ([], [WHOLE[0][:60] + "\n"], [WHOLE[0].replace('"agentkit":1', '"agentkit":0')]):
        lost, kept = loaded([*head, *WHOLE[1:], *other])
        assert (lost.turns, kept.final) == ((), "Hi")
        assert [p.code for p in lost.problems] == ["file_damaged"]
    assert loaded([*other, WHOLE[1]]) == [loaded(WHOLE)[0]]  # a single wrong line is no rollout


def test_a_run_that_takes_a_damaged_rollout_up_mends_it() -> None:
    owner = '{"step":"owner","sample":0,"owner":"1-0123456789ab","mended":true}\n'
    (whole,) = loaded([WHOLE[0], WHOLE[1][:-20] + "\n", WHOLE[2], owner, *WHOLE[1:]])
    assert (whole.final, whole.damage) == ("Hi", ())
    (twice,) = loaded([WHOLE[0], WHOLE[0], *WHOLE[1:], owner, *WHOLE[1:]])
    assert (twice.final, twice.damage) == ("Hi", ())


@pytest.mark.parametrize("version", [True, 0, -1, 1.5, None, [], "1", 2])
def test_a_version_is_a_positive_number_that_is_known(version: Any) -> None:
    head = encode_line(json.loads(WHOLE[0]) | {"agentkit": version})
    with pytest.raises(CassetteError, match="version") as caught:
        loaded([head, *WHOLE[1:]])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"messages": []}\n'], "line 1 is not a line of an agentkit file"),
        ([WHOLE[0][:60]], "line 1 is cut before its end; open the file again where it is still"),
        (["[]\n"], "line 1"),
        (["\x00\n"], "line 1"),
        (["not json\n"], "line 1"),
        ([WHOLE[0].replace('"agentkit":1', '"agentkit":2')], "version 2"),
        ([WHOLE[0].replace('"agentkit":1', '"agentkit":"x"')], "version 'x'"),
        (['{"agentkit": 1, "prompt": []}\n'], "first line"),
        (["[" * 100_000 + "\n"], "line 1"),
        ([WHOLE[0].replace('"prompt":[', '"prompt":[5,')], "first line"),
    ],
)
def test_a_file_that_cannot_be_ours_says_so(lines: list[str], message: str) -> None:
    with pytest.raises(CassetteError, match=message):
        loaded(lines) or pytest.fail("nothing was found")


def test_fields_and_steps_of_later_versions_are_passed_over() -> None:
    newer = [json.loads(line) for line in WHOLE]
    newer[0] |= {"colour": "red", "spec": {**newer[0]["spec"], "mood": 1}}
    newer[1] |= {"new": [1], "exchange": {**newer[1]["exchange"], "weather": "fine"}}
    newer.insert(1, {"step": "thought", "sample": 0, "text": "?"})
    assert load_lines(newer) == loaded(WHOLE)


def test_blank_lines_are_nothing() -> None:
    assert loaded([WHOLE[0], "\n", *WHOLE[1:], " \n"]) == loaded(WHOLE)
    assert loaded([]) == []


def test_an_old_file_profits_from_a_better_reader() -> None:
    line = json.loads(WHOLE[1])
    assert "response" not in line
    assert line["exchange"]["body"] == FINAL.body


def test_no_default_is_written() -> None:
    assert to_json(FINAL) == {"body": FINAL.body, "status": 200}
    assert to_json(Spec()) == {}


def test_the_order_of_keys_does_not_change_a_request_s_key() -> None:
    assert (
        request_key({"a": 1, "b": [2]})
        == request_key({"b": [2], "a": 1})
        != request_key({"a": 1, "b": [3]})
    )
    assert request_key({"a": "\ud800"})


@pytest.mark.slow
def test_400_turns_are_linear_enough() -> None:
    body = json.dumps(
        {
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
                    },
                    "finish_reason": "tool_calls",
                }
            ]
        }
    )

    def work(turns: int) -> Callable[[], None]:
        trajectory = start("hi")
        for _ in range(turns):
            trajectory = apply(trajectory, Answer(exchange=Exchange(body=body, status=200)))
            trajectory = apply(
                trajectory,
                Result(
                    position=0, result=ToolResult(call_id="a", name="f", status="ok", content="r")
                ),
            )

        def there_and_back() -> None:
            assert loaded(lines_of(trajectory)) == [trajectory]

        return there_and_back

    assert_linear(work, 100, 400)


LINES = (
    *(
        '{"step": "x"}',
        '{"step": "x"}\n',
        '{"step": "x"}\r\n',
        '{"step": "x"} \n',
        ' {"step": "x"}',
    ),
    *('\ufeff{"step": "x"}\n', '{"step": "x"}{}\n', '{"step": "x"}x', '{"step": "x"', "{", "{}\n"),
    *('{"step": NaN}', '{"step": "\x01"}', '["step"]', "", "\n", "null", '{"step": "é\ud83d"}\n'),
    '{"step": ' + "[" * 100_000,
)


@pytest.mark.parametrize("text", LINES, ids=lambda text: repr(text[:20]))
def test_a_line_is_decoded_as_json_is(text: str) -> None:
    try:
        expected = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        expected = None
    expected = expected if isinstance(expected, dict) else None
    raw = text.encode("utf-8", "surrogatepass")
    assert repr(decoded(text)) == repr(expected)  # in which two NaN are alike
    assert repr(decoded(raw)) == repr(expected if "\ud83d" not in text else None)


def test_what_a_batch_is_run_with_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = [{"agentkit": 1, "sample": at, "prompt": []} for at in range(6)]
    specs = [{"model": "m"}] * 3 + [{"model": "n"}] + [{"model": "m", "max_turns": 1}] * 2
    read: list[Any] = []
    of = line_steps._spec

    def counted(data: Any) -> Spec:
        read.append(data)
        return of(data)

    monkeypatch.setattr(line_steps, "_spec", counted)
    loaded = load_lines([{**head, "spec": spec} for head, spec in zip(heads, specs, strict=True)])
    assert [t.spec for t in loaded] == [of(spec) for spec in specs]
    assert len(read) == 3
    assert loaded[0].spec is loaded[2].spec
