"""Exports of chat sites, sessions of Gemini CLI, and Gemini's own form."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from tests.files.foreign.anything import gives_only_our_errors, goes_everywhere, mutated
from tests.files.foreign.sessions import chat_samples as samples


@pytest.mark.parametrize("name", samples.CHATS)
def test_a_chat_goes_wherever_a_rollout_goes(name: str, tmp_path: Path) -> None:
    rows = samples.CHATS[name]
    found = ak.load(rows, all=True)
    for rollout in found:
        goes_everywhere(rollout, tmp_path)
    path = tmp_path / "x.data"  # its name tells nothing
    path.write_text("\n".join(map(json.dumps, rows)))
    assert ak.load(path, all=True) == found
    path.write_text(json.dumps(rows))
    assert ak.load(path, all=True) == found


@pytest.mark.parametrize("name", samples.CHATS)
def test_a_chat_is_a_question_a_call_its_result_and_an_answer(name: str) -> None:
    rollout = ak.load(samples.CHATS[name], all=True)[0]
    assert "How high is the tide in Brest?" in rollout.prompt[-1].content
    first = rollout.turns[0]
    assert "I look." in (first.reasoning or "")
    assert first.tool_calls[0].arguments == {"port": "Brest"}
    assert "6 m" in first.tool_results[0].content
    assert (rollout.final, rollout.stop_reason) == ("Six metres.", "final")
    assert set(ak.problems_df(rollout)["code"]) <= {"error"}


@pytest.mark.parametrize("name", samples.CHATS)
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_is_in_a_chat_nothing_but_our_errors_comes(name: str, data: Any) -> None:
    gives_only_our_errors(data.draw(mutated(samples.CHATS[name])))


def test_what_a_chat_of_chatgpt_holds() -> None:
    shown, other = ak.load(samples.CHATGPT, all=True)
    assert [message.role for message in shown.prompt] == ["user", "user"]
    called, last = shown.turns
    assert [call.name for call in called.tool_calls] == ["tide.get", "python"]
    assert called.tool_calls[1].raw_arguments == "1+1"
    assert [result.content for result in called.tool_results] == ["6 m\nat 14:20", "2"]
    assert last.response.finish_reason == "stop"
    assert last.raw["imported"]["id"] == "last"
    assert (shown.meta["title"], shown.meta["session"]) == ("Tides", "k-1")
    assert (shown.meta["started"], shown.spec.model) == (1767323045.0, "gpt-x")
    assert shown.meta["import"]["lost"] == {"a part of type image_asset_pointer": 1}
    assert (other.final, other.meta["branch"]) == ("No idea.", 1)
    assert other.parent is not None
    assert (other.parent.turn, other.parent.trajectory) == (0, shown)


def test_a_call_of_which_chatgpt_keeps_the_title_alone_is_no_call() -> None:
    def title(name: str, before: str, role: str, recipient: str) -> dict[str, Any]:
        thoughts = [{"summary": "Searching.", "content": ""}]
        content = {"content_type": "thoughts", "thoughts": thoughts}
        return samples.node(name, before, role, content, recipient=recipient)

    nodes = [
        samples.node("u", None, "user", samples.spoken("Where?")),
        title("a", "u", "assistant", "mail.search"),
        title("b", "a", "tool", "all"),
        samples.node("c", "b", "assistant", samples.spoken("Here.")),
    ]
    row = {"title": "", "mapping": {one["id"]: one for one in nodes}, "current_node": "c"}
    (rollout,) = ak.load([row], all=True)
    (turn,) = rollout.turns
    assert (turn.reasoning, rollout.final, turn.tool_calls) == ("Searching.", "Here.", ())
    assert rollout.meta["import"]["lost"] == {
        "a call of which only its title is kept": 1,
        "a result of which only its title is kept": 1,
    }


def test_a_tree_that_names_itself_and_one_with_many_ends_are_read_in_linear_time() -> None:
    row = {**samples.CHATGPT[0], "mapping": dict(samples.CHATGPT[0]["mapping"])}
    row["mapping"]["u"] = {**row["mapping"]["u"], "parent": "last"}
    assert ak.load([row], all=True)
    chain = [samples.node("q0", None, "user", samples.spoken("Where?"))]
    for n in range(1, 1500):
        chain.append(samples.node(f"q{n}", f"q{n - 1}", "user", samples.spoken("And?")))
        chain.append(samples.node(f"a{n}", f"q{n}", "assistant", samples.spoken("Here.")))
    wide = {"title": "", "mapping": {one["id"]: one for one in chain}, "current_node": "a1499"}
    found = ak.load([wide], all=True)
    assert sum(len(one.prompt) + len(one.turns) for one in found) <= 21 * len(chain)
    assert found[0].meta["import"]["lost"]["branches beyond what is sensible"] > 0


def test_what_a_chat_of_claude_holds(caplog: pytest.LogCaptureFixture) -> None:
    (rollout,) = ak.load(samples.CLAUDE_AI, all=True)
    assert rollout.prompt[0].content.endswith("Brest, in France.")
    assert [len(turn.tool_calls) for turn in rollout.turns] == [1, 1, 0]
    assert rollout.turns[1].tool_results[0].status == "error"
    assert rollout.meta["title"] == "Tides"
    lost = {"files of a message": 1, "content[] of type token_budget": 1}
    assert rollout.meta["import"]["lost"] == lost
    assert "1 of its conversations hold no message" in caplog.text


def test_branches_of_claude_leave_each_other_where_a_message_was_written_anew() -> None:
    def said(name: str, before: str, sender: str, text: str) -> dict[str, Any]:
        return {"uuid": name, "parent_message_uuid": before, "sender": sender, "text": text}

    root = "00000000-0000-4000-8000-000000000000"
    messages = [
        said("1", root, "human", "Where?"),
        said("2", "1", "assistant", "Here."),
        said("3", "2", "human", "And now?"),
        said("4", "3", "assistant", "There."),
        said("5", "2", "human", "And then?"),
        said("6", "5", "assistant", "Home."),
    ]
    last, first = ak.load([{"uuid": "k", "chat_messages": messages}], all=True)
    assert (last.final, first.final) == ("Home.", "There.")
    assert first.parent is not None
    assert first.parent.turn == 1


def test_what_a_session_of_gemini_cli_holds() -> None:
    (whole,) = ak.load([samples.GEMINI_CLI], all=True)
    (lines,) = ak.load(samples.GEMINI_LINES, all=True)
    assert lines.messages == whole.messages
    assert (whole.spec.model, lines.meta["title"]) == ("gemini-x", "Tides")
    ok, failed = whole.turns[0].tool_results
    assert (ok.content, failed.status, failed.error) == ("6 m", "error", "no port")
    usage = whole.turns[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (9, 5)
    assert whole.meta["import"]["lost"] == {"messages[] of type info": 1}


def test_what_a_request_of_gemini_holds() -> None:
    (rollout,) = ak.load(samples.CHATS["gemini rows"], all=True)
    assert rollout.prompt[0].content == "Be brief."
    assert (rollout.spec.model, rollout.meta["case"]) == ("gemini-x", 3)
    assert rollout.spec.sampling == {"temperature": 0.5, "max_tokens": 9}
    schema = rollout.spec.tools[0]["function"]["parameters"]
    assert schema == {"type": "object", "properties": {"port": {"type": "string"}}}
    last = rollout.turns[-1]
    assert last.usage is not None
    assert (last.response.finish_reason, last.usage.input_tokens) == ("stop", 9)
    (alone,) = ak.load(json.dumps(samples.ANSWER), all=True)
    assert alone.final == "Six metres."


def test_an_archive_of_an_export_is_read_by_what_is_in_it(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("conversations.json", json.dumps(samples.CHATGPT))
        archive.writestr("chat.html", "<html></html>")
        archive.writestr("user.json", '{"id": "user-x"}')
    (tmp_path / "export.zip").write_bytes(packed.getvalue())
    assert len(ak.load(tmp_path / "export.zip", all=True)) == 2
