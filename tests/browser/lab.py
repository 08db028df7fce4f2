"""JupyterLab and Notebook 7 in a real browser, for tests: each function starts what it needs and
ends what it started.

Example:
    with jupyter(folder) as server, browser() as chromium, tab(chromium) as (page, heard):
        open_notebook(page, server, "demo.ipynb")
        run_all(page)
        assert not heard.errors and not heard.remote
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

App = Literal["lab", "notebook"]
Theme = Literal["Light", "Dark"]
ROOT = Path(__file__).parents[2]
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
_FLAGS += ["--disable-component-update", "--disable-sync"]


_OWN = (
    "Command 'filebrowser:open-path' not registered.",  # Notebook 7, when it opens any notebook
    "Cannot read properties of undefined (reading 'schema')",
    "Error: widget model not found",  # see `reopen_notebook`
)
"""What Jupyter says of itself, whatever a notebook holds."""


def chromium_path() -> str | None:
    """Where Chromium is installed; None where it is not."""
    return (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


@dataclass(frozen=True)
class Server:
    """A running Jupyter server."""

    address: str
    folder: Path
    pid: int

    def url(self, notebook: str, app: App = "lab") -> str:
        """The address of a notebook in the server's folder."""
        # a workspace of its own, or JupyterLab would open again what an earlier page had open
        place = f"lab/workspaces/{token_hex(4)}/tree" if app == "lab" else "notebooks"
        return f"{self.address}/{place}/{quote(notebook)}"


@contextmanager
def jupyter(folder: Path) -> Iterator[Server]:
    """JupyterLab and Notebook 7 over the folder, on a free port of this machine, with settings,
    trust and history of their own.
    """
    with TemporaryDirectory(prefix="jupyter-") as home, (Path(home) / "log").open("wb") as log:
        port = _free_port()
        environment = _environment(Path(home))
        command = [sys.executable, "-m", "jupyterlab", *_options(folder, port, Path(home))]
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _await_answer(f"http://127.0.0.1:{port}/api", process, Path(home) / "log")
            yield Server(address=f"http://127.0.0.1:{port}", folder=folder, pid=process.pid)
        finally:
            _end(process)


def _options(folder: Path, port: int, home: Path) -> list[str]:
    apps = [
        option
        for name in ("LabApp", "JupyterNotebookApp")
        for option in (
            f"--{name}.expose_app_in_browser=True",
            f"--{name}.user_settings_dir={home / 'settings'}",
            f"--{name}.workspaces_dir={home / 'workspaces'}",
        )
    ]
    return [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={port}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        "--IdentityProvider.token=",
        *apps,
    ]


def _environment(home: Path) -> dict[str, str]:
    """Settings that keep the news prompt off the page, and folders that keep the user's own Jupyter
    out of the test.
    """
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(news))
    folders = {
        f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, **folders, "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": path}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await_answer(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(address, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"jupyter did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks the server to end, which ends its kernels; what is left of its process group after that
    is killed.
    """
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=chromium_path(), args=_FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


@dataclass
class Heard:
    """The messages and requests of a page while it was open."""

    errors: list[str] = field(default_factory=list)
    """Console errors, and exceptions nobody caught."""
    remote: list[str] = field(default_factory=list)
    """Requests that left this machine."""

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.error(f"{message.text} {message.location}")

    def error(self, line: str) -> None:
        if not line.startswith(_OWN):
            self.errors.append(line)

    def request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.remote.append(request.url)


@contextmanager
def tab(chromium: Browser, width: int = 1200, height: int = 1400) -> Iterator[tuple[Page, Heard]]:
    """A page of its own, and what was heard of it."""
    context = chromium.new_context(viewport={"width": width, "height": height})
    page, heard = context.new_page(), Heard()
    page.on("console", heard.console)
    page.on("pageerror", lambda error: heard.error(str(error)))
    page.on("request", heard.request)
    try:
        yield page, heard
    finally:
        context.close()


def set_theme(page: Page, theme: Theme) -> None:
    """Lets the page wear a theme. The splash that Jupyter shows meanwhile has to go first: two at
    once are removed twice, which is an error.
    """
    page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
        f"JupyterLab {theme}",
    )
    page.wait_for_selector(
        f"body[data-jp-theme-light={'true' if theme == 'Light' else 'false'}]", state="attached"
    )
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def open_notebook(page: Page, server: Server, name: str, app: App = "lab") -> None:
    """Opens a notebook and waits until its kernel answers; the idle badge comes before the kernel's
    channels are up.
    """
    page.goto(server.url(name, app))
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.evaluate(
        """() => {
            window.kernelAnswers = false;
            (async () => {
                await window.jupyterapp.restored;
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                const kernel = panel.sessionContext.session.kernel;
                while (kernel.connectionStatus !== 'connected') await new Promise(next => setTimeout(next, 20));
                await kernel.requestKernelInfo();
                window.kernelAnswers = true;
            })();
        }"""
    )
    page.wait_for_function("() => window.kernelAnswers", timeout=60_000)


def reopen_notebook(page: Page, server: Server, name: str, app: App = "lab") -> None:
    """Opens a notebook whose kernel still runs and waits until its widgets are there again.

    An output waits two seconds for its widget's model and then, if models were restored meanwhile,
    gives up without another look: in a page that was busy for those two seconds all widgets are
    "not found", though they are there. As a person would, this loads such a page again.
    """
    for _ in range(4):
        open_notebook(page, server, name, app)
        widgets = "[...document.querySelectorAll('.jp-OutputArea-output')].map(e => e.textContent)"
        page.wait_for_function(
            f"() => !{widgets}.some(said => said.startsWith('Loading widget'))", timeout=60_000
        )
        if not page.evaluate(f"() => {widgets}.some(said => said.includes('model not found'))"):
            return


def run_all(page: Page) -> None:
    """Runs every cell and waits for the last."""
    page.evaluate(
        """() => {
            window.allRun = false;
            window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.allRun = true; });
        }"""
    )
    page.wait_for_function("() => window.allRun", timeout=120_000)
