"""Exported tests and notebooks, run for real: offline they say what was recorded, and a server can
be asked the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.show.export.code.offline_test import expected
from agentkit.show.export.exported_call import model_call
from agentkit.trajectory.loop import apply
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Chunk, Exchange
from tests.servers.http_stub import COMPLETION, Asked, HttpServer
from tests.servers.http_stub import Answer as HttpAnswer
from tests.show.export_samples import rollouts, texts, weather
from tests.support.examples import examples
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def streamed(*texts: str) -> Trajectory:
    chunks = tuple(Chunk(at=0.25 * i, text=text) for i, text in enumerate(texts))
    return apply(
        ak.debug(ak.demo(), "hi").trajectory, Answer(exchange=Exchange(status=200, chunks=chunks))
    )


def event(**delta: Any) -> str:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': None}]})}\n\n"


def rollouts_of_all_kinds() -> dict[str, tuple[Trajectory, int | None]]:
    calls, left, refused = weather()
    return {
        "calls": (calls, 0),
        "answer in reasoning": (calls, 1),
        "call left in the text": (left, None),
        "refused": (refused, None),
        "streamed": (
            streamed(event(content='é"""\\'), event(content="'''\n"), "data: [DONE]\n\n"),
            None,
        ),
        "cut stream": (streamed(event(content="half")), None),
        "demo": (ak.rollout(ak.demo()), 1),
        "web page": (
            apply(
                ak.debug(ak.demo(), "hi").trajectory,
                Answer(exchange=Exchange(status=200, body="<html>502</html>")),
            ),
            None,
        ),
    }


KINDS = rollouts_of_all_kinds()
BOOKS = ("answer in reasoning", "refused", "streamed")
"""Those that differ as notebooks; each takes a kernel."""


def run_pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A pytest of its own, which knows nothing of this one's settings."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env = {**plain, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
        *options,
        str(folder),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, timeout=300)


def test_exported_tests_pass_until_the_reader_changes(tmp_path: Path) -> None:
    for index, (trajectory, turn) in enumerate(KINDS.values()):
        ak.export.pytest(trajectory, turn).save(tmp_path / f"test_{index}.py")
    other = ak.export.pytest(weather()[0], turn=1).replace('"answer_in_reasoning"', '"markup_leak"')
    (tmp_path / "test_changed.py").write_text(other, "utf-8")
    done = run_pytest(tmp_path)
    assert f"1 failed, {len(KINDS)} passed, {len(KINDS) + 1} skipped" in done.stdout, done.stdout


def test_a_server_is_asked_where_one_is_named(tmp_path: Path) -> None:
    """A block answer, a stream and a refusal, each as it was; and a server that answers something
    else.
    """
    recorded, _, refused = weather()
    stream = ak.export.pytest(KINDS["streamed"][0]).replace(
        '"messages": [', '"stream": True, "messages": [', 1
    )
    (tmp_path / "test_stream.py").write_text(stream, "utf-8")
    other = replace(refused, spec=replace(refused.spec, model="refusing"))
    for index, (trajectory, turn) in enumerate([(recorded, 0), (recorded, 1), (other, 0)]):
        ak.export.pytest(trajectory, turn=turn).save(tmp_path / f"test_{index}.py")
    pieces = [chunk.text for chunk in KINDS["streamed"][0].turns[0].response.exchange.chunks]

    def answer(asked: Asked) -> HttpAnswer:
        if asked.json.get("stream"):
            return HttpAnswer(headers={"Content-Type": "text/event-stream"}, pieces=pieces)
        if asked.json["model"] == "refusing":
            return HttpAnswer(refused.attempts[0].exchange.text, 400)
        return (
            HttpAnswer(recorded.turns[0].response.exchange.body)
            if asked.json == recorded.request(0).body
            else HttpAnswer(COMPLETION)
        )

    with HttpServer(answer) as server:
        done = run_pytest(tmp_path, AGENTKIT_LIVE=server.url)
        assert "1 failed, 7 passed" in done.stdout, done.stdout
        assert "test_1.py::test_a_server_answers_the_same" in done.stdout
        assert len(server.requests) == 4


def test_exported_notebooks_pass_as_they_are_and_after_a_run(tmp_path: Path) -> None:
    """Strict nbval: on the outputs they come with, then on those of a real kernel."""
    for index, name in enumerate(BOOKS):
        path = ak.export.notebook(*KINDS[name]).save(tmp_path / f"book_{index}.ipynb")
        nbformat.validate(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    first = run_pytest(tmp_path, "-p", "nbval.plugin", "--nbval", "--nbval-current-env")
    assert first.returncode == 0, first.stdout[-3000:]
    path = tmp_path / "book_0.ipynb"
    book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    (tmp_path / "run").mkdir()
    nbformat.write(book, tmp_path / "run" / "book.ipynb")  # type: ignore[no-untyped-call]
    second = run_pytest(tmp_path / "run", "-p", "nbval.plugin", "--nbval", "--nbval-current-env")
    assert second.returncode == 0, second.stdout[-3000:]


def test_a_notebook_shows_request_and_answer() -> None:
    book = json.loads(ak.export.notebook(weather()[0], turn=1))
    outputs = [
        "".join(output["data"]["text/plain"])
        for cell in book["cells"]
        for output in cell.get("outputs", ())
    ]
    assert "Compare the weather in Delhi and Berlin." in outputs[0]
    assert "answer_in_reasoning" in outputs[1]


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rollouts(), texts, texts)
def test_whatever_was_said_an_exported_test_holds(
    trajectory: Trajectory, content: str, arguments: str
) -> None:
    call = {"id": "a", "type": "function", "function": {"name": content, "arguments": arguments}}
    body = json.dumps(
        {
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "tool_calls": [call]},
                    "finish_reason": content,
                }
            ]
        }
    )
    answered = apply(trajectory, Answer(exchange=Exchange(status=200, body=body)))
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(ak.export.pytest(answered), "exported.py", "exec"), module)
    module["test_the_recorded_answer_is_read_as_it_was"]()
    assert module["EXPECTED"] == expected(model_call(answered))
    nbformat.validate(nbformat.reads(ak.export.notebook(answered), as_version=4))  # type: ignore[no-untyped-call]


@given(st.lists(texts, min_size=1, max_size=4))
def test_whatever_was_streamed_an_exported_test_holds(pieces: list[str]) -> None:
    answered = streamed(*(event(content=piece) for piece in pieces), "data: [DONE]\n\n")
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(ak.export.pytest(answered), "exported.py", "exec"), module)
    module["test_the_recorded_answer_is_read_as_it_was"]()


def test_without_an_answer_there_is_nothing_to_hold() -> None:
    error = ApiError(kind="connection_failed", message="refused")
    failed = apply(
        ak.debug(ak.demo(), "hi").trajectory, Answer(exchange=Exchange(transport_error=error))
    )
    for export in (ak.export.pytest, ak.export.notebook):
        with pytest.raises(UsageError, match="no answer came"):
            export(failed)
    assert "connection_failed" in ak.export.issue(failed)
