"""Public fakes."""

from agentkit.testing.scripted import FixedClock, Script, ScriptedServer, as_choice, by_turn, calls, says

__all__ = ["FixedClock", "Script", "ScriptedServer", "as_choice", "by_turn", "calls", "says"]
