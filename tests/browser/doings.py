"""What is done on a view before it is looked at: the states that only a person brings about."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


def _button(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name, exact=False).first.click()


def _tab(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("tab", name=name).last.click()


def _key(key: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        page.get_by_role("button", name="Back").first.focus()
        page.keyboard.press(key)

    return press


DOINGS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "request": ("failed_tool", _tab("Request")),
    "response": ("stopped", _tab("Response")),
    "request_items": ("responses", _tab("Request")),
    "request_blocks": ("messages", _tab("Request")),
    "response_events": ("responses", _tab("Response")),
    "problems_tab": ("failed_tool", _tab("Problems")),
    "keys": ("ended", _key("?")),
    "search": ("ended", _key("/")),
    "breakpoints": ("paused", _button("Breakpoints")),
    "branches": ("branched", _button("Branches")),
    "charts": ("ended", _button("Charts")),
    "rules": ("watching", _button("Hold: 1 rule")),
    "by_hand": ("watching", lambda page: page.get_by_text("Answer by hand…").click()),
    "changed": ("watching", lambda page: page.locator(".ak-wtext").first.fill('{"amount": "x"}')),
    "opened_row": ("table", lambda page: page.get_by_role("row").nth(2).click()),
}
"""Name to the state of the gallery it begins in, and what is done."""
