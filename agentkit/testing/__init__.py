"""Public fakes."""

from agentkit.testing.catalogue import faults
from agentkit.testing.fault import Fault
from agentkit.testing.loopback import Asked
from agentkit.testing.reference_server import ReferenceServer, serve
from agentkit.testing.scripted import FixedClock, Script, ScriptedServer, by_turn, calls, says

__all__ = ["Asked", "Fault", "FixedClock", "ReferenceServer", "Script", "ScriptedServer", "by_turn", "calls", "faults", "says", "serve"]
