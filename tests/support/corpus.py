"""Test cases that are data files: `tests/corpus/<what>/<name>.json`, one case or a list of cases a
file.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.paths import CORPUS


def corpus_rows(what: str) -> list[Any]:
    """The cases of a folder as pytest parameters; each is a dict, its id is `file` or `file:
    case`.
    """
    found = []
    for path in sorted((CORPUS / what).glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = data if isinstance(data, list) else [data]
        found += [
            pytest.param(row, id=": ".join(filter(None, (path.stem, row.get("case")))))
            for row in rows
        ]
    assert found, f"no cases in {what}"
    return found


def captured(name: str) -> list[dict[str, Any]]:
    """The rows of a captured server: one exchange a line, as the server sent it."""
    with open(CORPUS / "captures" / f"{name}.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
