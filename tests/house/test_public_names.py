"""The public names: few, real, quick to import, and there for tab completion and type checkers
alike.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import agentkit as ak

SOURCE = Path(ak.__file__).read_text()


def test_every_public_name_is_there() -> None:
    for name in ak.__all__:
        assert getattr(ak, name) is not None
    assert sorted(ak.__all__) == sorted(set(ak.__all__))
    assert len(ak.__all__) <= 59  # ak.rollouts_iter: a batch that does not fit in memory


def test_names_are_offered_to_completion_and_type_checkers() -> None:
    guarded = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.If)]
    typed = {
        alias.name
        for node in ast.walk(guarded[0])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == set(ak.__all__)
    assert set(ak.__all__) <= set(dir(ak))


def test_a_name_that_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        ak.nothing_of_the_kind  # noqa: B018


def test_import_leaves_heavy_packages_alone() -> None:
    code = "import sys, agentkit; print(*[m for m in ('openai', 'pandas', 'plotly', 'IPython', 'pydantic', 'aiohttp') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_public_names_are_documented() -> None:
    for name in ak.__all__:
        value = getattr(ak, name)
        assert (value.__doc__ or "").strip(), f"ak.{name} has no docstring"


@pytest.mark.slow
def test_no_module_hides_a_public_name() -> None:
    code = (
        "import agentkit, pkgutil; [__import__(m.name) for m in pkgutil.walk_packages(agentkit.__path__, 'agentkit.')]; "
        + (
            "print(*[n for n in agentkit.__all__ if type(getattr(agentkit, n)).__name__ == 'module'])"
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cassette", "charts", "export", "parsers", "testing"]
