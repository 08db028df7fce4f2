"""What the package knows by a string only is there: a renamed class or function turns this red."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from pathlib import Path
from typing import get_args

import pytest

import agentkit as ak
from agentkit.show.notebook.display import live_views
from agentkit.show.notebook.live import LiveView
from agentkit.show.render import shown
from agentkit.show.render import watch as drawn_later
from agentkit.show.render.render import DRAWINGS
from agentkit.types.hooks import HOOKS, Hook, hook
from agentkit.types.record import Drawn

PACKAGE = Path(ak.__file__).parent


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_a_function(name: Hook) -> None:
    assert callable(hook(name))
    assert hook(name).__module__ == HOOKS[name].partition(":")[0], "named where it is defined"


def test_every_hook_is_known() -> None:
    assert set(HOOKS) == set(get_args(Hook))


@pytest.mark.parametrize("module", ak._HOMES)
def test_a_public_name_is_where_the_root_looks_for_it(module: str) -> None:
    home = importlib.import_module(module)
    for name in ak._HOMES[module].split():
        found = getattr(home, name)
        assert found is getattr(ak, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            assert found.__module__ == module, f"{name} is defined elsewhere"


def test_the_root_has_each_public_name_once() -> None:
    names = [name for names in ak._HOMES.values() for name in names.split()]
    assert sorted([*names, *ak._MODULES]) == sorted(ak.__all__)


def test_what_lives_has_a_view_that_lives() -> None:
    for thing, view in live_views().items():
        assert isinstance(thing, type)
        assert issubclass(view, LiveView)
        assert thing.__module__.startswith("agentkit.")


def test_whatever_is_drawn_has_a_drawing() -> None:
    """Every class that asks for its markup by name has a function of its own."""
    assert DRAWINGS, "imported for their registrations"
    drawn = [cls for cls in _leaves(Drawn) if _is_ours(cls)]
    assert len(drawn) > 20
    missing = [cls.__name__ for cls in drawn if shown.fragments.dispatch(cls) is _default()]
    assert not missing


def _default() -> object:
    return shown.fragments.dispatch(object)


def _leaves(cls: type) -> list[type]:
    below: list[type] = cls.__subclasses__()
    return [leaf for child in below for leaf in _leaves(child)] if below else [cls]


def _is_ours(cls: type) -> bool:
    """Whether the class is what its module calls so: a slotted dataclass leaves another behind."""
    module = sys.modules.get(cls.__module__)
    return cls.__module__.startswith("agentkit.") and getattr(module, cls.__name__, None) is cls


def test_no_other_module_is_named_by_a_string() -> None:
    """Our modules are imported by a name in a string in two places only."""
    another_package = PACKAGE / "servers" / "transfer.py"
    allowed = {PACKAGE / "__init__.py", PACKAGE / "types" / "hooks.py", another_package}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        if path in allowed or not ("import_module" in text or "__import__" in text):
            continue
        tree = ast.parse(text)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls}
        assert not names & {"import_module", "__import__"}, path


def test_every_module_that_registers_a_drawing_is_loaded() -> None:
    folder = PACKAGE / "show" / "render"
    drawn = {path.stem for path in folder.rglob("*.py") if "@shown.register(" in path.read_text()}
    loaded = {module.__name__.rpartition(".")[2] for module in (*DRAWINGS, drawn_later)}
    missing = drawn - loaded - {"shown"}
    assert not missing, f"add to DRAWINGS of agentkit/show/render/render.py: {sorted(missing)}"
