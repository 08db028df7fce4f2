"""Bug reports and pages: complete, and nothing a model said gets out of its place; and no export of
any kind holds a key.
"""

from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.servers.redaction.key_shapes import outgoing
from agentkit.show.export.document import Export
from agentkit.show.export.report import fenced
from agentkit.testing import ScriptedServer, calls, says
from agentkit.trajectory.loop import apply, say, start
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange
from tests.servers.http_stub import COMPLETION, HttpServer
from tests.servers.http_stub import Answer as HttpAnswer
from tests.show.export_samples import HOSTILE, texts, weather

EXPORTS: dict[str, Callable[..., Export]] = {
    name: getattr(ak.export, name)
    for name in ("curl", "python", "pytest", "notebook", "issue", "html")
}


def outside(markdown: str) -> str:
    """The report without its code blocks, as GitHub reads them."""
    left: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        opened = re.match(r"(`{3,})", line)
        if fence and re.fullmatch(rf"{fence}`*", line.strip()):
            fence = ""
        elif not fence and opened:
            fence = opened[1]
        elif not fence:
            left.append(line)
    assert not fence
    return "\n".join(left)


# bug reports


def test_a_report_says_what_a_maintainer_asks_for() -> None:
    trajectory = replace(
        weather()[0], meta={"server": "vLLM 0.32.0", "options": "--tool-call-parser hermes"}
    )
    text = ak.export.issue(trajectory, turn=1)
    assert (
        "error empty_response at /choices/0/message: the answer holds neither text nor calls"
        in text
    )
    for part in (
        "answered with HTTP 200",
        "curl --silent",
        '"reasoning": ',
        "server: vLLM 0.32.0",
        "options: --tool-call-parser hermes",
        "agentkit: ",
        "openai: ",
        "python: 3.",
    ):
        assert part in text
    assert list(re.findall(r"^### (.+)$", text, re.MULTILINE)) == [
        "What happened",
        "What should have happened",
        "To reproduce",
        "Raw answer",
        "Versions",
    ]


def test_a_failed_request_is_reported_as_one() -> None:
    text = ak.export.issue(weather()[2])
    assert "The request failed:" in text
    assert "server_feature_off" in text
    assert "What it was read as" not in text


def test_a_report_has_what_a_tool_made_of_the_answer() -> None:
    def reserve(seats: int) -> list[int]:
        """Reserve seats."""
        return [40 + n for n in range(seats)]

    server = ScriptedServer([says(None, calls("reserve", seats="2")), says("No seats.")])
    rollout = ak.rollout(ak.Agent("m", tools=[reserve], server=server), "Two seats.")
    text = ak.export.issue(rollout, turn=0)
    assert "arguments_schema" in text
    assert "What the tools made of it:" in text
    assert "'str' object cannot be interpreted as an integer" in text
    assert "What the tools made of it" not in ak.export.issue(rollout, turn=1)


def test_a_long_report_is_cut_and_says_so() -> None:
    long = apply(
        start("x" * 300_000),
        Answer(exchange=Exchange(status=200, body='{"choices": [], "y": "' + "y" * 300_000 + '"}')),
    )
    text = ak.export.issue(long)
    assert len(text) < 65_536
    assert len(re.findall(r"[\d,]+ more characters left out of this report", text)) == 2


@given(st.lists(texts, min_size=1, max_size=4))
def test_nothing_leaves_its_fence(said: list[str]) -> None:
    body = '{"choices": [{"index": 0, "message": {"role": "assistant", "content": %s}, "finish_reason": "stop"}]}'
    trajectory = apply(
        start("\n".join(said).strip() or "x"),
        Answer(exchange=Exchange(status=200, body=body % json.dumps("\n".join(said)))),
    )
    plain = apply(start("x"), Answer(exchange=Exchange(status=200, body="\n".join(said))))
    harmless = apply(start("x"), Answer(exchange=Exchange(status=200, body=body % '"x"')))
    for one in (trajectory, plain):
        left = outside(ak.export.issue(replace(one, meta={"server": "\n".join(said)})))
        assert not any(
            line in left
            for line in said
            if len(line.strip()) > 3 and line not in outside(ak.export.issue(harmless))
        )
        assert "@someone" not in left
        assert "<img" not in left


@given(texts)
def test_a_fence_is_longer_than_what_is_in_it(body: str) -> None:
    assert outside(fenced(body)) == ""


# pages


