"""Tasks, each under one name: `nox -l` lists them, `python3 -m nox -s quick` runs one.

Each task has an environment of its own, which is used again with `-R`. What follows `--` goes to
the tool: `nox -s quick -- tests/read -k arguments`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import nox

nox.options.sessions = ["quick", "lint", "types"]
nox.options.error_on_missing_interpreters = True

PLAIN = (
    "-p",
    "no:nbval",
    "-o",
    "addopts=-ra --strict-markers --strict-config --import-mode=importlib",
)
"""Without the notebooks, and without the examples in docstrings."""
HERE = Path(__file__).parent


@nox.session
def quick(session: nox.Session) -> None:
    """The tests that take a minute: no notebook, browser or property, and nothing marked slow."""
    session.install("-e", ".[test]")
    wanted = "not slow and not property and not notebook and not browser"
    chosen = session.posargs or ["tests"]
    session.run("pytest", "-q", *PLAIN, "-m", wanted, *chosen, env={"HYPOTHESIS_PROFILE": "quick"})


@nox.session
def test(session: nox.Session) -> None:
    """All tests: notebooks, examples in docstrings and the browser among them."""
    session.install("-e", ".[test]")
    session.run("pytest", *(session.posargs or ["-n", "auto", "--dist", "loadscope"]))


@nox.session
def coverage(session: nox.Session) -> None:
    """Print which lines the tests reach, and fail under the floor of pyproject.toml."""
    session.install("-e", ".[test]", "pytest-cov")
    wanted = "not notebook and not browser"
    chosen = session.posargs or ["tests", "-n", "auto"]
    session.run(
        "pytest", "-q", *PLAIN, "--cov", "--cov-report=term:skip-covered", "-m", wanted, *chosen
    )


@nox.session
def browser(session: nox.Session) -> None:
    """The tests that drive a real Chromium, which must be installed."""
    session.install("-e", ".[test]")
    session.run("pytest", *PLAIN, "-m", "browser", *(session.posargs or ["tests/browser"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Look for faults with ruff, check its format, and check the order of imports."""
    session.install("-e", ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    session.install("-e", ".[test]")
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, with warnings as errors and without a network."""
    session.install("-e", ".[docs]")
    quiet = {"NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", *(session.posargs or ["build", "--strict"]), env=quiet)


@nox.session
def notebooks(session: nox.Session) -> None:
    """Execute the notebooks anew, keep their outputs, and compare them once more."""
    session.install("-e", ".[test]")
    session.run("python", "notebooks/refresh.py", *session.posargs)
    session.run("pytest", "notebooks", "tests/house/test_notebooks.py")


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the pictures of README and docs anew; `-- --all OUT` takes every view in every state."""
    session.install("-e", ".[test]")
    session.run("python", "notebooks/screenshots.py", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the quick tests on the lowest versions of all dependencies that pyproject.toml allows."""
    floors = Path(session.create_tmp()) / "floors.txt"
    floors.write_text("\n".join(_floors()) + "\n", "utf-8")
    session.install("-e", ".[test]", "-c", str(floors))
    wanted = "not slow and not property and not notebook and not browser"
    chosen = session.posargs or ["tests"]
    session.run("pytest", "-q", *PLAIN, "-m", wanted, *chosen, env={"HYPOTHESIS_PROFILE": "quick"})


def _floors() -> list[str]:
    """Give each direct dependency as a constraint on its lowest version."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    listed += project["optional-dependencies"]["notebooks"]
    found = (re.match(r"([\w.-]+)(?:\[[\w,-]*\])?>=([\w.]+)", entry) for entry in listed)
    return [f"{match[1]}=={match[2]}" for match in found if match]
