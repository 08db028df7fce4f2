"""What a notebook keeps of every public thing: plain text whole, of HTML digests and a dozen whole.

The expected texts are snapshots; `--snapshot-update` writes them anew after a wanted change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

import agentkit as ak
from tests.net.made import MADE
from tests.net.scenes import (
    TWO,
    calm,
    compared_case,
    debugger,
    troubled,
    weather,
)
from tests.net.shown import bundle, digest, laid_out, markup, plain, style
from tests.support.paths import CORPUS

WHOLE = (
    "call_invalid",
    "result_error",
    "problem",
    "api_error",
    "usage",
    "breakpoints",
    "stop",
    "tree",
    "parsed",
    "reparsed_change",
    "sample_tree",
    "chart_context",
    "index",
    "prefix_check",
)
"""What is kept of whole HTML: small, and of every way to draw."""


@cache
def made(name: str) -> Any:
    """The thing of this name; it is only looked at."""
    return MADE[name]()


@pytest.mark.parametrize("name", MADE)
def test_plain_text(name: str, snapshot: SnapshotAssertion) -> None:
    assert f"{type(made(name)).__name__}\n{plain(made(name))}" == snapshot


def test_html(snapshot: SnapshotAssertion) -> None:
    assert {name: digest(markup(made(name))) for name in MADE} == snapshot


def test_mime_types_and_styles(snapshot: SnapshotAssertion) -> None:
    found = {name: [*sorted(bundle(made(name))), digest(style(made(name)))] for name in MADE}
    assert found == snapshot


@pytest.mark.parametrize("name", WHOLE)
def test_whole_html(name: str, snapshot: SnapshotAssertion) -> None:
    assert laid_out(markup(made(name))) == snapshot


# the corpus


def rows(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cases of a folder of the corpus by their names."""
    for path in sorted((CORPUS / folder).glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        for place, row in enumerate(data if isinstance(data, list) else [data]):
            yield f"{path.stem} {place}", row


def captured(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines of the files of a folder, by file and number."""
    for path in sorted((CORPUS / folder).glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            yield f"{path.stem} {number}", json.loads(line)


def responses() -> Iterator[tuple[str, Any]]:
    for name, row in rows("response"):
        body = row["body"] if "body" in row else row["text"]
        yield name, ak.read_response(body, row.get("tools"))


def streams() -> Iterator[tuple[str, Any]]:
    for name, row in rows("stream"):
        yield name, ak.read_stream(row["text"])


def errors() -> Iterator[tuple[str, Any]]:
    for name, row in rows("error"):
        yield name, ak.read_error(row.get("status"), row.get("headers"), row.get("body"))


def exchanges() -> Iterator[tuple[str, Any]]:
    """Captured answers, whole or streamed."""
    for name, row in [*captured("captures"), *captured("tokens")]:
        request = row.get("request") or {}
        pieces = [text for _, text in row.get("chunks") or ()]
        tools = request.get("tools") if isinstance(request, dict) else None
        body = row.get("body") or ""
        yield name, ak.read_stream(pieces, tools) if pieces else ak.read_response(body, tools)


def divergences() -> Iterator[tuple[str, Any]]:
    for name, row in rows("divergence"):
        yield name, compared_case(row)


def hostile_texts() -> Iterator[tuple[str, Any]]:
    """Every hostile text as a conversation and as an answer."""
    for path in sorted((CORPUS / "hostile").glob("*.json")):
        for place, text in enumerate(json.loads(path.read_text("utf-8"))):
            call = {"type": "function", "function": {"name": text, "arguments": text}, "id": text}
            answer = {"role": "assistant", "content": text, "reasoning": text, "tool_calls": [call]}
            result = {"role": "tool", "content": text, "tool_call_id": text}
            conversation = [{"role": "user", "content": text}, answer, result]
            yield f"{path.stem} {place}", ak.view(conversation)


def model_texts() -> Iterator[tuple[str, Any]]:
    """What a model wrote, read by the parser it was written for; every tenth of the corpus."""
    for name in ("tool_calls", "constructed_calls", "sglang_calls"):
        lines = (CORPUS / "parsers" / f"{name}.jsonl").read_text("utf-8").splitlines()
        for row in map(json.loads, lines[::10]):
            parser = f"sglang/{row['parser']}" if row["engine"] == "sglang" else row["parser"]
            yield (
                f"{parser} {row['id']}",
                ak.parsers.get_parser(parser).parse(row["input"], row.get("tools")),
            )


READERS = (responses, streams, errors, exchanges, divergences, hostile_texts, model_texts)
CORPORA = {reader.__name__: reader for reader in READERS}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "divergences" else [])
        for name in CORPORA
    ],
)
def test_plain_text_of_the_corpus(name: str, snapshot: SnapshotAssertion) -> None:
    assert {case: plain(read) for case, read in CORPORA[name]()} == snapshot


@pytest.mark.slow
@pytest.mark.parametrize("name", CORPORA)
def test_html_of_the_corpus(name: str, snapshot: SnapshotAssertion) -> None:
    assert {case: digest(markup(read)) for case, read in CORPORA[name]()} == snapshot


def test_captured_traffic_is_viewed(
    snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of someone else's traffic, opened by its path, which is shown."""
    monkeypatch.chdir(CORPUS / "captures")
    seen = {path.stem: ak.view(path) for path in sorted(Path().glob("*.jsonl"))}
    texts = {name: [list(map(repr, view)), digest(markup(view))] for name, view in seen.items()}
    assert texts == snapshot


# data and pages


@pytest.mark.parametrize(
    "frame", ["turns_df", "tool_calls_df", "messages_df", "problems_df", "tokens_df"]
)
def test_frames(frame: str, snapshot: SnapshotAssertion) -> None:
    found = getattr(ak, frame)([calm(), troubled(), *weather()])
    columns = [f"{name}: {kind}" for name, kind in found.dtypes.astype(str).items()]
    assert "\n".join([*columns, found.to_csv(index=False, lineterminator="\n")]) == snapshot


PAGES = ("trajectory", "trajectory_troubled", "trajectory_hostile", "debugger_used", "diff")


@pytest.mark.parametrize("name", PAGES)
def test_pages(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """One page that shows all, without its style sheet."""
    page = ak.save(made(name), tmp_path / "page.html").read_text("utf-8")
    head, _, rest = page.partition("<style>")
    body = rest.partition("</style>")[2]
    assert [head, digest(body), digest(rest)] == snapshot


@pytest.mark.parametrize("name", ["curl", "python", "pytest", "notebook", "issue", "html"])
def test_exports(name: str, snapshot: SnapshotAssertion) -> None:
    text = getattr(ak.export, name)(weather()[0])
    assert (str(text) if name not in ("notebook", "html") else digest(str(text))) == snapshot


# doors and refusals


def test_what_the_doors_list(snapshot: SnapshotAssertion) -> None:
    listed = {
        "parsers": list(ak.parsers.names()),
        "reasoning parsers": list(ak.parsers.reasoning_names()),
        "faults": {fault.name: digest(repr(fault)) for fault in ak.testing.faults()},
        "injections": ak.testing.injections(),
    }
    assert listed == snapshot


REFUSED: dict[str, Callable[[], Any]] = {
    "load nothing": lambda: ak.load("nosuch.jsonl"),
    "view a number": lambda: ak.view(7),
    "view nothing": lambda: ak.view([]),
    "no parser": lambda: ak.parsers.get_parser("nosuch"),
    "no policy": lambda: ak.read_response({}, policy="lenient"),  # type: ignore[arg-type]
    "debug no agent": lambda: ak.debug("agent", "go"),
    "no prompt": lambda: ak.debug(debugger("x").agent),
    "no tool to approve": lambda: debugger("x", approve=["nosuch"]),
    "no turn": lambda: debugger("x").goto(7),
    "no branch": lambda: debugger("x").switch("nosuch"),
    "nothing to edit": lambda: debugger("x").edit(),
    "nothing pending": lambda: debugger(TWO).pending.run(3),
    "no problem of that code": lambda: ak.break_on.problem("nosuch"),
    "no column": lambda: ak.explore([calm()]).sort("nosuch"),
    "no managed state": lambda: ak.prefix_check({}),
    "a loop without tools": lambda: ak.AgentLoop("http://localhost:1", ["double"], {"double"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str, snapshot: SnapshotAssertion) -> None:
    """The type, its bases and the words of what is raised for a caller's mistake."""
    with pytest.raises(ak.AgentkitError) as caught:
        REFUSED[name]()
    bases = [base.__name__ for base in type(caught.value).__mro__]
    conversation = [str(caught.value)]
    assert [bases, *(text.replace(str(Path.cwd()), "HERE") for text in conversation)] == snapshot
