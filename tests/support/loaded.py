"""The one rollout that a file holds."""

from __future__ import annotations

from typing import Any

import agentkit as ak


def load_one(path: Any) -> ak.Trajectory:
    """Read a file that must hold one rollout."""
    found = ak.load(path)
    assert isinstance(found, ak.Trajectory)
    return found
