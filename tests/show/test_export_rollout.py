"""A whole rollout as a test file: it holds its cassette, passes as it is, and fails with the turn
and the field that is read otherwise.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import by_turn, calls, says, serve
from tests.files.foreign.logs.test_api_files import ITEMS, MESSAGES
from tests.files.foreign.logs.traffic import HAR
from tests.show.test_export_offline import KINDS, run_pytest


@pytest.mark.slow
def test_tests_of_whole_rollouts_pass_and_name_what_has_changed(tmp_path: Path) -> None:
    rollouts = [trajectory for trajectory, _ in KINDS.values()]
    rollouts += [ak.load(source, all=True)[0] for source in ([HAR], ITEMS, MESSAGES)]
    passed = 0
    for index, rollout in enumerate(rollouts):
        if rollout.all_turns or rollout.attempts:
            ak.export.pytest(rollout, whole=True).save(tmp_path / f"test_{index}.py")
            passed += 1 + 9 * len(rollout.all_turns)
    other = ak.export.pytest(ak.load([HAR]), whole=True)
    head, tail = other.split("EXPECTED = ")
    (tmp_path / "test_changed.py").write_text(
        f"{head}EXPECTED = {tail.replace('Six metres.', 'Seven metres.')}", "utf-8"
    )
    done = run_pytest(tmp_path)
    assert f"1 failed, {passed + 18} passed" in done.stdout, done.stdout
    assert "test_each_turn_is_read_as_it_was[1-content]" in done.stdout
    assert "turn 1: content" in done.stdout


def test_a_test_of_a_rollout_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-acme-0123456789abcdefghij")
    said = [
        {"role": "user", "content": "sk-acme-0123456789abcdefghij"},
        {"role": "assistant", "content": "Hi"},
    ]
    written = ak.export.pytest(ak.load([said]), whole=True)
    assert "0123456789abcdefghij" not in written
    assert written.name == "test_rollout.py"


def test_a_rollout_without_an_answer_is_no_test() -> None:
    with pytest.raises(UsageError, match="no answer came in this rollout"):
        ak.export.pytest([{"role": "user", "content": "hi"}], whole=True)


@pytest.mark.slow
def test_whatever_is_changed_in_the_cassette_is_named(tmp_path: Path) -> None:
    script = says(None, calls("look", city="Oslo")), says("Cold."), says("Yes.")
    with serve(by_turn(*script), manner="vllm") as server:
        dbg = ak.debug(ak.Agent("m", [look], server.url, stream=False), "Do I need a coat?")
        dbg.run()
        dbg.say("And then?").run()
    whole = ak.export.pytest(dbg.trajectory, whole=True)
    head, rest = whole.split("CASSETTE = ")
    literal, tail = rest.split("\n\nEXPECTED = ")
    cassette = ast.literal_eval(literal)
    usage = re.search(r'\\"prompt_tokens\\": ?(\d+)', cassette)
    assert usage is not None
    changes = {"Do I need": "asked", "And then?": "asked", "Cold.": "content"}
    changes |= {"made up": "results", usage[0]: "usage"}
    for number, text in enumerate(changes):
        assert text in cassette
        other = cassette.replace(text, text[:-1] + ("9" if text[-1] != "9" else "8"), 1)
        (tmp_path / f"test_{number}.py").write_text(
            f"{head}CASSETTE = {other!r}\n\nEXPECTED = {tail}", "utf-8"
        )
    done = run_pytest(tmp_path).stdout
    for number, field in enumerate(changes.values()):
        failed = re.findall(rf"FAILED \S*test_{number}\.py::\w+\[(\d)-(\w+)\]", done)
        assert field in [name for _, name in failed], done


def look(city: str) -> str:
    """Look at the weather."""
    return "made up"
