"""What had come of an answer that was stopped, interrupted or killed stays as text on the attempt:
in the value, in the file, in what is shown. With a real SIGINT and SIGKILL.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.files.cassette.codec import load_lines
from agentkit.servers.model_call import Call, Emit
from agentkit.testing import ScriptedServer, says
from agentkit.types.wire import Chunk, Exchange
from tests.support.paths import ROOT


def checked(trajectory: Any, why: str, shown_as: str) -> None:
    """Its one attempt holds what had come, and is shown with it."""
    assert not trajectory.turns
    (attempt,) = trajectory.attempts
    assert attempt.error.kind == "stream_no_finish"
    assert why in attempt.error.message
    assert attempt.response is not None
    assert attempt.response.reasoning == "Let me think."
    assert attempt.response.content == "One two "
    (call,) = attempt.response.tool_calls
    assert (call.name, call.raw_arguments, call.valid) == ("pay", '{"eur', False)
    shown = trajectory._repr_mimebundle_()
    for text in shown["text/plain"], shown["text/html"]:
        assert "One two" in text
        assert "Let me think." in text
        assert "pay" in text
        assert shown_as in text


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "interrupt", "rollouts", "AgentLoop", "kill"])
def test_what_had_come_stays(how: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "tests.agent.partial_answers", how, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    if how == "kill":
        assert done.returncode == -signal.SIGKILL
        checked(ak.load(path), "its process was gone", "its process was gone")
        return
    assert done.returncode == 0, done.stderr
    checked(ak.load(f"{path}.left.jsonl"), "it was stopped", "stopped")
    if how != "AgentLoop":
        checked(ak.load(path), "it was stopped", "stopped")


def test_what_was_killed_is_asked_again_and_both_are_kept(tmp_path: Path) -> None:
    head = {
        "agentkit": 1,
        "kind": "rollout",
        "sample": 0,
        "spec": {"model": "m", "stream": True},
        "prompt": [{"role": "user", "content": "go"}],
    }

    def pieces(*words: str, start: int = 0, at: float = 0.5) -> dict[str, Any]:
        texts = [f'data: {{"choices":[{{"delta":{{"content":"{word}"}}}}]}}\n\n' for word in words]
        chunks = [{"at": at + n, "text": text} for n, text in enumerate(texts)]
        return {"step": "stream", "sample": 0, "turn": 0, "from": start, "chunks": chunks}

    whole = pieces("once ", "more")
    answer = {
        "step": "model",
        "sample": 0,
        "turn": 0,
        "exchange": {"chunks": [*whole["chunks"], {"at": 3.0, "text": "data: [DONE]\n\n"}]},
    }
    killed = [pieces("first ", at=0.1), pieces("try", start=1, at=2.0)]
    (both,) = load_lines([head, *killed, whole, answer])
    assert [a.response.content for a in both.attempts if a.response] == ["first try"]
    assert [t.response.content for t in both.turns] == ["once more"]
    (alone,) = load_lines([head, whole, answer])
    assert (len(alone.attempts), alone.final) == (0, "once more")
    (twice,) = load_lines([head, *killed, pieces("second", at=0.4)])
    assert [a.response.content for a in twice.attempts if a.response] == ["first try", "second"]
    assert twice.stop_reason is None
    ak.save(both, tmp_path / "x.jsonl")
    assert ak.load(tmp_path / "x.jsonl") == both
    (odd,) = load_lines([head, {**whole, "chunks": "no"}, {**whole, "from": None}, answer])
    assert odd.final == "once more"


class Streams(ScriptedServer):
    """Passes its answer on in two pieces."""

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        whole = await super().chat(call, None)
        chunks = (Chunk(at=0.1, text=whole.body[:40]), Chunk(at=0.2, text=whole.body[40:]))
        for chunk in chunks if emit else ():
            emit(chunk)  # type: ignore[misc]
        return whole


def test_a_short_answer_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    agent = ak.Agent("m", server=Streams([says("short")]), stream=True)
    assert ak.rollout(ak.record(agent, path), "go").final == "short"
    time.sleep(0.4)
    assert '"stream","sample"' not in path.read_text()