class Loads(html.parser.HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "link", "iframe", "object", "embed", "base", "form") or any(
            n in ("src", "href", "style") or n.startswith("on") for n, _ in attrs
        ):
            self.found.append(tag)


def hostile() -> Trajectory:
    everything = "\n".join(HOSTILE)
    return say(
        apply(start(everything), Answer(exchange=Exchange(status=200, body=everything))), everything
    )


@pytest.mark.parametrize(
    "source",
    [
        weather()[0],
        weather()[0].turns[1],
        weather(),
        hostile(),
        ak.view(weather()),
        ak.view(weather()[0]),
        ak.debug(ak.demo(), "hi"),
        weather()[0].turns[0].response,
        weather()[0].request(1),
        ak.rollout(ak.demo()).turns[0],
    ],
    ids=lambda source: type(source).__name__,
)
def test_a_page_shows_it_and_loads_nothing(source: Any) -> None:
    page = ak.export.html(source)
    assert page.name == "agentkit.html"
    reader = Loads()
    reader.feed(page)
    assert reader.found == []
    assert page.startswith("<!doctype html>")
    assert page.encode()


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing that can be shown"):
        ak.export.html(3)


# no key is in any of them


KEYS = {
    "key": "sk-proj-0123456789abcdefghij",
    "header": "tenant-Token/+9f8e7d6c",
    "password": "p4ss-w0rd-of-the-url",
    "query": "query-key-31415926",
    "environment": "correct-horse-battery-1",
    "shaped": "hf_AbCdEfGhIjKlMnOpQrStUvWx",
}


def leaky() -> tuple[Trajectory, str]:
    """A rollout through a server that repeats every key, and a user and a tool that say them
    too.
    """
    said = " ".join(KEYS.values())
    with HttpServer(
        HttpAnswer(
            {
                **COMPLETION,
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": said},
                        "finish_reason": "stop",
                    }
                ],
            }
        )
    ) as server:
        address = f"{server.url.replace('http://', 'http://user:' + KEYS['password'] + '@')}?api-key={KEYS['query']}"
        url = ak.Server(
            address,
            key=KEYS["key"],
            headers={"X-Tenant-Token": KEYS["header"], "Authorization": f"Bearer {KEYS['key']}"},
        )
        trajectory = ak.rollout(
            ak.Agent("m", server=url),
            f"my keys: {said}, at http://user:{KEYS['password']}@host/v1?key={KEYS['query']}",
        )
    return trajectory, said


@pytest.mark.parametrize("name", EXPORTS)
def test_no_export_holds_a_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER_TOKEN", KEYS["environment"])
    trajectory, _ = leaky()
    for source in (trajectory, trajectory.turns[0]):
        text = EXPORTS[name](source)
        assert [kind for kind, key in KEYS.items() if key in text] == []
        assert "[redacted]" in text or "%5Bredacted%5D" in text
    assert "p4ss" not in text
    assert "9f8e7d6c" not in text


def test_what_was_taken_out_is_said() -> None:
    trajectory, _ = leaky()
    assert "what looked like a key was taken out" in ak.export.curl(trajectory)
    assert "what looked like a key was taken out" not in ak.export.curl(weather()[0])


def test_a_tool_that_prints_the_environment_gives_nothing_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_API_KEY", "0f1e2d3c4b5a")
    trajectory = ak.debug(ak.demo(), "Do I need a coat in Rome?")
    trajectory.step()
    result = ToolResult(
        call_id="x", name="get_weather", status="ok", content="MY_API_KEY=0f1e2d3c4b5a"
    )
    answered = apply(trajectory.trajectory, Result(position=0, result=result))
    for export in EXPORTS.values():
        assert "0f1e2d3c4b5a" not in export(answered)


@pytest.mark.parametrize(
    "text",
    [
        "a task-list-of-many-words-2024-and-more",
        "sk-no-key-required",
        "GIT_AUTHOR_NAME is Jane Doe",
        "http://localhost:8000/v1",
        "bearer of bad news, long ago",
        "risk-averse-2024-and-beyond-that",
        "see https://x.org/a:b@c",
        "16384000",
        "/home/me/token.txt",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    environment = {
        "GIT_AUTHOR_NAME": "Jane Doe",
        "MAX_TOKEN": "16384000",
        "TOKEN_FILE": "/home/me/token.txt",
        "SSH_AUTH_SOCK": "localhost",
    }
    assert outgoing(environment)(text) == text
