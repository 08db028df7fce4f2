"""What is indexed in these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.constructed_rollouts import write


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Two hundred constructed rollouts."""
    path = tmp_path / "many.jsonl"
    write(path, 200)
    return path
