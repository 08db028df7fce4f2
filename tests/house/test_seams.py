"""Whatever one part gives, another takes; what it cannot take it names, with the hint."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NoFile, UsageError

MESSAGES = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
STATE = {
    "nodes": [
        {
            "full_text": "ab",
            "tokens": [1, 2],
            "masked_tokens": [-100, 2],
            "logprobs": [1.0, -0.5],
            "metadata": {},
        }
    ]
}


def forked() -> ak.Debugger:
    dbg = ak.debug(ak.demo())
    dbg.run()
    other = dbg.fork(turn=1)
    other.run()
    return other


def comparison() -> Any:
    return ak.compare({"a": ak.demo(), "b": ak.demo()}, ["Do I need a coat in Rome?"])


HOLDERS: dict[str, tuple[Callable[[], Any], int]] = {
    "trajectory": (lambda: ak.rollout(ak.demo()), 1),
    "debugger": (forked, 1),
    "tree": (lambda: forked().tree, 2),
    "rollouts": (lambda: ak.rollouts(ak.demo(), ["coat in Rome?"], n=3), 3),
    "explorer": (lambda: ak.explore(ak.rollouts(ak.demo(), ["coat in Rome?"], n=3)), 3),
    "view": (lambda: ak.view(MESSAGES), 1),
    "comparison": (comparison, 2),
    "diff": (lambda: ak.diff(ak.rollout(ak.demo()), ak.rollout(ak.demo(), "coat in Rome?")), 2),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_everything_that_holds_rollouts_is_taken_for_them(holder: str, tmp_path: Path) -> None:
    make, number = HOLDERS[holder]
    held = make()
    assert len(ak.view(held)) == len(ak.explore(held)) == number
    assert set(ak.turns_df(held)["rollout"]) == set(range(number))
    ak.save(held, tmp_path / "held.jsonl")
    assert len(ak.view(tmp_path / "held.jsonl")) == number
    assert ak.save(held, tmp_path / "held.html").read_text().startswith("<!doctype html>")
    assert ak.export.html(held).startswith("<!doctype html>")


@pytest.mark.parametrize("export", ["curl", "python", "pytest", "notebook", "issue"])
def test_an_export_takes_a_batch_of_one_and_counts_the_others(export: str) -> None:
    """A batch knows how many rollouts it `asked` for, which is no model call."""
    write = getattr(ak.export, export)
    assert write(ak.rollouts(ak.demo(), ["coat in Rome?"])) == write(
        ak.rollout(ak.demo(), "coat in Rome?")
    )
    with pytest.raises(UsageError, match="there are 2 rollouts"):
        write(ak.rollouts(ak.demo(), ["coat in Rome?"], n=2))
    with pytest.raises(UsageError, match="the turn is a str"):
        write(ak.rollout(ak.demo()), turn="last")


def test_message_lists_are_compared_and_exported() -> None:
    other = [*MESSAGES[:1], {"role": "assistant", "content": "bye"}]
    assert ak.diff(MESSAGES, other)
    assert not ak.diff(MESSAGES, ak.view(MESSAGES))
    assert '"hello"' in ak.export.curl(MESSAGES)
    assert not ak.reparse(ak.view(MESSAGES), parser="hermes").changes


def test_the_samples_of_a_debugger_are_its_branches() -> None:
    assert ak.sample_tree(forked()).size == 2
    assert ak.sample_tree(ak.view(MESSAGES)).size == 1


def test_waiting_calls_make_a_page() -> None:
    dbg = ak.debug(ak.demo())
    dbg.step()
    assert "get_weather" in ak.export.html(dbg.pending)
    with pytest.raises(UsageError, match="item 0 of the Pending: a ToolCall holds no rollout"):
        ak.view(dbg.pending)


def test_what_holds_no_rollout_says_what_takes_it() -> None:
    with pytest.raises(UsageError, match="managed state") as caught:
        ak.view(STATE)
    assert "ak.tokens" in caught.value.hint
    with pytest.raises(UsageError, match="item 1 of the list: an int holds no rollout"):
        ak.save([ak.rollout(ak.demo()), 3], "unused.jsonl")
    with pytest.raises(UsageError) as caught:
        ak.save({"a": 1}, "unused.jsonl")
    assert "messages" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        ak.compare({"a": "http://localhost:8000/v1", "b": ak.demo()}, ["hi"])
    assert "ak.Agent" in caught.value.hint


READERS: dict[str, Callable[[Any], Any]] = {
    "load": ak.load,
    "view": ak.view,
    "explore": ak.explore,
    "turns_df": ak.turns_df,
    "replay": ak.replay,
    "cassette": ak.cassette.open,
    "doctor": ak.cassette.doctor,
    "index": ak.cassette.index,
}
WRITERS: dict[str, Callable[[Any], Any]] = {
    "save": lambda path: ak.save(ak.rollout(ak.demo()), path),
    "record": lambda path: ak.record(ak.demo(), path),
    "export": lambda path: ak.export.curl(ak.rollout(ak.demo())).save(path),
    "labels": lambda path: ak.explore(ak.rollout(ak.demo()), labels=path),
    "rollouts": lambda path: ak.rollouts(ak.demo(), ["hi"], record=path),
}


@pytest.mark.parametrize("name", [*READERS, *WRITERS])
def test_a_wrong_path_has_a_mend(name: str, tmp_path: Path) -> None:
    act = {**READERS, **WRITERS}[name]
    with pytest.raises(NoFile) as caught:
        act(str(tmp_path / "missing" / "run.jsonl"))
    assert isinstance(caught.value, ak.AgentkitError)
    assert caught.value.hint
    with pytest.raises(UsageError, match="is a folder") as folder:
        act(str(tmp_path))
    assert folder.value.hint


WRONG: dict[str, Callable[[], Any]] = {
    "load": lambda: ak.load(3),
    "save": lambda: ak.save(ak.rollout(ak.demo()), None),
    "swapped": lambda: ak.save("run.jsonl", ak.rollout(ak.demo())),
    "record": lambda: ak.record(ak.demo(), None),
    "resume": lambda: ak.rollouts(ak.demo(), ["hi"], resume=3),
    "parser": lambda: ak.parsers.get_parser(None),  # type: ignore[arg-type]
    "reasoning parser": lambda: ak.parsers.get_reasoning_parser(None),  # type: ignore[arg-type]
    "text": lambda: ak.parsers.get_parser("hermes").parse(None),  # type: ignore[arg-type]
    "reasoning text": lambda: ak.parsers.get_reasoning_parser("qwen3").parse(None),  # type: ignore[arg-type]
    "tools": lambda: ak.read_response({"choices": []}, tools=3),
    "key": lambda: ak.Server("http://localhost:1/v1", key=3),  # type: ignore[arg-type]
    "headers": lambda: ak.Server("http://localhost:1/v1", headers=3),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_argument_has_a_mend(wrong: str) -> None:
    with pytest.raises(ak.AgentkitError) as caught:
        WRONG[wrong]()
    assert caught.value.hint


def test_readers_that_never_raise_take_nothing_and_a_status_in_text() -> None:
    assert ak.read_stream(None).problems  # type: ignore[arg-type]
    assert ak.read_error("429", None, "slow down").status == 429  # type: ignore[arg-type]
    assert ak.read_error("oops", None, "slow down").status is None  # type: ignore[arg-type]


def test_a_loop_shows_itself_without_an_address() -> None:
    loop = ak.AgentLoop(ak.testing.ScriptedServer([ak.testing.says("hi")]), [], set())
    assert repr(loop) == "<AgentLoop not started>"
    loop.start([{"role": "user", "content": "hello"}])
    assert repr(loop) == "<AgentLoop 0 turns, 0 calls, ready>"


def test_completion_offers_what_is_public_and_help_says_what_it_is() -> None:
    assert {name for name in dir(ak) if not name.startswith("__")} == set(ak.__all__)
    for room in (ak.cassette, ak.charts, ak.export, ak.parsers, ak.testing):
        assert set(dir(room)) == set(room.__all__)
    for name in ak.__all__:
        thing = getattr(ak, name)
        assert not (inspect.getdoc(thing) or f"{name}(").startswith(f"{name}("), name
        members = (
            inspect.getmembers(
                thing, lambda member: callable(member) or isinstance(member, property)
            )
            if inspect.isclass(thing)
            else []
        )
        assert not [
            member
            for member, value in members
            if not member.startswith("_") and not inspect.getdoc(value)
        ], name


@pytest.mark.parametrize("holder", HOLDERS)
def test_nothing_that_is_shown_has_an_address(holder: str) -> None:
    held = HOLDERS[holder][0]()
    shown = [
        repr(held),
        *(
            repr(getattr(held, name))
            for name in dir(held)
            if not name.startswith("_") and not callable(getattr(held, name))
        ),
    ]
    assert not [text for text in shown if re.search(r"object at 0x", text)]
