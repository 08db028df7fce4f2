"""Fixtures of the browser tests; they are skipped only where no Chromium is installed.

One browser and one Jupyter server serve them all. Playwright runs an event loop of its own in the
thread that uses it, in which no other loop could be started; so there is a thread for it, where
every browser test runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import looks
from tests.browser.lab import Server, browser, chromium_path, jupyter
from tests.browser.looks import Stage

Write = Callable[..., str]

expect.set_options(timeout=20_000)
_thread = ThreadPoolExecutor(1, "browser")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a browser test in the browser's thread."""
    if pyfuncitem.get_closest_marker("browser") is None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    _thread.submit(pyfuncitem.obj, **arguments).result()
    return True


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    if chromium_path() is None:
        pytest.skip("no chromium is installed")
    stack = ExitStack()
    yield _thread.submit(stack.enter_context, browser()).result()
    _thread.submit(stack.close).result()


@pytest.fixture(scope="session")
def stage(chromium: Browser) -> Iterator[Stage]:
    """One page for all states of the gallery, shown one after the other."""
    stack = ExitStack()
    yield _thread.submit(stack.enter_context, looks.stage(chromium)).result()
    _thread.submit(stack.close).result()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a process, with JupyterLab and Notebook 7."""
    if chromium_path() is None:
        pytest.skip("no chromium is installed")
    with jupyter(tmp_path_factory.mktemp("notebooks")) as server:
        yield server


@pytest.fixture
def notebook(shared: Server, request: pytest.FixtureRequest) -> Write:
    """A function that writes a notebook of the given cells into the server's folder and returns its
    name.
    """
    stem = "".join(letter if letter.isalnum() else "_" for letter in request.node.name)

    def write(*cells: str) -> str:
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]
        book.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        name = f"{stem}.ipynb"
        (Path(shared.folder) / name).write_text(nbformat.writes(book), "utf-8")  # type: ignore[no-untyped-call]
        return name

    return write
