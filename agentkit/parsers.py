"""Raw model text to tool calls, and to reasoning and content, by the names of vLLM's and SGLang's
parsers.
"""

from agentkit.read.parsers.call_parser import Incremental, Parser
from agentkit.read.parsers.detection import detect, has_call_markup
from agentkit.read.parsers.output import Parsed, Piece
from agentkit.read.parsers.reasoning_parser import ReasoningParser
from agentkit.read.parsers.registry import get_parser, get_reasoning_parser, names, reasoning_names

__all__ = [
    "Incremental",
    "Parsed",
    "Parser",
    "Piece",
    "ReasoningParser",
    "detect",
    "get_parser",
    "get_reasoning_parser",
    "has_call_markup",
    "names",
    "reasoning_names",
]


def __dir__() -> list[str]:
    return __all__
