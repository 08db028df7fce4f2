"""Agents: any server behind them, what they send, what a wrong argument says, and whole
rollouts.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.agent import event_loop as background
from agentkit.errors import AgentkitError, NotFound
from agentkit.testing import ScriptedServer, calls, says
from tests.agent.hermes.loop_cases import Stub, answer, call
from tests.servers.http_stub import COMPLETION, Answer, HttpServer
from tests.servers.server_stub import closed_port
from tests.support.loaded import load_one


def double(n: int) -> int:
    """Double it."""
    return 2 * n


TOOL_CALL = answer(None, call("double", {"n": 4}))

# servers


def test_every_kind_of_server_gives_the_same_rollout() -> None:
    def rolled(server: Any) -> list[Any]:
        trajectory = ak.rollout(ak.Agent("m", tools=[double], server=server), "go")
        return [
            trajectory.stop_reason,
            trajectory.final,
            [r.content for turn in trajectory.turns for r in turn.tool_results],
        ]

    def fresh() -> HttpServer:
        return HttpServer(Answer(TOOL_CALL), Answer(COMPLETION))

    seen = [rolled(Stub(TOOL_CALL, COMPLETION)), rolled(ScriptedServer([TOOL_CALL, COMPLETION]))]
    for make in (str, ak.Server, lambda url: ak.Server(url, "key")):
        with fresh() as http:
            seen.append(rolled(make(http.url)))
    with fresh() as http, openai.OpenAI(base_url=http.url, api_key="key") as client:
        seen.append(rolled(client))
    with fresh() as http:
        later = openai.AsyncOpenAI(base_url=http.url, api_key="key")
        seen.append(rolled(later))
        background.run(later.close())
    assert seen == [["final", "four", ["8"]]] * 7


def test_a_request_holds_what_was_asked_for_and_nothing_else() -> None:
    with HttpServer() as http:
        ak.rollout(ak.Agent("m", server=http.url), "go")
        made = ak.Agent(
            "m",
            [double],
            http.url,
            system="be brief",
            temperature=0.0,
            max_tokens=9,
            extra_body={"top_k": 3},
            sampling={"top_p": 0.5, "seed": 1},
        )
        ak.rollout(made, "go")
        ak.rollout(
            ak.Agent(None, server=http.url),
            [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        )
        bodies = [request.json for request in http.requests]
    assert bodies[0] == {"model": "m", "messages": [{"role": "user", "content": "go"}]}
    assert bodies[1] == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "go"}],
        "tools": [ak.tool(double).schema],
        "temperature": 0.0,
        "max_tokens": 9,
        "top_k": 3,
        "top_p": 0.5,
        "seed": 1,
    }
    assert bodies[2] == {
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    }


def test_the_server_of_the_environment_is_used_where_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with HttpServer() as http:
        monkeypatch.setenv("OPENAI_BASE_URL", http.url)
        assert ak.rollout(ak.Agent("m"), "go").final == "four"
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert "https://api.openai.com/v1" in repr(ak.Agent("m"))


def test_calls_of_one_turn_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(n: int) -> int:
        """Meet."""
        both.wait()
        return n

    script = [says(None, calls("meet", n=1), calls("meet", n=2)), says("done")]
    turn = ak.rollout(ak.Agent("m", tools=[meet], server=ScriptedServer(script)), "go").turns[0]
    assert [r.content for r in turn.tool_results] == ["1", "2"]


# wrong arguments

URL = "http://127.0.0.1:9/v1"


def positional(a: int, /) -> int:
    return a


def unresolved(a: Nowhere) -> int:  # type: ignore[name-defined]  # noqa: F821
    return 1


@pytest.mark.parametrize(
    ("arguments", "fact", "hint"),
    [
        ({"model": "m"}, "no key", "OPENAI_API_KEY"),
        ({"model": openai.OpenAI, "server": URL}, "not a name", "ak.Agent("),
        ({"model": "m", "server": "localhost:8000"}, "localhost:8000", "http://"),
        ({"model": "m", "server": ""}, "empty text", "http://"),
        ({"model": "m", "server": object()}, "no server", "chat_completion"),
        ({"model": "m", "server": Stub}, "the class Stub", "chat_completion"),
        ({"model": "m", "server": URL, "tools": double}, "list of functions", "tools=["),
        ({"model": "m", "server": URL, "tools": "double"}, "list of functions", "tools=["),
        (
            {"model": "m", "server": URL, "tools": [double, double]},
            "two tools are named 'double'",
            "name=",
        ),
        ({"model": "m", "server": URL, "tools": [positional]}, "'positional'", "remove the /"),
        ({"model": "m", "server": URL, "tools": [unresolved]}, "Nowhere", "import"),
        ({"model": "m", "server": URL, "tools": [ak.tool(double).schema]}, "schema", "ak.tool("),
        ({"model": "m", "server": URL, "tools": [3]}, "not int", "ak.tool("),
        ({"model": "m", "server": URL, "policy": "lenient"}, "'lenient'", "'normalize'"),
        ({"model": "m", "server": URL, "tool_timeout": 0}, "0 seconds", "above 0"),
        ({"model": "m", "server": URL, "tool_timeout": "5"}, "'5' seconds", "above 0"),
        ({"model": "m", "server": URL, "parser": "hermess"}, "'hermess'", "hermes"),
        ({"model": "m", "server": URL, "profile": "vllmm"}, "'vllmm'", "vllm"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_argument_gives_one_clear_error_and_its_mend(
    arguments: dict[str, Any], fact: str, hint: str
) -> None:
    with pytest.raises(AgentkitError) as caught:
        ak.Agent(**arguments)
    assert fact in str(caught.value)
    assert "\n" not in str(caught.value)
    assert hint in caught.value.hint
    assert isinstance(caught.value, (ValueError, NotFound))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        3,
        "",
        " \n",
        [],
        [{}],
        [{"content": "x"}],
        ["text"],
        b"bytes",
        {"role": "user", "content": "x"},
    ],
)
def test_a_prompt_is_a_text_or_messages(prompt: Any) -> None:
    with pytest.raises(AgentkitError) as caught:
        ak.rollout(ak.Agent("m", server=ScriptedServer([says("hi")])), prompt)
    assert "message" in caught.value.hint


@pytest.mark.parametrize("not_an_agent", ["gpt-4o", None, ak.Agent, ScriptedServer([])])
def test_only_an_agent_can_be_rolled_out(not_an_agent: Any) -> None:
    with pytest.raises(AgentkitError, match="the agent is a") as caught:
        ak.rollout(not_an_agent, "go")
    assert "ak.Agent(" in caught.value.hint


# what a server gets wrong is data


def test_a_refused_connection_is_data_with_a_hint() -> None:
    trajectory = ak.rollout(ak.Agent("m", server=f"http://127.0.0.1:{closed_port()}/v1"), "go")
    assert trajectory.stop_reason == "error"
    assert trajectory.error is not None
    assert (trajectory.error.kind, trajectory.error.retryable) == ("connection_failed", True)
    assert trajectory.error.hint
    assert trajectory.messages == [{"role": "user", "content": "go"}]
    assert len(trajectory.attempts) == 1


def test_an_unknown_model_is_data() -> None:
    body = {
        "error": {
            "message": "The model `m` does not exist.",
            "type": "NotFoundError",
            "param": None,
            "code": 404,
        }
    }
    with HttpServer(Answer(body, status=404)) as http:
        trajectory = ak.rollout(ak.Agent("m", server=http.url), "go")
    assert trajectory.error is not None
    assert (trajectory.stop_reason, trajectory.error.kind, trajectory.error.status) == (
        "error",
        "model_not_found",
        404,
    )
    assert "`m` does not exist" in trajectory.error.message


def test_a_wrong_path_is_data_with_a_hint() -> None:
    with HttpServer(Answer({"detail": "Not Found"}, status=404)) as http:
        trajectory = ak.rollout(ak.Agent("m", server=http.url.removesuffix("/v1")), "go")
    assert trajectory.error is not None
    assert trajectory.error.kind == "endpoint_not_found"
    assert "/v1" in trajectory.error.hint


def test_a_failed_request_keeps_what_came_before() -> None:
    trajectory = ak.rollout(
        ak.Agent(
            "m", [double], Stub(answer(None, call("double", {"n": 1})), ConnectionError("gone"))
        ),
        "go",
    )
    assert (trajectory.stop_reason, len(trajectory.turns), len(trajectory.attempts)) == (
        "error",
        1,
        1,
    )
    assert [m["role"] for m in trajectory.messages] == ["user", "assistant", "tool"]


# rollouts


def test_a_rollout_ends_for_a_reason() -> None:
    def reason(*script: Any, **options: Any) -> Any:
        return ak.rollout(
            ak.Agent("m", [double], ScriptedServer(list(script)), **options), "go"
        ).stop_reason

    again = says(None, calls("double", n=1))
    assert reason(says("done")) == "final"
    assert reason(again, again, again, max_turns=2) == "max_turns"
    assert reason(says("cut", finish_reason="length")) == "length"
    assert reason(again) == "error"
    assert reason(again, says("done"), max_turns=None) == "final"
    assert reason(max_turns=0) == "max_turns"


def test_what_the_caller_notes_stays_with_the_rollout() -> None:
    trajectory = ak.rollout(
        ak.Agent("m", server=ScriptedServer([says("done")])),
        "go",
        meta={"task": "weather", "reward": 1.0},
    )
    assert trajectory.meta == {"task": "weather", "reward": 1.0}


def test_the_policy_decides_which_calls_run() -> None:
    broken = {**call("double"), "function": {"name": "double", "arguments": "{'n': 1,}"}}

    def outcomes(policy: Any) -> list[Any]:
        server = Stub(answer(None, broken), answer("done"))
        (result,) = (
            ak.rollout(ak.Agent("m", [double], server, policy=policy), "go").turns[0].tool_results
        )
        return [result.status, result.content == "2"]

    assert outcomes("repair") == ["ok", True]
    assert outcomes("normalize") == outcomes("strict") == ["invalid_call", False]


def test_calls_in_the_text_run_only_where_a_parser_was_chosen() -> None:
    text = '<tool_call>{"name": "double", "arguments": {"n": 4}}</tool_call>'
    chosen = ak.rollout(
        ak.Agent("m", [double], Stub(answer(text), answer("done")), parser="hermes"), "go"
    )
    assert [r.content for r in chosen.turns[0].tool_results] == ["8"]
    listed = ak.rollout(ak.Agent("m", [double], Stub(answer(text))), "go")
    assert (listed.stop_reason, [c.arguments for c in listed.turns[0].response.recoverable]) == (
        "final",
        [{"n": 4}],
    )


async def test_a_rollout_under_a_running_event_loop() -> None:
    assert ak.rollout(ak.Agent("m", server=ScriptedServer([says("done")])), "go").final == "done"


def test_rollouts_in_many_threads() -> None:
    made = ak.Agent(
        "m",
        tools=[double],
        server=ScriptedServer(
            lambda m: says(m[-1]["content"]) if m[-1]["role"] == "user" else says("x")
        ),
    )
    finals: list[Any] = [None] * 20

    def one(number: int) -> None:
        finals[number] = ak.rollout(made, f"n{number}").final

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert finals == [f"n{number}" for number in range(20)]


def test_a_rollout_is_no_place_to_hide_a_bug_of_the_caller() -> None:
    def script(messages: list[dict[str, Any]]) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ak.rollout(ak.Agent("m", server=ScriptedServer(script)), "go")


# files


def test_save_and_load(tmp_path: Path) -> None:
    made = ak.Agent(
        "m",
        [double],
        ScriptedServer([says(None, calls("double", n=1), reasoning="hm"), says("done")]),
    )
    one = ak.rollout(made, "go", meta={"task": "t"})
    path = ak.save(one, tmp_path / "one.jsonl")
    assert ak.load(path) == one
    failed = ak.rollout(ak.Agent("m", server=Stub(ConnectionError("gone"))), "go")
    ak.save([one, failed], tmp_path / "two.jsonl")
    assert ak.load(tmp_path / "two.jsonl") == [one, failed]
    open_one = ak.debug(
        ak.Agent("m", [double], ScriptedServer([says(None, calls("double", n=1))])), "go"
    )
    open_one.step()
    ak.save(open_one, path)
    assert [c.name for c in load_one(path).pending] == ["double"]
    result = asyncio.run(
        ak.AgentLoop(Stub(answer("hi")), [], set()).run([{"role": "user", "content": "x"}])
    )
    assert load_one(ak.save(result, str(path))).final == "hi"
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["one.jsonl", "two.jsonl"]


def test_a_page_of_html_is_saved_too(tmp_path: Path) -> None:
    page = ak.save(ak.rollout(ak.demo()), tmp_path / "x.html").read_text()
    assert "warm coat" in page
    assert "<script" not in page


@pytest.mark.parametrize("nothing", [[], None, "text", {}, [1], 3, ak.Agent])
def test_there_must_be_something_to_save(tmp_path: Path, nothing: Any) -> None:
    with pytest.raises(AgentkitError) as caught:
        ak.save(nothing, tmp_path / "x.jsonl")
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []
