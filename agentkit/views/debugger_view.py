"""The debugger in a cell."""

from __future__ import annotations

from agentkit.types import Trajectory
from agentkit.views.conversation_view import ConversationView


class DebuggerView(ConversationView):
    """A debugger: its conversation as it grows."""

    @property
    def trajectory(self) -> Trajectory:
        """What is to be shown."""
        shown: Trajectory = self.target.trajectory
        return shown
