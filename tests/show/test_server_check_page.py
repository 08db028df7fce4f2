"""A check of a server on a page. What its server answers is constructed."""

from __future__ import annotations

from typing import Any

from agentkit.analysis.check.cell import CheckCell, CheckFinding
from agentkit.analysis.check.scenarios import SCENARIOS
from agentkit.analysis.check.server_check import ServerCheck
from agentkit.show.html import Html
from agentkit.show.render.render import render, text_of
from tests.show.test_hostile_rollout import HOSTILE, assert_harmless
from tests.show.test_html import read


def cell(form: Any, *codes: str, message: str = "it is wrong", dialect: Any = "chat") -> CheckCell:
    found = tuple(CheckFinding(code=code, severity="error", message=message) for code in codes)
    return CheckCell(
        scenario=SCENARIOS[0],
        dialect=dialect,
        form=form,
        verdict="wrong" if codes else "right",
        findings=found,
    )


def drawn(*cells: CheckCell) -> dict[str, Html]:
    return render(ServerCheck(cells, model="m"))


def words(html: Html) -> str:
    return " ".join(read(html).text.split())


def test_what_both_forms_have_alike_is_one_cell() -> None:
    alike = drawn(cell("block", "lost_call"), cell("stream", "lost_call"))["matrix"]
    assert alike.count('class="ak-of-broken"') == 1
    assert 'colspan="2"' in alike.partition("<tbody>")[2]
    apart = drawn(cell("block", "lost_call"), cell("stream"))["matrix"]
    assert 'class="ak-of-broken"' in apart
    assert 'class="ak-of-good"' in apart
    assert "colspan" not in apart.partition("<tbody>")[2]


def test_every_form_has_its_column_in_plain_text() -> None:
    shown = text_of(ServerCheck([cell("block", "lost_call"), cell("stream", "lost_call")]))
    assert "chat block" in shown
    assert "chat stream" in shown
    assert shown.count("✕ wrong lost_call") == 2


def test_a_code_breaks_between_its_words() -> None:
    shown = drawn(cell("block", "tool_call_in_content"))["matrix"]
    assert [f"<code>{word}</code>" in shown for word in ("tool_", "call_", "in_", "content")] == (
        [True] * 4
    )
    assert "tool_call_in_content" in words(shown).replace(" ", "")


def test_what_is_found_in_many_cells_is_said_once() -> None:
    cells = [cell(form, "lost_call", dialect=d) for d in ("chat", "messages") for form in FORMS]
    card = words(drawn(*cells)["finding-lost_call"])
    assert card.count("it is wrong") == 1
    assert "chat/one call block, stream · messages/one call block, stream" in card
    assert 'ak.export.issue(check["chat/one call/block"])' in card
    apart = drawn(cell("block", "lost_call"), cell("stream", "lost_call", message="and so"))
    assert "in 2 ways" in words(apart["finding-lost_call"])
    assert "and so" in words(apart["finding-lost_call"])


FORMS = ("block", "stream")


def test_the_marks_are_explained_and_counted() -> None:
    shown = drawn(cell("block", "lost_call"), cell("stream"))
    assert "✕ 1 wrong ✓ 1 right" in words(shown["head"])
    assert "✕ wrong a fault ✓ right as expected" in words(shown["matrix"])
    assert "silent" not in shown["matrix"]


def test_nothing_that_a_server_says_becomes_markup() -> None:
    shown = drawn(cell("block", HOSTILE, message=HOSTILE), cell("stream", message=HOSTILE))
    for name, html in shown.items():
        assert_harmless(name, html, html=True)
    assert_harmless("text", text_of(ServerCheck([cell("block", HOSTILE, message=HOSTILE)])))
