"""A check while it runs: how far it is, what an interrupt and a server that goes away leave, and
how it goes on.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.analysis.check.server_check import ServerCheck
from agentkit.testing import ScriptedServer, calls, says

SCENARIOS = ["one call", "required", "named"]
ANSWER = says(None, calls("add", a=12, b=30))
OPTIONS: dict[str, Any] = {"dialects": ["chat"], "scenarios": SCENARIOS, "progress": False}


class Slow:
    """A model whose third answer does not come."""

    def __init__(self, slow: int | None = 3) -> None:
        self.asked = 0
        self.slow = slow
        self.reached = threading.Event()

    async def chat_completion(self, **fields: Any) -> Any:
        self.asked += 1
        if self.asked == self.slow:
            self.reached.set()
            await asyncio.sleep(60)
        return {"model": "m", "choices": [{**ANSWER, "index": 0}]}


def interrupted(path: Path | None) -> ServerCheck:
    """A check of six cells, one after the other, with an interrupt in the third."""
    model = Slow()

    def interrupt() -> None:
        model.reached.wait(60)
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt) as caught:
        ak.check(model, "m", concurrency=1, record=path, **OPTIONS)
    assert "sys.last_value.check" in caught.value.__notes__[-1]
    kept: ServerCheck = caught.value.check  # type: ignore[attr-defined]
    return kept


def test_an_interrupt_keeps_what_was_answered_and_the_same_call_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "check.jsonl"
    kept = interrupted(path)
    assert [cell.verdict for cell in kept][2:] == ["open"] * 4
    assert "open" in kept.heading()
    assert "one call" in kept.text()
    for resume in (path, kept):
        model = Slow(None)
        again = ak.check(model, "m", concurrency=1, resume=resume, **OPTIONS)
        assert model.asked == 4
        assert not [cell for cell in again if cell.verdict == "open"]


def test_the_same_path_records_and_resumes_from_the_first_call_on(tmp_path: Path) -> None:
    path = tmp_path / "check.jsonl"
    for asked in (6, 0):
        model = Slow(None)
        found = ak.check(model, "m", record=path, resume=path, **OPTIONS)
        assert (model.asked, len(found.rollouts)) == (asked, 6)


def test_a_server_that_is_gone_is_not_asked_on_and_nothing_is_blamed_on_it(tmp_path: Path) -> None:
    path = tmp_path / "check.jsonl"
    found = ak.check("http://127.0.0.1:9/v1", "m", concurrency=1, record=path, **OPTIONS)
    assert [cell.verdict for cell in found] == ["open"] * 6
    assert len(found.rollouts) == 1
    assert [finding.code for _, finding in found.findings] == ["connection_failed"]
    assert found.dialects == ()
    model = Slow(None)
    again = ak.check(model, "m", resume=path, **OPTIONS)
    assert model.asked == 6
    assert not [cell for cell in again if cell.verdict == "open"]


def test_a_fault_of_the_server_is_told_with_where_to_look() -> None:
    with ak.testing.serve([ANSWER], faults=["server_error"]) as server:
        found = ak.check(server.url, "m", **{**OPTIONS, "scenarios": ["one call"]})
    cell = found["chat/one call/block"]
    assert cell.verdict == "wrong"
    assert "concurrency=1" in cell.findings[0].hint


def test_what_has_begun_and_ended_is_shown_while_it_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = ScriptedServer([ANSWER] * 6)
    ak.check(server, "m", concurrency=1, **{**OPTIONS, "progress": True})
    shown = capsys.readouterr().err
    assert "6/6" in shown
    assert "of the check" in shown


def test_a_dialect_that_is_not_served_is_none_of_what_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ak.testing.serve(lambda messages: ANSWER, manner="anthropic") as server:
        found = ak.check(
            server.url,
            "m",
            dialects=["chat", "messages"],
            scenarios=["one call"],
            progress=True,
        )
    assert found.dialects == ("messages",)
    assert "3/3" in capsys.readouterr().err


def test_what_a_server_may_fall_over_is_asked_last() -> None:
    asked: list[bool] = []

    class Falls(Slow):
        async def chat_completion(self, **fields: Any) -> Any:
            asked.append(bool(fields.get("logprobs")))
            return await super().chat_completion(**fields)

    names = ["logprobs", "one call", "named"]
    ak.check(Falls(None), "m", concurrency=1, **{**OPTIONS, "scenarios": names})
    assert asked == [False] * 4 + [True] * 2
