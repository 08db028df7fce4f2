"""Loading what holds a single rollout."""

from __future__ import annotations

from typing import Any

import agentkit as ak
from agentkit.types.trajectory import Trajectory


def load_one(source: Any) -> Trajectory:
    """Load the one rollout of a source."""
    (rollout,) = ak.load(source, all=True)
    return rollout
