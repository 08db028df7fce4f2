"""What of ours fails while bytes pass reaches the rollout by its name, the views and the frames."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.files.foreign.logs.flow_log import flow_line, read_flow
from agentkit.tap.carrier.flow_writer import FlowWriter
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.seam.passing import MOST_KEPT, Passing
from agentkit.testing import by_turn, says, serve
from agentkit.trajectory.stitch.stitcher import Stitcher
from agentkit.types.problem import problem
from agentkit.types.wire import Exchange, Flow
from tests.servers.http_stub import COMPLETION
from tests.tap.tapped import ask
from tests.tap.test_life import until

ASKS = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Oslo?"}]})
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(by_turn(says("It is cold."))) as server:
        yield server.url


def rollout_of(flow: Flow) -> ak.Trajectory:
    """Stitch a flow as its line has it."""
    stitcher = Stitcher()
    stitcher.add(read_flow(flow_line(flow)))
    (rollout,) = stitcher.rollouts
    return rollout


@pytest.mark.parametrize("code", ["flow_cut", "flow_not_read", "flow_not_recorded"])
@pytest.mark.parametrize("status", [200, 500])
def test_a_failure_of_ours_is_a_problem_of_the_rollout(code: str, status: int) -> None:
    exchange = Exchange(status=status, body=json.dumps(COMPLETION))
    told = problem(code, "it did not work")
    rollout = rollout_of(Flow(number=0, path=CHAT, body=ASKS, exchange=exchange, problems=(told,)))
    frame = ak.problems_df(rollout)
    assert code in list(frame["code"])
    assert "it did not work" in ak.view(rollout)._repr_mimebundle_()["text/html"]


def test_a_request_that_was_too_large_is_a_rollout_with_its_answer() -> None:
    """Constructed: of its body only the beginning is kept, which is no JSON."""
    told = (problem("flow_cut", "the request is larger than it may be"),)
    exchange = Exchange(status=200, body=json.dumps(COMPLETION))
    cut = Flow(number=0, path=CHAT, body=ASKS[:30], exchange=exchange, problems=told)
    rollout = rollout_of(cut)
    assert rollout.final
    assert "flow_cut" in [p.code for p in rollout.problems]
    stitcher = Stitcher()
    assert stitcher.add(Flow(number=0, path="/v1/files", body="{", problems=told)) is None
    assert stitcher.add(Flow(number=1, path=CHAT, body="{")) is None


def test_the_answer_to_a_request_that_is_too_large_is_kept() -> None:
    passing = Passing(number=0, label="", method="POST", path=CHAT)
    for _ in range(3):
        passing.take(b"x" * (MOST_KEPT // 2))
    passing.answered(200, "OK", [])
    passing.add(b"{}")
    assert passing.body_cut
    assert not passing.cut
    assert [piece for _, piece in passing.pieces] == [b"{}"]


def test_what_cannot_be_recorded_is_seen_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    writer = FlowWriter(str(tmp_path / "session.jsonl"), {}, speaker)

    def refuse(line: str) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer._file, "keep", refuse)
    passing = Passing(number=3, label="", method="POST", path=CHAT, body=[ASKS.encode()])
    passing.answered(200, "OK", [])
    passing.end()
    writer._put("ended", passing)
    writer.close()
    speaker.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        heard = [line.decode().partition(" ") for line in pipe]
    assert [word for word, _, _ in heard] == ["failed", "ended", "synced"]
    (told,) = read_flow(heard[1][2].partition(" ")[2]).problems
    assert told.code == "flow_not_recorded"
    assert "No space left" in told.message


@pytest.mark.slow
def test_a_record_that_is_deleted_is_begun_anew_and_told(url: str, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    watch = ak.watch(url, record=record)
    ask(watch.url, body=ASKS.encode())
    assert len(watch.flows) == 1
    record.unlink()
    ask(watch.url, body=ASKS.encode())
    assert len(watch.flows) == 2
    watch.close()
    assert "begun anew" in watch.failures[0]
    assert len(ak.load(record, all=True)) == 1


@pytest.mark.slow
def test_a_process_that_dies_says_so_and_its_agents_can_go_on(url: str) -> None:
    watch = ak.watch(url)
    assert ask(watch.url, body=ASKS.encode()) is not None
    assert len(watch.flows) == 1
    watch.hold(ak.break_on.request())
    got: list[Any] = []
    agent = threading.Thread(target=lambda: got.append(ask(watch.url, body=ASKS.encode())))
    agent.start()
    waits = until(lambda: watch.pending)[0]
    os.kill(watch._channel._process.pid, 9)  # type: ignore[union-attr]
    agent.join()
    assert got == [None]
    until(lambda: watch.failures)
    assert not watch.pending
    with pytest.raises(UsageError, match="waits no more"):
        waits.send()
    with pytest.raises(UsageError, match="carries nothing any more"):
        watch.hold(ak.break_on.tool("pay"))
    assert "died" in repr(watch)
    lost = watch.flows[1].exchange
    assert lost is not None
    assert lost.transport_error is not None
    assert "process of the tap" in lost.transport_error.message
    token = watch.url.split("/")[3]
    assert f"port={watch.port}, token={token!r}" in watch.failures[0]
    again = ak.watch(url, port=watch.port, token=token)
    assert ask(watch.url, body=ASKS.encode()) is not None  # the URL that the agent has
    again.close()
