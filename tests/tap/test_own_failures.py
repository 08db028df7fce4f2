"""What of ours fails while bytes pass reaches the rollout by its name, the views and the frames."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.errors import FileError, UsageError
from agentkit.files.foreign.logs.flow_file import lines_from_end
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


def kill(watch: Any) -> None:
    """Kill the process of a tap, and wait until that is known."""
    known = len(watch.failures)
    os.kill(watch._channel._process.pid, 9)
    until(lambda: len(watch.failures) > known)


@pytest.mark.slow
def test_a_process_that_dies_is_started_again_for_the_same_agents(url: str, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    watch = ak.watch(url, record=record)
    assert ask(watch.url, body=ASKS.encode()) is not None
    assert len(watch.flows) == 1
    watch.hold(ak.break_on.request())
    lost, agent = asks_beside(watch)
    waits = until(lambda: watch.pending)[0]
    kill(watch)
    agent.join()
    assert lost == [None]
    with pytest.raises(UsageError, match="waits no more"):
        waits.send()
    got, agent = asks_beside(watch)  # at once: it waits until there is somebody to carry it
    until(lambda: watch.pending)[0].send()  # what was held before is held again
    agent.join()
    assert got[0].status == "200 OK"
    assert [flow.number for flow in watch.flows] == [0, 1, 2]
    broken = watch.flows[1].exchange.transport_error  # type: ignore[union-attr]
    assert broken is not None
    assert "process of the tap" in broken.message
    assert len(watch.failures) == 1
    assert "started again on the same URLs; 1 request in flight broke off" in watch.failures[0]
    assert "started again" in watch.text()
    watch.close()
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line.get("number") for line in lines] == [None, 0, 1, 2]
    assert len(ak.load(record, all=True)) == len(watch.rollouts)


def asks_beside(watch: Any) -> tuple[list[Any], threading.Thread]:
    """Have an agent ask on a thread; give where its answer comes."""
    got: list[Any] = []
    agent = threading.Thread(target=lambda: got.append(ask(watch.url, body=ASKS.encode())))
    agent.start()
    return got, agent


@pytest.mark.slow
def test_what_was_recorded_and_not_told_before_a_death_is_read_from_the_record(
    url: str, tmp_path: Path
) -> None:
    """The kernel did not listen (constructed) when the last flows ended."""
    record = tmp_path / "session.jsonl"
    record.write_text('{"agentkit":"flows","version":1}\n{"number":9,"path":"/torn')
    watch = ak.watch(url, record=record)
    ask(watch.url, body=ASKS.encode())
    assert len(watch.flows) == 1
    heard, watch._channel._hear["ended"] = watch._channel._hear["ended"], lambda text: None  # type: ignore[union-attr]
    for _ in range(3):
        ask(watch.url, body=ASKS.encode())
    assert len(watch.flows) == 1
    watch._channel._hear["ended"] = heard  # type: ignore[union-attr]
    kill(watch)
    assert [flow.number for flow in watch.flows] == [0, 1, 2, 3]
    assert all(flow.exchange and flow.exchange.status == 200 for flow in watch.flows)
    assert ask(watch.url, body=ASKS.encode()) is not None
    assert [flow.number for flow in watch.flows] == [0, 1, 2, 3, 4]
    watch.close()
    assert len(ak.load(record, all=True)) == len(watch.rollouts)


@pytest.mark.slow
def test_a_process_that_dies_again_and_again_is_not_started_any_more(url: str) -> None:
    watch = ak.watch(url)
    address = watch.url
    for number in range(3):
        assert ask(address, body=ASKS.encode()) is not None
        assert len(watch.flows) == number + 1
        kill(watch)
    until(lambda: not watch.alive)
    with pytest.raises(ConnectionRefusedError):
        ask(address, body=ASKS.encode())
    with pytest.raises(UsageError, match="carries nothing any more"):
        watch.hold(ak.break_on.tool("pay"))
    assert "died" in repr(watch)
    assert len(watch.flows) == 3
    token = address.split("/")[3]
    assert f"port={watch.port}, token={token!r}" in watch.failures[-1]
    again = ak.watch(url, port=watch.port, token=token)
    assert ask(address, body=ASKS.encode()) is not None  # the URL that the agent has
    again.close()
    watch.close()


def test_a_record_is_read_from_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "session.jsonl"
    assert list(lines_from_end(path)) == []
    path.write_text("first\nä second one\n\nlast\nhalf a li")
    for block in (1, 2, 3, 7, 100):
        monkeypatch.setattr("agentkit.files.foreign.logs.flow_file._BLOCK", block)
        assert list(lines_from_end(path)) == ["last", "", "ä second one", "first"]
    path.write_text("half a li")
    assert list(lines_from_end(path)) == []


@pytest.mark.parametrize("by_client", [False, True])
def test_a_record_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, by_client: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constructed: root may write everything, so the system's refusal is made here."""

    def refused(self: Path, *args: object, **named: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    target = "http://127.0.0.1:9/v1"
    watched = openai.OpenAI(base_url=target, api_key="k") if by_client else target
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(FileError, match=r"session\.jsonl") as caught:
        ak.watch(watched, record=tmp_path / "session.jsonl")
    assert "another path" in caught.value.hint
