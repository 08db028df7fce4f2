"""Many rollouts at once: in order, bounded, resumable, and nothing that finished is lost to an
interrupt or to another's failure.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.batch.progress import Progress
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.agent.batch.run import interrupted
from agentkit.errors import CassetteError, ReplayMiss, UsageError
from agentkit.files.cassette.index import load_all
from agentkit.show.notebook.static_view import mimebundle
from agentkit.show.notebook.views.explorer.progress_view import ProgressView
from agentkit.testing import ScriptedServer, calls, says
from agentkit.types.wire import ApiError
from tests.agent.hermes.loop_cases import answer, call
from tests.files.cassette_samples import double, exactly, lines
from tests.servers.http_stub import COMPLETION, Answer, Asked, HttpServer


class Model:
    """Answers by prompt: calls `double` once, then says the prompt; counts what it is asked and how
    much of it at once.
    """

    def __init__(self, wait: float = 0.0, fails: str = "") -> None:
        self.wait, self.fails = wait, fails
        self.asked: list[dict[str, Any]] = []
        self.now = self.most = 0

    async def chat_completion(self, **kwargs: Any) -> Any:
        self.asked.append(kwargs)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.wait)
        finally:
            self.now -= 1
        texts = [m["content"] for m in kwargs["messages"] if m["role"] == "user"][-1]
        if self.fails and self.fails in texts:
            raise ConnectionError("gone")
        if kwargs["messages"][-1]["role"] == "user" and kwargs.get("tools"):
            return answer(None, call("double", {"n": len(texts)}))
        return answer(f"to {texts}")


def agent(model: Any = None, **options: Any) -> ak.Agent:
    return ak.Agent("m", tools=[double], server=model or Model(), **options)


def same(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(map(exactly, a, b))


# order, place, sampling


def test_they_come_in_order_whatever_ends_first() -> None:
    class Uneven(Model):
        async def chat_completion(self, **kwargs: Any) -> Any:
            await asyncio.sleep(0.03 if "slow" in str(kwargs["messages"]) else 0)
            return await super().chat_completion(**kwargs)

    done = ak.rollouts(agent(Uneven()), ["slow", "b", "c"], n=2)
    assert [t.final for t in done] == ["to slow"] * 2 + ["to b"] * 2 + ["to c"] * 2
    assert [(t.meta["prompt_index"], t.meta["sample"]) for t in done] == [
        (p, s) for p in range(3) for s in range(2)
    ]
    assert [len(group) for group in done.by_prompt] == [2, 2, 2]
    assert isinstance(done[1:3], Rollouts)
    assert done.stop_reasons == {"final": 6}


@pytest.mark.parametrize(
    ("prompts", "asked"),
    [
        ("one", ["one"]),
        (["a", "b"], ["a", "b"]),
        (iter(["a"]), ["a"]),
        ({"prompt": "x", "task": 7}, ["x"]),
        ([{"role": "user", "content": "alone"}], ["alone"]),
        ([[{"role": "user", "content": "a"}], "b"], ["a", "b"]),
        ([{"messages": [{"role": "user", "content": "m"}], "task": 7}], ["m"]),
    ],
)
def test_prompts_in_every_form(prompts: Any, asked: list[str]) -> None:
    done = ak.rollouts(agent(), prompts, meta={"label": "run 1"})
    assert [t.final for t in done] == [f"to {text}" for text in asked]
    assert all(t.meta["label"] == "run 1" for t in done)
    assert [t.meta.get("task") for t in done] == [7 if "task" in str(prompts) else None] * len(done)


@pytest.mark.parametrize("wrong", [[], 5, b"x", ["ok", ""], [None], [{"text": "x"}], ["ok", 3]])
def test_a_prompt_that_is_none_is_found_before_anything_is_asked(wrong: Any) -> None:
    model = Model()
    with pytest.raises(UsageError) as caught:
        ak.rollouts(agent(model), wrong)
    assert caught.value.hint
    assert model.asked == []


@pytest.mark.parametrize(
    "options",
    [
        {"n": 0},
        {"n": 1.5},
        {"concurrency": 0},
        {"reward": 1},
        {"record": "a.jsonl", "resume": "b.jsonl"},
    ],
)
def test_wrong_arguments_say_so(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        ak.rollouts(agent(), "go", **options)
    assert caught.value.hint
    with pytest.raises(UsageError, match="the agent is a str"):
        ak.rollouts("gpt-4o", "go")  # type: ignore[arg-type]


def test_so_many_at_once_and_no_more() -> None:
    model = Model(0.005)
    done = ak.rollouts(agent(model), [str(i) for i in range(20)], concurrency=4)
    assert (len(done), model.most) == (20, 4)


def test_a_seed_goes_up_with_the_sample() -> None:
    model = Model()
    done = ak.rollouts(
        agent(model, sampling={"seed": 10}, temperature=1.0), ["a", "b"], n=3, concurrency=1
    )
    assert [kwargs["seed"] for kwargs in model.asked] == [10, 10, 11, 11, 12, 12] * 2
    assert [t.spec.sampling["seed"] for t in done] == [10, 11, 12] * 2


@pytest.mark.slow
def test_all_share_one_client_and_thousands_end() -> None:
    async def quick(**kwargs: Any) -> Any:
        return COMPLETION

    server = type("Quick", (), {"chat_completion": staticmethod(quick)})()
    done = ak.rollouts(ak.Agent("m", server=server), [str(i) for i in range(1000)], n=3)
    assert done.stop_reasons == {"final": 3000}


# what goes wrong


def test_a_failed_request_ends_its_own_rollout_only() -> None:
    done = ak.rollouts(agent(Model(fails="b")), ["a", "b", "c"])
    assert [t.stop_reason for t in done] == ["final", "error", "final"]
    assert done[1].error is not None


def test_an_exception_that_is_nobodys_data_ends_its_own_rollout_only(tmp_path: Path) -> None:
    def picky(perform: Any, trajectory: Any, sample: int) -> Any:
        async def performed(step: Any, emit: Any = None) -> Any:
            if trajectory.prompt[0].content == "b" and step.turn == 1:
                raise UsageError("not this one")
            return await perform(step, emit)

        return performed

    done = ak.rollouts(agent().with_perform(picky), ["a", "b", "c"], record=tmp_path / "x.jsonl")
    assert [t.stop_reason for t in done] == ["final", "stopped", "final"]
    assert done.raised == {1: "UsageError: not this one"}
    assert len(done[1].turns) == 1
    assert "1 raised UsageError: not this one" in repr(done)
    again = ak.rollouts(agent(), ["a", "b", "c"], resume=done)
    assert again.raised == {}
    assert again.stop_reasons == {"final": 3}
    with pytest.raises(UsageError, match="not this one") as caught:
        ak.rollouts(agent().with_perform(picky), ["b"], n=2)
    assert len(caught.value.rollouts) == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_rewards_are_kept_and_their_exceptions_are_data(tmp_path: Path, asynchronous: bool) -> None:
    def worth(trajectory: ak.Trajectory) -> float:
        asyncio.run(asyncio.sleep(0))  # as graders do
        return {"a": 1.0, "b": 0.5}[trajectory.prompt[0].content]

    async def awaited(trajectory: ak.Trajectory) -> float:
        return {"a": 1.0, "b": 0.5}[trajectory.prompt[0].content]

    path = tmp_path / "x.jsonl"
    done = ak.rollouts(
        agent(Model(fails="d")),
        ["a", "b", "c", "d"],
        reward=awaited if asynchronous else worth,
        record=path,
    )
    assert done.rewards == [1.0, 0.5, None, None]
    raised = done[2].meta["reward_exception"]
    assert raised.startswith("KeyError: 'c' at test_rollouts.py, line ")
    assert raised.endswith(': return {"a": 1.0, "b": 0.5}[trajectory.prompt[0].content]')
    assert "reward_exception" not in done[3].meta
    assert same(ak.load(path, all=True), done)
    assert "mean reward 0.75" in repr(done)


# recording, resuming, replaying


def test_a_batch_is_recorded_and_replayed_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    done = ak.rollouts(
        agent(Model(0.001), sampling={"seed": 3}),
        ["a", "b", "a"],
        n=3,
        record=path,
        reward=lambda t: len(t.turns),
    )
    assert sorted(line["sample"] for line in lines(path) if "agentkit" in line) == list(range(9))
    assert same(
        sorted(ak.load(path, all=True), key=lambda t: (t.meta["prompt_index"], t.meta["sample"])),
        done,
    )
    for concurrency in (1, 4, 64):
        assert same(
            ak.rollouts(ak.replay(path), ["a", "b", "a"], n=3, concurrency=concurrency), done
        )
        assert same(
            ak.rollouts(
                ak.replay(agent(sampling={"seed": 3}), path),
                ["a", "b", "a"],
                n=3,
                concurrency=concurrency,
            ),
            done,
        )
    assert same(
        sorted(
            ak.rollouts(ak.replay(path)), key=lambda t: (t.meta["prompt_index"], t.meta["sample"])
        ),
        done,
    )
    assert (
        same(
            ak.rollouts(ak.replay(path), ["b"], n=2),
            [t for t in done if t.meta["prompt_index"] == 1][:2],
        )
        is False
    )  # another place
    assert [t.final for t in ak.rollouts(ak.replay(path), ["b"], n=2)] == ["to b"] * 2
    with pytest.raises(
        ReplayMiss, match=r"3 rollout\(s\) of 'b' were recorded, and 4 are asked for"
    ):
        ak.rollouts(ak.replay(path), ["b"], n=4)
    with pytest.raises(ReplayMiss, match="no rollout of this prompt"):
        ak.rollouts(ak.replay(path), ["b", "z"])


def test_what_has_ended_is_not_asked_again(tmp_path: Path) -> None:
    path, model = tmp_path / "x.jsonl", Model()
    first = ak.rollouts(agent(model), ["a", "b"], n=2, resume=path)
    asked, size = len(model.asked), path.stat().st_size
    assert same(ak.rollouts(agent(model), ["a", "b"], n=2, resume=path), first)
    assert (len(model.asked), path.stat().st_size) == (asked, size)
    more = ak.rollouts(agent(model), ["a", "b", "c"], n=3, resume=path, reward=lambda t: 1)
    assert len(model.asked) == asked + 2 * 5
    assert [t.final for t in more] == [f"to {text}" for text in "aaabbbccc"]
    assert more.rewards == [1] * 9
    assert same(
        sorted(ak.load(path, all=True), key=lambda t: (t.meta["prompt_index"], t.meta["sample"])),
        more,
    )
    assert len(ak.load(path, all=True)) == 9
    with pytest.raises(UsageError, match="prompt 0, sample 0 was begun with another sampling"):
        ak.rollouts(agent(model, temperature=0.3), ["a"], resume=path)


def test_what_failed_or_was_cut_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    failed = ak.rollouts(agent(Model(fails="b")), ["a", "b"], resume=path)
    assert failed[1].stop_reason == "error"
    whole = ak.rollouts(agent(), ["a", "b"], resume=path)
    assert [(t.stop_reason, len(t.attempts)) for t in whole] == [("final", 0), ("final", 1)]
    assert same(ak.load(path, all=True), whole)
    kept = path.read_text().splitlines(keepends=True)
    for cut in range(1, len(kept) + 1):
        for torn in ("", '{"step":"model","samp'):
            path.write_text("".join(kept[:cut]) + torn)
            before = sum(len(t.all_turns) for t in load_all(path))
            model = Model()
            again = ak.rollouts(agent(model), ["a", "b"], resume=path)
            assert again.stop_reasons == {"final": 2}
            assert len(ak.load(path, all=True)) == 2
            assert same(ak.load(path, all=True), again)
            assert len(model.asked) == 4 - before


def test_an_earlier_run_in_memory_is_taken_up_and_written_down(tmp_path: Path) -> None:
    first, model = ak.rollouts(agent(), ["a", "b"]), Model()
    both = ak.rollouts(agent(model), ["a", "b"], n=2, resume=first, record=tmp_path / "x.jsonl")
    assert len(model.asked) == 4
    assert len(ak.load(tmp_path / "x.jsonl", all=True)) == 4
    assert same(
        sorted(
            ak.load(tmp_path / "x.jsonl", all=True),
            key=lambda t: (t.meta["prompt_index"], t.meta["sample"]),
        ),
        both,
    )
    assert len(ak.rollouts(agent(), "a", resume=[])) == 1
    (tmp_path / "no.txt").write_text("hello")
    with pytest.raises(CassetteError):
        ak.rollouts(agent(), "a", resume=tmp_path / "no.txt")


# interrupts, and event loops


def test_an_interrupt_keeps_what_had_begun(tmp_path: Path) -> None:
    model, path = Model(), tmp_path / "x.jsonl"
    reached = threading.Event()

    class Slow(Model):
        async def chat_completion(self, **kwargs: Any) -> Any:
            if "slow" in str(kwargs["messages"]) and kwargs["messages"][-1]["role"] == "tool":
                reached.set()
                await asyncio.sleep(60)
            return await super().chat_completion(**kwargs)

    def interrupt() -> None:
        reached.wait(60)
        limit = time.monotonic() + 60
        while path.read_bytes().count(b'"step":"end"') < 3 and time.monotonic() < limit:
            time.sleep(0.02)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt) as caught:
        ak.rollouts(agent(Slow()), ["a", "slow", "b", "c"], concurrency=2, record=path)
    kept: Rollouts = caught.value.rollouts  # type: ignore[attr-defined]
    assert [(t.stop_reason, len(t.turns)) for t in kept] == [
        ("final", 2),
        (None, 1),
        ("final", 2),
        ("final", 2),
    ]
    assert interrupted() is kept
    assert "ak.interrupted()" in caught.value.__notes__[0]
    assert same(sorted(ak.load(path, all=True), key=lambda t: t.meta["prompt_index"]), kept)
    for resume in (kept, path):
        model = Model()
        assert ak.rollouts(agent(model), ["a", "slow", "b", "c"], resume=resume).stop_reasons == {
            "final": 4
        }
        assert len(model.asked) == 1


async def test_it_can_be_awaited_and_cancelled() -> None:
    done = await ak.rollouts_async(agent(), ["a", "b"])
    assert [t.final for t in done] == ["to a", "to b"]
    assert ak.rollouts(agent(), "inside a running loop")[0].final == "to inside a running loop"
    task = asyncio.ensure_future(ak.rollouts_async(agent(Model(5.0)), ["cancelled"]))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = interrupted()
    assert kept is not None
    assert [(t.prompt[0].content, t.stop_reason) for t in kept] == [("cancelled", None)]


def test_over_http_with_parallel_rollouts() -> None:
    def reply(asked: Asked) -> Answer:
        texts = [m["content"] for m in asked.json["messages"]]
        return Answer(
            answer(f"to {texts[0]}") if len(texts) > 1 else answer(None, call("double", {"n": 2})),
            delay=0.002,
        )

    with HttpServer(reply) as http:
        done = ak.rollouts(
            ak.Agent("m", tools=[double], server=http.url),
            [str(i) for i in range(40)],
            concurrency=16,
        )
    assert [t.final for t in done] == [f"to {i}" for i in range(40)]


# what is shown


def test_it_is_shown_by_what_was_recorded_alone() -> None:
    done = ak.rollouts(ak.demo(), ["Do I need a coat in Oslo?", "And in Rome?"], n=2)
    bundle = mimebundle(done)
    assert repr(done) == "<Rollouts 4 rollouts of 2 prompts, 4 final>"
    assert "4 rollouts of 2 prompts" in bundle["text/plain"]
    assert bundle["text/html"].count("<details") >= 4
    assert (
        mimebundle(ak.rollouts(ak.demo(), ["Do I need a coat in Oslo?", "And in Rome?"], n=2))
        == bundle
    )
    assert repr(Rollouts()) == "<Rollouts 0 rollouts of 0 prompts>"
    assert "0 rollouts" in mimebundle(Rollouts())["text/plain"]


def test_hostile_prompts_and_errors_are_shown_as_text() -> None:
    nasty = "<script>alert(1)</script>\u202e"
    done = ak.rollouts(
        agent(ScriptedServer([says(nasty), ApiError(kind="server_error", message=nasty)])),
        [nasty, nasty],
        reward=lambda t: int(nasty),
    )
    assert "<script>" not in mimebundle(done)["text/html"]
    assert "\u202e" not in mimebundle(done)["text/plain"]
    assert "\u202e" not in repr(done)


def test_progress_is_on_standard_error_of_a_terminal_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ak.rollouts(agent(), ["a", "b"])
    assert capsys.readouterr() == ("", "")
    ak.rollouts(agent(Model(fails="b")), ["a", "b"], progress=True)
    texts = capsys.readouterr()
    assert texts.out == ""
    assert "2/2" in texts.err
    assert "1 error" in texts.err


def test_a_page_is_told_how_far_a_batch_is() -> None:
    progress = Progress(3, 2)
    view = ProgressView(progress)
    heard: list[int] = []
    progress.watch(lambda now: heard.append(now.done))
    for _ in range(2):
        progress.began()
    progress.finished(ak.rollout(ak.demo()))
    assert "1 of 3 rollouts" in str(view.fragments())
    assert "1 running" in str(view.fragments())
    assert "1 answered" in str(view.fragments())
    assert heard == [0, 0, 1]
    view.close()


IMPORTS = "import sys, agentkit as ak; ak.rollouts(ak.demo(), n=2); print(*[m for m in ('tqdm', 'IPython', 'anywidget') if m in sys.modules])"


@pytest.mark.slow
def test_no_heavy_package_is_loaded_where_nobody_looks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_calls_come_back_after_json(tmp_path: Path) -> None:
    script = ScriptedServer(
        lambda messages: (
            says(None, calls("double", n=2))
            if len(messages) == 1
            else says(json.dumps(messages[-1]["content"]))
        )
    )
    done = ak.rollouts(agent(script), ["a"] * 3, n=2, record=tmp_path / "x.jsonl", concurrency=3)
    assert same(ak.rollouts(ak.replay(tmp_path / "x.jsonl"), ["a"] * 3, n=2, concurrency=2), done)


def test_meta_that_compares_by_element_is_recorded_and_taken_up(tmp_path: Path) -> None:
    import numpy as np

    path, meta = tmp_path / "x.jsonl", {"weights": np.arange(3)}
    ak.rollouts(ak.demo(), ["a", "b"], meta=meta, resume=path)
    size = path.stat().st_size
    again = ak.rollouts(ak.demo(), ["a", "b"], meta=meta, resume=path)
    assert len(again) == len(ak.load(path, all=True)) == 2
    assert path.stat().st_size == size


def test_a_reward_larger_than_any_float_is_told_and_is_in_no_mean() -> None:
    done = ak.rollouts(ak.demo(), ["a", "b"], reward=lambda _: 10**400)
    assert [t.meta["reward"] for t in done] == [None, None]
    assert done[0].meta["reward_exception"].startswith("OverflowError: the reward is larger")
    assert "mean reward" not in repr(done)
