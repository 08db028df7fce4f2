"""Imports point down: each module belongs to one layer and imports only from its own and lower
ones.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "agentkit"

LAYERS = {
    0: "types errors html secret_names",
    1: "codec json_records read parsers profiles history preflighting encoded_history tools tool_schema loop chat_log capture_log todo budget held editing timeline handwritten",
    2: "alignment breakpoints diffing divergence token_spans token_runs managed prefix_cause charts export render reparsing samples tree events frames",
    3: "servers retrying tool_pool tool_runner perform recording background files file_lock file_scan cassette sources frames prefix replaying injected_answers charts",
    4: "engine agent recorded agent_loop callers_list loop_dispatch debugger batch comparing explorer testing demo_agent cursor ended commands outlook pending breakpoint_list export fault_injection",
    5: "views",
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names.split()}
EFFECTS = {
    "time",
    "random",
    "secrets",
    "uuid",
    "threading",
    "socket",
    "subprocess",
    "tempfile",
    "os",
    "shutil",
    "asyncio",
}
"""What L0 to L2 never import: clock, randomness, environment, file writing, threads."""
NOTEBOOK = {"IPython", "ipywidgets", "anywidget", "traitlets"}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (
                (f"{node.module}.{alias.name}" for alias in node.names)
                if node.module == "agentkit"
                else (node.module,)
            )


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    layer = LAYER[room(path)]
    for name in imports(path):
        if name.startswith("agentkit."):
            assert LAYER[name.split(".")[1]] <= layer, f"{path.name} (L{layer}) imports {name}"
        top = name.split(".")[0]
        assert top not in NOTEBOOK or layer == 5, f"{path.name} imports {top}; only views may"
        assert top not in EFFECTS or layer >= 3, f"{path.name} (L{layer}) imports {top}"
        assert top != "openai" or room(path) == "servers", (
            f"{path.name} imports openai; only servers may"
        )


def test_every_room_is_planned() -> None:
    assert {room(path) for path in modules()} <= set(LAYER)
