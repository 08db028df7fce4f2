"""Raw model text to tool calls, and to reasoning and content, by the names of vLLM's and SGLang's
parsers.
"""

from typing import TYPE_CHECKING

from agentkit.errors import names_of
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

if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there
    __getattr__ = names_of("agentkit.parsers", __all__, "ak.parsers")


def __dir__() -> list[str]:
    return __all__
