"""Where things lie in the repository."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CORPUS = TESTS / "corpus"
GOLDEN = TESTS / "golden"
NOTEBOOKS = ROOT / "notebooks"
