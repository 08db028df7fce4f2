"""Requests that a person changes: in the dialect of the agent, all other bytes as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentkit.errors import UsageError
from agentkit.tap.hold.changed_request import changed_request
from agentkit.tap.hold.json_places import find_value
from agentkit.tap.hold.moments import request_of
from agentkit.types.wire import Flow
from tests.tap.hold.agent_requests import HISTORY, PATHS, TOOLS, body

DIALECTS = sorted(PATHS)
LISTS = {"chat": "messages", "responses": "input", "messages": "messages"}


def changed(dialect: str, text: str, **changes: Any) -> str:
    """Change a request, and check that members that are not meant have the same bytes."""
    made = changed_request(text, PATHS[dialect], changes)
    before, after = json.loads(text), json.loads(made)
    for name in before:
        if before[name] == after.get(name) and name not in changes:
            assert part(made, name) == part(text, name), name
    return made


def part(text: str, *path: Any) -> str:
    span = find_value(text, path)
    assert span is not None
    return text[slice(*span)]


def shown(dialect: str, text: str) -> list[dict[str, Any]]:
    """Give the messages as `PendingFlow.request` shows them."""
    request = request_of(Flow(number=0, path=PATHS[dialect], body=text))
    assert request is not None
    return list(request.messages)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_field_is_changed_and_nothing_else(dialect: str) -> None:
    text = body(dialect)
    assert changed(dialect, text, temperature=0.25) == text.replace("1.0", "0.25")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_messages_given_as_they_were_shown_are_the_same(dialect: str) -> None:
    text = body(dialect)
    made = json.loads(changed(dialect, text, messages=shown(dialect, text)))
    assert made == json.loads(text)
    native = json.loads(text)[LISTS[dialect]]
    assert json.loads(changed(dialect, text, messages=native)) == json.loads(text)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_messages_that_stay_have_the_same_bytes(dialect: str) -> None:
    text = body(dialect)
    more = {"role": "user", "content": "And 7."}
    made = changed(dialect, text, messages=[*shown(dialect, text), more])
    name = LISTS[dialect]
    old = json.loads(text)[name]
    assert json.loads(made)[name] == [*old, more]
    for place in range(len(old)):
        assert part(made, name, place) == part(text, name, place)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_message_is_changed_alone(dialect: str) -> None:
    text = body(dialect)
    listed = shown(dialect, text)
    place = next(i for i, message in enumerate(listed) if message["role"] == "user")
    listed[place] = {"role": "user", "content": "Pay 6."}
    made = changed(dialect, text, messages=listed)
    name = LISTS[dialect]
    old, new = json.loads(text)[name], json.loads(made)[name]
    assert len(old) == len(new)
    assert [i for i in range(len(old)) if old[i] != new[i]] == [1 if dialect == "chat" else 0]
    assert part(made, name, len(old) - 2) == part(text, name, len(old) - 2)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_text_takes_the_place_of_the_last_question(dialect: str) -> None:
    text = body(dialect)
    made = changed(dialect, text, messages="Pay 6.")
    assert made == text.replace("Pay 5, é.", "Pay 6.")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_history_in_chat_form_is_written_in_the_dialect(dialect: str) -> None:
    listed = [
        {"role": "system", "content": "New."},
        {"role": "user", "content": "Pay 8."},
        HISTORY["chat"]["messages"][2],
        {"role": "tool", "tool_call_id": "call_1", "content": "no"},
    ]
    made = json.loads(changed(dialect, body(dialect), messages=listed))
    if dialect == "chat":
        assert made["messages"] == listed
    elif dialect == "responses":
        assert made["instructions"] == "New."
        kinds = [item.get("type", item.get("role")) for item in made["input"]]
        assert kinds == ["user", "function_call", "function_call_output"]
    else:
        assert made["system"] == "New."
        assert made["messages"][1]["content"][0]["input"] == {"amount": 5}
        assert made["messages"][2]["content"][0]["type"] == "tool_result"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tools_are_given_in_either_form(dialect: str) -> None:
    other = {"type": "function", "function": {"name": "get", "parameters": {"type": "object"}}}
    made = json.loads(changed(dialect, body(dialect), tools=[other]))
    (tool,) = made["tools"]
    assert tool.get("name", tool.get("function", {}).get("name")) == "get"
    assert ("function" in tool) is (dialect == "chat")
    native = json.loads(changed(dialect, body(dialect), tools=TOOLS[dialect]))
    assert native == json.loads(body(dialect))
    assert "tools" not in json.loads(changed(dialect, body(dialect), tools=None))


def test_names_of_chat_completions_stand_for_those_of_the_dialect() -> None:
    thinks = body("responses", reasoning={"effort": "low", "summary": "auto"})
    responses = json.loads(changed("responses", thinks, max_tokens=9, reasoning_effort="high"))
    assert responses["max_output_tokens"] == 9
    assert responses["reasoning"] == {"effort": "high", "summary": "auto"}
    messages = json.loads(changed("messages", body("messages"), max_tokens=9, stop=["."]))
    assert (messages["max_tokens"], messages["stop_sequences"]) == (9, ["."])
    chat = json.loads(changed("chat", body("chat", max_completion_tokens=5), max_tokens=9))
    assert chat["max_completion_tokens"] == 9
    assert "max_tokens" not in chat


def test_a_field_is_taken_out() -> None:
    for dialect in DIALECTS:
        assert "temperature" not in json.loads(changed(dialect, body(dialect), temperature=None))
    stopped = body("messages", stop_sequences=["."])
    assert "stop_sequences" not in json.loads(changed("messages", stopped, stop=None))


def test_a_message_that_was_shown_without_its_secret_goes_as_it_came() -> None:
    """Constructed: a tool's result with a key, which is shown redacted."""
    text = body("chat").replace('"paid"', '"a-secret-of-the-agent"')
    seen = text.replace("a-secret-of-the-agent", "[redacted]")
    listed = [*shown("chat", seen), {"role": "user", "content": "And?"}]
    made = changed_request(text, PATHS["chat"], {"messages": listed}, seen)
    assert json.loads(made)["messages"][3]["content"] == "a-secret-of-the-agent"


@pytest.mark.parametrize(
    ("path", "text", "changes", "words"),
    [
        ("/v1/models", "", {"temperature": 0}, "no answer"),
        ("/v1/embeddings", '{"input":"x"}', {"temperature": 0}, "no answer"),
        (PATHS["chat"], body("chat"), {"stream": True}, "form"),
        (PATHS["chat"], body("chat"), {"messages": 5}, "list of dicts"),
        (PATHS["chat"], body("chat"), {"messages": [5]}, "list of dicts"),
        (PATHS["chat"], '{"messages":[{"role":"system"}]}', {"messages": "x"}, "user"),
        (PATHS["chat"], body("chat"), {"temperature": float("nan")}, "JSON"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    path: str, text: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        changed_request(text, path, changes)
