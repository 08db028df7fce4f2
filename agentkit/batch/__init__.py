"""Many rollouts at once: each prompt several times, side by side, whole or in part kept in one
ordered value.
"""

from agentkit.batch.result import Rollouts
from agentkit.batch.run import interrupted, rollouts, rollouts_async

__all__ = ["Rollouts", "interrupted", "rollouts", "rollouts_async"]
