"""The notebooks as they are kept: executed from the top, every cell compared, nothing of a machine
or a browser in them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import NOTEBOOKS

BOOKS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", BOOKS, ids=lambda p: p.stem)
def test_every_code_cell_was_executed_in_order(path: Path) -> None:
    book: dict[str, Any] = json.loads(path.read_text("utf-8"))
    counts = [cell["execution_count"] for cell in book["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", BOOKS, ids=lambda p: p.stem)
def test_nothing_is_exempt_from_comparison(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(
        r"nbval|raises-exception|widget-state|widget-view|/home/|/Users/", text, re.IGNORECASE
    )
    assert all(cell["metadata"] == {} for cell in json.loads(text)["cells"])
    assert '"output_type": "error"' not in text
