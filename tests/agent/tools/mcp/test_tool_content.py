"""What an MCP server answers, as the model sees it: text, structured content, images. The blocks
are constructed, of the types of the package.
"""

from __future__ import annotations

import base64
from typing import Any

import mcp_types
import pytest

import agentkit as ak
from agentkit.agent.tools.mcp.tool_content import output_of
from agentkit.read.tool_output import images_of
from agentkit.show.render.render import render
from agentkit.testing import ScriptedServer, by_turn, calls, says
from agentkit.trajectory.loop import apply
from agentkit.types.steps import Result
from tests.show.test_content_images import png

PIXEL = base64.b64encode(b"\x89PNG not a whole one").decode()
IMAGE = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
SOUND = {"type": "audio", "data": PIXEL, "mimeType": "audio/wav"}
LINK = {"type": "resource_link", "name": "notes", "uri": "file:///notes.txt"}
TEXT = {"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "a"}}
BLOB = {
    "type": "resource",
    "resource": {"uri": "file:///b", "mimeType": "image/gif", "blob": PIXEL},
}


def answer(*content: dict[str, Any], **fields: Any) -> Any:
    return mcp_types.CallToolResult.model_validate({"content": list(content), **fields})


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("came", "content", "conversion", "value"),
    [
        (answer(said("a"), said("b")), "a\nb", None, None),
        (answer(), "", None, None),
        (answer(structuredContent={"a": [1]}), '{"a": [1]}', "json", {"a": [1]}),
        (
            answer(said('{ "a": [1] }'), structuredContent={"a": [1]}),
            '{ "a": [1] }',
            "json",
            {"a": [1]},
        ),
        (answer(said("one"), structuredContent={"a": [1]}), "one", "text", {"a": [1]}),
        (answer(said("3"), structuredContent={"result": "3"}), "3", None, None),
        (answer(LINK, TEXT), "[notes](file:///notes.txt)\na", None, None),
    ],
)
def test_texts_and_structured_content(
    came: Any, content: str, conversion: str | None, value: Any
) -> None:
    output = output_of(came)
    assert (output.content, output.conversion, output.value) == (content, conversion, value)
    assert output.error is None


def test_an_error_says_what_the_server_said() -> None:
    assert output_of(answer(said("no"), said("way"), isError=True)).error == "no\nway"
    assert output_of(answer(isError=True)).error


def test_an_image_is_named_in_the_text_and_kept_whole() -> None:
    output = output_of(answer(said("see"), IMAGE, SOUND, BLOB))
    assert output.content == (
        "see\n[image/png, 20 bytes]\n[audio/wav, 20 bytes]\n[file:///b, image/gif, 20 bytes]"
    )
    assert output.value["content"][1] == IMAGE
    assert images_of(output.value) == [
        f"data:image/{kind};base64,{PIXEL}" for kind in ("png", "gif")
    ]
    assert output_of(answer(IMAGE), images=False).conversion == "text"


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"content": 3},
        {"content": [3, {"type": "image"}, {"mimeType": "image/png", "data": 3}]},
        {"content": [{"mimeType": "image/svg+xml", "data": PIXEL}]},
        {"content": [{"mimeType": "image/png", "data": '"><script>'}]},
        {"content": [{"mimeType": "image/png", "data": ""}]},
    ],
)
def test_what_is_no_image_is_not_taken_for_one(value: Any) -> None:
    assert images_of(value) == []


def with_result(output: Any, dialect: Any = "chat", profile: str | None = None) -> ak.Trajectory:
    """A rollout in which a tool has given this."""

    def shot() -> str:
        """Take a picture."""
        return "never called"

    server = ScriptedServer(by_turn(says(None, calls("shot")), says("done")))
    dbg = ak.debug(ak.Agent("m", [shot], server, dialect=dialect, profile=profile), "go")
    dbg.step()
    result = ak.ToolResult(
        call_id=dbg.trajectory.pending[0].id,
        name="shot",
        status="ok",
        content=output.content,
        value=output.value,
        conversion=output.conversion,
    )
    return apply(dbg.trajectory, Result(position=0, result=result))


def sent_back(dialect: Any, profile: str | None = None) -> Any:
    """What of a result with an image goes back to the server of the model."""
    body = with_result(output_of(answer(said("see"), IMAGE)), dialect, profile).request(1).body
    return body["input" if dialect == "responses" else "messages"][-1]


def test_an_image_goes_where_tools_may_send_one() -> None:
    text = "see\n[image/png, 20 bytes]"
    url = f"data:image/png;base64,{PIXEL}"
    assert sent_back("chat", "openai")["content"] == text
    assert sent_back("chat", "generic")["content"] == text
    image = {"type": "image_url", "image_url": {"url": url}}
    assert sent_back("chat", "vllm")["content"] == [said(text), image]
    assert sent_back("responses")["output"] == [
        {"type": "input_text", "text": text},
        {"type": "input_image", "image_url": url},
    ]
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    assert sent_back("messages")["content"][0]["content"] == [
        said(text),
        {"type": "image", "source": source},
    ]


def test_a_small_image_is_drawn_beside_the_text() -> None:
    data = png(4, 4)
    came = answer(said("see"), {**IMAGE, "data": data})
    for output, drawn in ((output_of(came), True), (output_of(came, images=False), False)):
        shown = str(render(with_result(output)))
        assert (f'src="data:image/png;base64,{data}"' in shown) is drawn
        assert "[image/png, " in shown
    hostile = {**IMAGE, "data": base64.b64encode(b"<svg onload='x()'/>").decode()}
    assert "<img" not in str(render(with_result(output_of(answer(hostile)))))
