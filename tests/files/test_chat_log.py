"""`ak.view` of what exists already: messages, chat files, other people's formats, traffic, saved
rollouts. No message is dropped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import CassetteError, UsageError
from agentkit.files.foreign.logs.chat_log import trajectories_in, trajectory_of
from agentkit.trajectory.loop import apply, next_step, say
from agentkit.types.steps import Answer, ModelStep, ToolStep
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.wire import Exchange
from tests.support.corpus import captured
from tests.support.paths import CORPUS


def call(id: Any = "a", name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def user(text: str = "hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any = None, *calls: Any, **more: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": text,
        **({"tool_calls": list(calls)} if calls else {}),
        **more,
    }


def tool(text: Any, id: Any = "a", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": text, **more}


CHAT = [
    {"role": "system", "content": "s"},
    user(),
    assistant(None, call()),
    tool("r"),
    assistant("Hi"),
]


def only(view: Any) -> Trajectory:
    (trajectory,) = view.trajectories
    assert isinstance(trajectory, Trajectory)
    return trajectory


def contents(trajectory: Trajectory) -> list[Any]:
    return [message["content"] for message in trajectory.messages]


# one conversation


def test_a_conversation_is_a_rollout() -> None:
    trajectory = only(ak.view(CHAT))
    assert [m.role for m in trajectory.prompt] == ["system", "user"]
    assert [[c.name for c in turn.tool_calls] for turn in trajectory.turns] == [["f"], []]
    assert [r.content for r in trajectory.turns[0].tool_results] == ["r"]
    assert (trajectory.stop_reason, trajectory.final) == ("final", "Hi")
    assert contents(trajectory) == ["s", "hi", "", "r", "Hi"]


@pytest.mark.parametrize(
    "form", [lambda m: m, lambda m: SimpleNamespace(**m), lambda m: Message(wire=m)]
)
def test_messages_of_any_kind(form: Any) -> None:
    assert contents(only(ak.view([form(m) for m in CHAT]))) == ["s", "hi", "", "r", "Hi"]


def test_sdk_messages() -> None:
    from openai.types.chat import ChatCompletionMessage

    trajectory = only(ak.view([user(), ChatCompletionMessage(role="assistant", content="Hi")]))
    assert contents(trajectory) == ["hi", "Hi"]


@pytest.mark.parametrize(
    ("log", "results", "rest"),
    [
        ([assistant(None, call("a"), call("b")), tool("B", "b"), tool("A", "a")], ["A", "B"], []),
        ([assistant(None, call("a"), call("a")), tool("1", "a"), tool("2", "a")], ["1", "2"], []),
        ([assistant(None, call(None), call("")), tool("1", None), tool("2", None)], ["1", "2"], []),
        ([assistant(None, call(None), call(None)), tool("1", "x"), tool("2", "y")], ["1", "2"], []),
        ([assistant(None, call("a")), tool("1", None)], ["1"], []),
        (
            [
                assistant(None, call("a", "f"), call("b", "g")),
                tool("G", None, name="g"),
                tool("F", None, name="f"),
            ],
            ["F", "G"],
            [],
        ),
        (
            [assistant(None, call("a")), tool("1", "a"), tool("again", "a"), user()],
            ["1"],
            ["again", "hi"],
        ),
        ([assistant(None, call("a")), tool("orphan", "z"), user()], [None], ["orphan", "hi"]),
        ([assistant("Hi"), tool("orphan", "z"), user()], [], ["orphan", "hi"]),
        ([assistant(None, call("a")), user(), tool("late", "a")], ["late"], ["hi"]),
        ([assistant(None, call("a")), user(), tool("z", "z")], [None], ["hi", "z"]),
        (
            [assistant(None, call("a"), call("b")), tool("A", "a"), user(), tool("B", "b")],
            ["A", "B"],
            ["hi"],
        ),
        ([assistant(None, call("a"), call("b")), tool("B", "b"), user()], [None, "B"], ["hi"]),
        (
            [
                assistant(None, function_call={"name": "f", "arguments": "{}"}),
                {"role": "function", "name": "f", "content": "1"},
                user(),
            ],
            ["1"],
            ["hi"],
        ),
        (
            [
                assistant(None, call("a")),
                tool([{"type": "text", "text": "par"}, {"type": "text", "text": "ts"}], "a"),
            ],
            ["parts"],
            [],
        ),
    ],
)
def test_results_find_their_calls(log: list[Any], results: list[Any], rest: list[str]) -> None:
    trajectory = trajectory_of([user("q"), *log])
    turn = trajectory.all_turns[0]
    assert [r and r.content for r in turn.results] == results
    assert [
        m.content
        for m in (trajectory.open.added if trajectory.open and len(trajectory.turns) == 1 else ())
    ] == rest
    assert all(
        r is None or r.call_id == c.id for c, r in zip(turn.tool_calls, turn.results, strict=True)
    )


def test_calls_without_results_at_the_end_are_pending() -> None:
    trajectory = trajectory_of([user(), assistant(None, call("a"), call("b")), tool("A", "a")])
    assert [c.id for c in trajectory.pending] == ["b"]
    assert isinstance(next_step(trajectory), ToolStep)
    assert contents(say(trajectory, "x"))[-1] == "x"


def test_what_is_said_last_is_still_to_be_answered() -> None:
    trajectory = trajectory_of([user(), assistant("Hi"), user("and?")])
    assert isinstance(next_step(trajectory), ModelStep)
    assert contents(
        apply(trajectory, Answer(exchange=Exchange(body=json.dumps(assistant("Well.")))))
    ) == ["hi", "Hi", "and?", "Well."]


def test_a_conversation_without_an_answer() -> None:
    trajectory = trajectory_of([user()])
    assert (trajectory.turns, contents(trajectory), trajectory.stop_reason) == ((), ["hi"], None)


def test_thoughts_are_split_and_kept() -> None:
    trajectory = trajectory_of([user(), assistant("<think>Hm</think>Hi", reasoning_content="A")])
    assert (trajectory.turns[0].reasoning, trajectory.final) == ("A\n\nHm", "Hi")
    assert trajectory.messages[1] == assistant("<think>Hm</think>Hi", reasoning_content="A")


@pytest.mark.parametrize(
    "odd", ["", "hi", [], {}, 5, None, [5], [user(), 5], [{"content": "x"}], object(), iter(())]
)
def test_what_is_no_conversation_is_refused(odd: Any) -> None:
    with pytest.raises((UsageError, FileNotFoundError, IsADirectoryError)):
        ak.view(odd)


# several, and files


OPENAI = {"messages": CHAT, "tools": [{"type": "function", "function": {"name": "f"}}], "id": "x1"}
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": assistant("Hi"), "finish_reason": "stop"}],
}
SHAREGPT = {
    "conversations": [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "hi"},
        {"from": "gpt", "value": "Hi"},
    ],
    "id": 7,
}
CALLING = {
    "conversations": [
        {"from": "human", "value": "hi"},
        {"from": "function_call", "value": '{"name": "f", "arguments": {"a": 1}}'},
        {"from": "observation", "value": "r"},
        {"from": "gpt", "value": "Hi"},
    ],
    "tools": '[{"name": "f", "parameters": {}}]',
}


def write(path: Path, *values: Any, indent: int | None = None) -> Path:
    path.write_text(
        "\n".join(json.dumps(value, indent=indent, ensure_ascii=False) for value in values) + "\n",
        encoding="utf-8",
    )
    return path


def test_openai_s_training_format(tmp_path: Path) -> None:
    view = ak.view(write(tmp_path / "x.jsonl", OPENAI, OPENAI))
    assert [contents(t) for t in view.trajectories] == [["s", "hi", "", "r", "Hi"]] * 2
    assert view.trajectories[0].spec.tools == tuple(OPENAI["tools"])
    assert view.trajectories[0].meta == {"id": "x1"}


def test_sharegpt(tmp_path: Path) -> None:
    view = ak.view(write(tmp_path / "x.jsonl", SHAREGPT, CALLING))
    assert [[m["role"] for m in t.messages] for t in view.trajectories] == [
        ["system", "user", "assistant"],
        ["user", "assistant", "tool", "assistant"],
    ]
    called = view.trajectories[1].turns[0]
    assert [(c.name, c.arguments) for c in called.tool_calls] == [("f", {"a": 1})]
    assert [r.content for r in called.tool_results] == ["r"]
    assert [t.final for t in view.trajectories] == ["Hi", "Hi"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (OPENAI, ["s", "hi", "", "r", "Hi"]),
        (CHAT, ["s", "hi", "", "r", "Hi"]),
        ({"conversation": CHAT}, ["s", "hi", "", "r", "Hi"]),
        (ANSWER, ["Hi"]),
        ({"request": {"model": "m", "messages": [user()]}, "response": ANSWER}, ["hi", "Hi"]),
        ({"request": {"messages": [user()]}, "response": json.dumps(ANSWER)}, ["hi", "Hi"]),
        (
            {"request": {"messages": [user()]}, "response": {"status_code": 200, "body": ANSWER}},
            ["hi", "Hi"],
        ),
        ({"messages": [user()], **ANSWER}, ["hi", "Hi"]),
        (
            {
                "custom_id": "a",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"messages": [user()]},
            },
            ["hi"],
        ),
        (
            {"custom_id": "a", "response": {"status_code": 200, "body": ANSWER}, "error": None},
            ["Hi"],
        ),
        (
            {
                "request": {"messages": [user()]},
                "body": json.dumps(ANSWER),
                "status": 200,
                "path": "/v1/chat/completions",
            },
            ["hi", "Hi"],
        ),
    ],
)
def test_entries_of_many_forms(value: Any, expected: list[str], tmp_path: Path) -> None:
    assert contents(only(ak.view(write(tmp_path / "x.jsonl", value)))) == expected
    assert contents(only(ak.view(write(tmp_path / "x.json", value, indent=2)))) == expected
    assert [contents(t) for t in trajectories_in([value, value])] == [expected] * 2
    if isinstance(value, dict):
        assert contents(only(ak.view(value))) == expected


def test_a_file_that_is_one_conversation_a_message_a_line(tmp_path: Path) -> None:
    assert contents(only(ak.view(write(tmp_path / "x.jsonl", *CHAT)))) == ["s", "hi", "", "r", "Hi"]


def test_a_json_file_that_is_a_list_of_conversations(tmp_path: Path) -> None:
    assert len(ak.view(write(tmp_path / "x.json", [OPENAI, SHAREGPT], indent=1)).trajectories) == 2
    assert len(ak.view(write(tmp_path / "y.json", [CHAT, CHAT])).trajectories) == 2


def test_line_separators_inside_a_text_are_no_lines(tmp_path: Path) -> None:
    odd = "a\u2028b\u2029c\u0085d\x1ce"
    path = tmp_path / "x.jsonl"
    path.write_text(
        "".join(
            json.dumps({"messages": [user(odd), assistant(odd)]}, ensure_ascii=False) + "\r\n"
            for _ in range(2)
        ),
        encoding="utf-8-sig",
        newline="",
    )
    assert [contents(t) for t in ak.view(path).trajectories] == [[odd, odd]] * 2


def test_an_answer_of_the_sdk() -> None:
    from openai.types.chat import ChatCompletion

    assert only(ak.view(ChatCompletion.model_validate({**ANSWER, "created": 1}))).final == "Hi"


def test_an_error_beside_its_request_is_an_attempt() -> None:
    (trajectory,) = trajectories_in(
        [
            {
                "request": {"messages": [user()]},
                "status": 404,
                "body": '{"error": {"message": "The model `x` does not exist"}}',
            }
        ]
    )
    assert (
        trajectory.stop_reason,
        trajectory.error and trajectory.error.kind,
        contents(trajectory),
    ) == ("error", "model_not_found", ["hi"])


def test_an_answer_with_calls_is_pending() -> None:
    answer = {
        **ANSWER,
        "choices": [{"message": assistant(None, call()), "finish_reason": "tool_calls"}],
    }
    (trajectory,) = trajectories_in(
        [
            {
                "request": {"model": "m", "messages": [user(), assistant(None, call("z")), user()]},
                "response": answer,
            }
        ]
    )
    assert [c.id for c in trajectory.pending] == ["a"]
    assert trajectory.spec.model == "m"


@pytest.mark.parametrize(
    "name", ["hermes-qwen3", "hermes-no-reasoning", "wrong-parser", "no-parsers"]
)
def test_captured_traffic(name: str) -> None:
    view = ak.view(CORPUS / "captures" / f"{name}.jsonl")
    asked = [
        row
        for row in captured(name)
        if isinstance(row["request"], dict)
        and (row["request"].get("messages") or row["path"] == "/v1/responses")
    ]
    rollouts: dict[str, list[dict[str, Any]]] = {}
    for row in asked:
        rollouts.setdefault(re.sub(r"turn\d+", "turn", row["case"]), []).append(row)
    assert len(view.trajectories) == len(rollouts)
    for rows, trajectory in zip(rollouts.values(), view.trajectories, strict=True):
        assert trajectory.meta["case"] == rows[0]["case"]
        assert len(trajectory.all_turns) + len(trajectory.attempts) == len(rows)
        for row in rows:
            given_texts = [
                m["content"]
                for m in row["request"].get("messages", ())
                if isinstance(m.get("content"), str)
            ]
            assert all(text in contents(trajectory) for text in given_texts)
        last = rows[-1]
        assert (trajectory.stop_reason == "error") == (
            last["status"] != 200
            or (last["path"].endswith("/completions") and "chat" not in last["path"])
        )
        for row, turn in zip(rows, trajectory.all_turns, strict=False):
            if row["status"] == 200 and row.get("body"):
                assert turn.response.raw == json.loads(row["body"])


def test_a_saved_rollout(tmp_path: Path) -> None:
    rollout = ak.rollout(ak.demo())
    path = ak.save([rollout, rollout], tmp_path / "x.jsonl")
    assert list(ak.view(path)) == [rollout, rollout]
    with open(path, "a") as file:
        file.write('{"step": "mod')
    assert len(ak.view(path).trajectories) == 2
    assert len(ak.view(str(path)).trajectories) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "not json\n",
        '{"a": 1}\n',
        "5\n",
        '"text"\n',
        '{"messages": "x"}\n',
        '{"messages": []}\n',
        "[]",
        '{"messages": [5]}',
    ],
)
def test_a_file_that_holds_no_conversation_says_so(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises((UsageError, CassetteError)):
        ak.view(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ak.view(tmp_path / "none.jsonl")


def test_a_turn_and_a_response_alone() -> None:
    trajectory = trajectory_of(CHAT)
    for part in (trajectory.turns[0], trajectory.turns[0].response):
        assert [c.name for c in only(ak.view(part)).all_turns[0].tool_calls] == ["f"]


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
ids = st.sampled_from(["a", "b", None, "", 7])
log_messages = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system", "developer", "critic"]), "content": texts}
    ),
    st.fixed_dictionaries(
        {
            "role": st.just("assistant"),
            "content": st.none() | texts | texts.map(lambda t: f"<think>{t}</think>{t}"),
        },
        optional={
            "tool_calls": st.lists(st.builds(call, ids, st.sampled_from(["f", "g"])), max_size=3),
            "reasoning": texts,
        },
    ),
    st.fixed_dictionaries(
        {"role": st.sampled_from(["tool", "function"]), "content": texts},
        optional={"tool_call_id": ids, "name": st.sampled_from(["f", "g"])},
    ),
)


@given(st.lists(log_messages, min_size=1, max_size=10))
def test_no_message_is_dropped(log: list[dict[str, Any]]) -> None:
    trajectory = trajectory_of(log)
    check_all_there(trajectory, log)
    assert only(ak.view(log)) == trajectory
    (again,) = trajectories_in([{"messages": log}])
    assert again == trajectory


def check_all_there(trajectory: Trajectory, log: list[dict[str, Any]]) -> None:
    made = trajectory.messages
    said = sorted(m["content"] for m in log if m["content"])
    assert sorted(m["content"] for m in made if m["content"]) == said
    assert sum(m["role"] == "assistant" for m in made) == sum(m["role"] == "assistant" for m in log)
    assert sum(len(m.get("tool_calls", ())) for m in made) == sum(
        len(m.get("tool_calls", ())) for m in log
    )
    assert sorted(m["reasoning"] for m in made if "reasoning" in m) == sorted(
        m["reasoning"] for m in log if "reasoning" in m
    )
    users = [m["content"] for m in log if m["role"] not in ("assistant", "tool", "function")]
    assert [
        m["content"] for m in made if m["role"] not in ("assistant", "tool", "function")
    ] == users


@given(
    st.lists(
        st.builds(
            lambda speaker, text: {"from": speaker, "value": text},
            st.sampled_from(
                ["human", "gpt", "system", "observation", "function_call", "tool", "x"]
            ),
            texts,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_text_of_sharegpt_is_dropped(log: list[dict[str, Any]]) -> None:
    (trajectory,) = trajectories_in([{"conversations": log}])
    assert sorted(c for c in contents(trajectory) if c) == sorted(m["value"] for m in log)


def test_a_capped_view_links_to_the_file_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = [
        ak.testing.says(f"answer {i}", ak.testing.calls("look", key=str(i))) for i in range(300)
    ]
    agent = ak.Agent("m", server=ak.testing.ScriptedServer(answers), max_turns=300)
    ak.save(ak.rollout(agent, "go"), "long.jsonl")
    shown = ak.view("long.jsonl")._repr_mimebundle_()["text/html"]
    assert "100 turns not shown here" in shown
    assert '<a href="long.jsonl">' in shown
    assert "<a " not in ak.view(tmp_path / "long.jsonl")._repr_mimebundle_()["text/html"]
