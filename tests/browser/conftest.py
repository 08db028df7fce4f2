"""Fixtures of the browser tests; they are skipped only where no Chromium is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser

from tests.browser.lab import browser, chromium_path

Write = Callable[..., str]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: while it is open its event loop runs in this thread, in which no other test could start one."""
    if chromium_path() is None:
        pytest.skip("no chromium is installed")
    with browser() as running:
        yield running


@pytest.fixture
def notebook(tmp_path: Path) -> Write:
    """A function that writes a notebook of the given cells into the test's folder and returns its name."""

    def write(*cells: str, name: str = "test.ipynb") -> str:
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        (tmp_path / name).write_text(nbformat.writes(book), "utf-8")  # type: ignore[no-untyped-call]
        return name

    return write
