"""`AgentLoop` runs tools: dispatch, errors, blocked tools."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from typing import Any

import pytest

import agentkit as ak
from tests.agent.hermes.loop_cases import (
    ECHO,
    SHAPES,
    USER,
    Stub,
    answer,
    call,
    contents,
    echo,
    loop,
    schema,
)

shaped = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)

# tools


async def test_an_unknown_tool_is_told_what_there_is() -> None:
    server = Stub(answer(None, call("nope", {"x": 1})), answer("sorry"))
    result = await loop(server, schema("b"), schema("a")).run(list(USER))
    reply = json.loads(contents(result.messages)[0])
    assert reply == {"error": "Unknown tool 'nope'. Available tools: ['a', 'b']"}
    assert result.tool_errors == [
        ak.ToolError(1, "nope", '{"x": 1}', "Unknown tool 'nope'", contents(result.messages)[0])
    ]
    assert result.finished_naturally


async def test_valid_names_are_narrower_than_schemas() -> None:
    server = Stub(answer(None, call("b")), answer("sorry"))
    result = await ak.AgentLoop(server, [schema("a"), schema("b")], {"a"}, dispatch=echo).run(
        list(USER)
    )
    assert "Unknown tool 'b'" in contents(result.messages)[0]


async def test_an_exception_in_a_tool_is_told_and_listed() -> None:
    def dispatch(name: str, args: dict[str, Any], **extra: Any) -> str:
        raise ConnectionError("no route")

    server = Stub(answer(None, call("echo", {"text": "x" * 500})), answer("sorry"))
    result = await loop(server, dispatch=dispatch).run(list(USER))
    reply = contents(result.messages)[0]
    assert json.loads(reply) == {"error": "Tool execution failed: ConnectionError: no route"}
    (error,) = result.tool_errors
    assert (error.turn, error.tool_name, error.error, error.tool_result) == (
        1,
        "echo",
        "ConnectionError: no route",
        reply,
    )
    assert len(error.arguments) == 200
    assert error.arguments.startswith('{"text": "xxx')
    assert result.trajectory.turns[0].results[0].status == "error"  # type: ignore[union-attr]


async def test_invalid_json_is_told_and_not_dispatched() -> None:
    ran: list[Any] = []
    server = Stub(answer(None, call("echo", '{"text": "cut of')), answer("sorry"))
    result = await loop(server, dispatch=lambda *a, **k: ran.append(a)).run(list(USER))
    reply = json.loads(contents(result.messages)[0])["error"]
    assert reply.startswith("Invalid JSON in tool arguments: ")
    assert reply.endswith(". Please retry with valid JSON.")
    assert ran == []
    assert [e.tool_name for e in result.tool_errors] == ["echo"]
    assert result.tool_errors[0].error.startswith("Invalid JSON: ")
    assert json.loads(result.messages[1]["tool_calls"][0]["function"]["arguments"]) == {}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"error": "sandbox is gone", "exit_code": -1}, "sandbox is gone"),
        ({"error": {"why": "gone"}, "exit_code": -9}, "{'why': 'gone'}"),
        ({"error": "command failed", "exit_code": 1}, None),
        ({"error": "command failed", "exit_code": 0}, None),
        ({"error": "", "exit_code": -1}, None),
        ({"error": "no code"}, None),
        ({"exit_code": -1}, None),
        ({"error": "x", "exit_code": None}, None),
        ({"error": "x", "exit_code": "-1"}, None),
        ([{"error": "x", "exit_code": -1}], None),
    ],
)
async def test_only_an_infrastructure_failure_is_a_tool_error(
    reply: Any, error: str | None
) -> None:
    server = Stub(answer(None, call("echo")), answer("done"))
    result = await loop(server, dispatch=lambda *a, **k: json.dumps(reply)).run(list(USER))
    assert [e.error for e in result.tool_errors] == ([] if error is None else [error])
    assert json.loads(contents(result.messages)[0]) == reply


async def test_the_classifier_of_results_can_be_replaced() -> None:
    server = Stub(answer(None, call("echo")), answer("done"))
    result = await loop(
        server,
        dispatch=lambda *a, **k: "oh no",
        result_error=lambda text: text.upper() if "no" in text else None,
    ).run(list(USER))
    assert [e.error for e in result.tool_errors] == ["OH NO"]


@pytest.mark.parametrize(
    ("messages", "task"),
    [
        (
            [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "  find it \n"},
                {"role": "user", "content": "later"},
            ],
            "find it",
        ),
        (
            [{"role": "user", "content": "   "}, {"role": "user", "content": "the second"}],
            "the second",
        ),
        ([{"role": "user", "content": "x" * 600}], "x" * 500),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": " parts "},
                        {"type": "image_url", "image_url": {"url": "u"}},
                    ],
                }
            ],
            "parts",
        ),
        ([{"role": "user", "content": None}, {"role": "system", "content": "no user"}], None),
    ],
)
async def test_the_user_task_is_the_first_text_of_the_user(
    messages: list[dict[str, Any]], task: str | None
) -> None:
    server = Stub(answer(None, call("echo")), answer("done"))
    result = await loop(
        server, dispatch=lambda name, args, task_id, user_task: [task_id, user_task], task_id="T"
    ).run(messages)
    assert json.loads(contents(result.messages)[0]) == ["T", task]


async def test_dispatch_runs_in_a_thread_and_may_call_asyncio_run() -> None:
    threads: list[int] = []

    async def inner() -> str:
        await asyncio.sleep(0)
        return "from a loop of its own"

    def dispatch(name: str, args: dict[str, Any], **extra: Any) -> str:
        threads.append(threading.get_ident())
        return asyncio.run(inner())

    result = await loop(Stub(answer(None, call("echo")), answer("done")), dispatch=dispatch).run(
        list(USER)
    )
    assert contents(result.messages) == ["from a loop of its own"]
    assert threads != [threading.get_ident()]


async def test_an_async_dispatch_is_awaited_on_the_loop_of_the_caller() -> None:
    running: list[Any] = []

    async def dispatch(name: str, args: dict[str, Any], task_id: str) -> str:
        running.append(asyncio.get_running_loop())
        return task_id

    class Callable:
        async def __call__(self, name: str, args: dict[str, Any], **extra: Any) -> str:
            running.append(asyncio.get_running_loop())
            return "object"

    server = Stub(answer(None, call("echo")), answer("done"))
    assert contents(
        (await loop(server, dispatch=dispatch, task_id="T").run(list(USER))).messages
    ) == ["T"]
    server = Stub(answer(None, call("echo")), answer("done"))
    assert contents((await loop(server, dispatch=Callable()).run(list(USER))).messages) == [
        "object"
    ]
    assert running == [asyncio.get_running_loop()] * 2


async def test_a_dispatch_that_takes_no_keywords_is_given_none() -> None:
    result = await loop(
        Stub(answer(None, call("echo")), answer("done")), dispatch=lambda name, args: name
    ).run(list(USER))
    assert contents(result.messages) == ["echo"]


async def test_tools_may_be_functions() -> None:
    def add(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    server = Stub(answer(None, call("add", {"a": 2})), answer("3"))
    result = await ak.AgentLoop(server, tools=[add]).run(list(USER))
    assert contents(result.messages) == ["3"]
    assert [t["function"]["name"] for t in server.asked[0]["tools"]] == ["add"]


async def test_context_variables_reach_the_tool() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("from the caller")
    result = await loop(
        Stub(answer(None, call("echo")), answer("done")), dispatch=lambda *a, **k: variable.get()
    ).run(list(USER))
    assert contents(result.messages) == ["from the caller"]


async def test_calls_run_one_after_another_unless_parallel_is_asked_for() -> None:
    order: list[str] = []
    both = threading.Barrier(2, timeout=5)

    def dispatch(name: str, args: dict[str, Any], **extra: Any) -> str:
        order.append(f"begin {args['text']}")
        if wait:
            both.wait()
        order.append(f"end {args['text']}")
        return str(args["text"])

    two = answer(None, call("echo", {"text": "a"}, "1"), call("echo", {"text": "b"}, "2"))
    wait = False
    await loop(Stub(two, answer("done")), dispatch=dispatch).run(list(USER))
    assert order == ["begin a", "end a", "begin b", "end b"]
    wait, order = True, []
    result = await loop(Stub(two, answer("done")), dispatch=dispatch, parallel_tools=True).run(
        list(USER)
    )
    assert {tuple(order[:2])} <= {("begin a", "begin b"), ("begin b", "begin a")}
    assert contents(result.messages) == ["a", "b"]


async def test_each_result_is_in_the_list_when_the_next_tool_runs() -> None:
    messages = list(USER)
    seen: list[int] = []

    def dispatch(name: str, args: dict[str, Any], **extra: Any) -> str:
        seen.append(len(messages))
        return "ok"

    await loop(
        Stub(answer(None, call("echo", {}, "1"), call("echo", {}, "2")), answer("done")),
        dispatch=dispatch,
    ).run(messages)
    assert seen == [2, 3]


# blocked tools


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("memory", "Memory is not available in RL environments."),
        ("session_search", "Session search is not available in RL environments."),
    ],
)
async def test_tools_that_outlive_a_rollout_are_blocked(name: str, reply: str) -> None:
    ran: list[Any] = []
    server = Stub(answer(None, call(name, {"query": "x"})), answer("done"))
    result = await loop(server, schema(name), dispatch=lambda *a, **k: ran.append(a)).run(
        list(USER)
    )
    assert json.loads(contents(result.messages)[0]) == {"error": reply}
    assert (ran, result.tool_errors) == ([], [])


async def test_the_table_of_blocked_tools_is_the_callers() -> None:
    server = Stub(answer(None, call("memory"), call("echo", {}, "2")), answer("done"))
    result = await loop(server, ECHO, schema("memory"), blocked_tools={"echo": "Not today."}).run(
        list(USER)
    )
    assert [json.loads(reply) for reply in contents(result.messages)] == [
        {"name": "memory", "args": {}},
        {"error": "Not today."},
    ]
