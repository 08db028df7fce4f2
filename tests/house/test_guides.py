"""The pages of the guide: their code runs from top to end, and gives what a comment says."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "index.md", *sorted((DOCS / "guide").glob("*.md"))]
_CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CLAIM = re.compile(r"^(?P<code>[^\s#].*?)  +# (?P<value>.+?)(?:: [^'\"]*)?$")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in _CODE.findall(page.read_text("utf-8")):
        exec(compile(block, page.name, "exec"), names)
        for line in block.splitlines():
            check_claim(line, names)


def check_claim(line: str, names: dict[str, Any]) -> None:
    """Compare what an expression gives with the literal in the comment behind it, where there is
    one.
    """
    claim = _CLAIM.match(line)
    if claim is None:
        return
    try:
        value, code = ast.literal_eval(claim["value"]), ast.parse(claim["code"], mode="eval")
    except (SyntaxError, ValueError):
        return
    assert eval(compile(code, line, "eval"), names) == value, line


def test_claims_are_checked() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    lines = [line for block in _CODE.findall(pages) for line in block.splitlines()]
    claims = [claim for claim in map(_CLAIM.match, lines) if claim]
    assert len([claim for claim in claims if claim["value"][0] in "'[(0123456789TF"]) >= 8
    with pytest.raises(AssertionError):
        check_claim("1 + 1      # 3", {})


def test_each_page_is_in_the_menu() -> None:
    menu = (DOCS.parent / "mkdocs.yml").read_text("utf-8")
    tree = ast.parse((DOCS / "hooks" / "reference.py").read_text("utf-8"))
    [parts] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PARTS"
    ]
    pages = [f"reference/{name}.md" for name in ast.literal_eval(parts)]
    pages += [f"guide/{page.name}" for page in PAGES[1:]]
    pages += [f"notebooks/{path.stem}.md" for path in (DOCS.parent / "notebooks").glob("*.ipynb")]
    assert [page for page in pages if page not in menu] == []
