"""The rules of the house that a program can check: sizes, names, and what a folder holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import agentkit as ak

PACKAGE = Path(ak.__file__).parent
DOORS = {"parsers.py", "charts.py", "export.py", "cassette.py"}
FOLDERS = {
    "types",
    "dialects",
    "read",
    "trajectory",
    "servers",
    "files",
    "agent",
    "debugger",
    "analysis",
    "testing",
    "tap",
    "show",
}
AVOIDED = {
    *("utils", "helpers", "misc", "manager", "handler", "held", "ended", "outlook"),
    *("handwritten", "planted", "firm", "said", "told", "stands"),
}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def check(rule: str, found: set[str]) -> None:
    """Fail with what breaks a rule."""
    assert not found, "\n".join([f"{rule}:", *sorted(found)])


@cache
def sources() -> dict[str, str]:
    """Give the text of each file that somebody wrote, by its path in the package."""
    found = [path for kind in ("py", "js", "css") for path in PACKAGE.rglob(f"*.{kind}")]
    return {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in sorted(found)}


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(text) for name, text in sources().items() if name.endswith(".py")}


@cache
def definitions() -> list[tuple[str, Definition]]:
    """Give each class and function with the file that holds it."""
    nodes = ((name, node) for name, tree in trees().items() for node in ast.walk(tree))
    return [(name, node) for name, node in nodes if isinstance(node, Definition)]


def test_no_file_is_over_400_lines() -> None:
    check(
        "400 lines: move a part into a module beside it",
        {name for name, text in sources().items() if len(text.splitlines()) > 400},
    )


def test_no_line_is_over_100_columns() -> None:
    wide = {name for name, text in sources().items() if max(map(len, text.splitlines())) > 100}
    check("100 columns", wide)


def test_no_function_is_over_50_lines() -> None:
    functions = [entry for entry in definitions() if not isinstance(entry[1], ast.ClassDef)]
    check("50 lines", {f"{name}: {node.name}" for name, node in functions if length(node) > 50})


def length(node: Definition) -> int:
    """Count the lines of a function from its `def` on, without its docstring."""
    assert node.end_lineno is not None
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is None or first.end_lineno is None:
        return lines
    return lines - (first.end_lineno - first.lineno + 1)


def test_a_class_name_occurs_once() -> None:
    check(
        "class names",
        twice(node.name for _, node in definitions() if isinstance(node, ast.ClassDef)),
    )


def test_a_module_name_occurs_once() -> None:
    """Except that doors, dialects and drawings are named as what they open or draw."""
    drawings = ("show/render/", "show/charts/")
    files = [name for name in trees() if name not in DOORS and not name.startswith("dialects/")]
    files = [name for name in files if not name.endswith("__init__.py")]
    check(
        "module names",
        twice(Path(name).stem for name in files if not name.startswith(drawings)).union(
            *(
                twice(Path(name).stem for name in files if name.startswith(room))
                for room in drawings
            )
        ),
    )


def twice(names: Iterator[str]) -> set[str]:
    return {name for name, number in Counter(names).items() if number > 1}


def test_a_folder_has_ten_entries_at_most() -> None:
    written = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    entries: dict[str, set[str]] = {}
    for path in written:
        parts = path.relative_to(PACKAGE).parts
        for depth in range(1, len(parts)):
            entries.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
    full = {folder for folder, held in entries.items() if len(held - {"__init__.py"}) > 10}
    check("ten entries: move what belongs together into a folder of its own", full)


def test_the_top_holds_what_the_plan_names() -> None:
    top = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert {name for name in top if (PACKAGE / name).is_dir()} <= FOLDERS
    assert {name for name in top if (PACKAGE / name).is_file()} <= (
        DOORS | {"__init__.py", "errors.py", "py.typed"}
    )


def test_the_init_of_a_folder_is_its_docstring() -> None:
    doors = {"__init__.py", "testing/__init__.py"}
    found = {
        name
        for name, tree in trees().items()
        if name.endswith("__init__.py") and name not in doors
        if len(tree.body) != 1 or ast.get_docstring(tree) is None
    }
    check("init", found)


def test_names_are_plain() -> None:
    """Whole words: `held` is avoided, and `is_held`, but not `withheld`."""
    named = {f"{name}: {node.name}" for name, node in definitions()}
    places = {f"{name}: {part}" for name in trees() for part in Path(name).with_suffix("").parts}
    found = {entry for entry in named | places if AVOIDED & words(entry.partition(": ")[2])}
    check("plain names", found)


def words(name: str) -> set[str]:
    """Give the words that a name is made of."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return set(apart.lower().split("_"))


def test_nothing_at_the_top_has_the_name_of_a_public_function() -> None:
    functions = {name for name in ak.__all__ if not isinstance(getattr(ak, name), ModuleType)}
    assert not functions & {path.stem for path in PACKAGE.iterdir()}


def test_every_module_imports_and_hides_no_public_name() -> None:
    before = {name: getattr(ak, name) for name in ak.__all__}
    for module in pkgutil.walk_packages(ak.__path__, "agentkit."):
        importlib.import_module(module.name)
    assert {name: getattr(ak, name) for name in ak.__all__} == before
    modules = {name for name in ak.__all__ if inspect.ismodule(getattr(ak, name))}
    assert modules == {"cassette", "charts", "export", "parsers", "testing"}
    assert all(callable(getattr(ak, name)) for name in set(ak.__all__) - modules - {"break_on"})
