"""A single rollout that is only looked at: the frame of the debugger without what drives it."""

from __future__ import annotations

from typing import Any

from agentkit.show.notebook.views.debugger.frame_view import FrameView
from agentkit.types.trajectory import Trajectory


class RolloutView(FrameView):
    """The one trajectory of an `ak.view`, with outline, facts and search."""

    @classmethod
    def suits(cls, thing: Any) -> bool:
        """Tell whether it holds a single rollout in which something happened."""
        return len(thing) == 1 and bool(thing[0].all_turns)

    @property
    def trajectory(self) -> Trajectory:
        """What is to be shown."""
        shown: Trajectory = self.target[0]
        return shown
