"""The table of foreign formats. The first that fits is taken; a new one is a new entry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentkit.errors import CassetteError
from agentkit.files.foreign.datasets.art import ART
from agentkit.files.foreign.datasets.atropos import ATROPOS
from agentkit.files.foreign.datasets.glaive_chat import GLAIVE_CHAT
from agentkit.files.foreign.datasets.part_messages import PART_MESSAGES
from agentkit.files.foreign.datasets.share_gpt import SHARE_GPT, SHARE_GPT_TURNS
from agentkit.files.foreign.datasets.trainer_dump import SLIME, VERL
from agentkit.files.foreign.datasets.tuning.alpaca import ALPACA
from agentkit.files.foreign.datasets.tuning.preference_pairs import PAIRS
from agentkit.files.foreign.datasets.tuning.prompted import COMPLETIONS
from agentkit.files.foreign.datasets.xlam import XLAM
from agentkit.files.foreign.evals.atif_steps import ATIF
from agentkit.files.foreign.evals.bench.nemo_gym import NEMO_GYM
from agentkit.files.foreign.evals.bench.tau2 import TAU2
from agentkit.files.foreign.evals.bench.tau_bench import TAU_BENCH, TAU_FEW_SHOT
from agentkit.files.foreign.evals.inspect_log.inspect_file import INSPECT
from agentkit.files.foreign.evals.swe.mini_swe import MINI_SWE
from agentkit.files.foreign.evals.swe.openhands import OPENHANDS
from agentkit.files.foreign.evals.swe.swe_agent import SWE_AGENT
from agentkit.files.foreign.evals.verifiers.verifiers_results import VERIFIERS_RESULTS
from agentkit.files.foreign.evals.verifiers.verifiers_traces import VERIFIERS_TRACES
from agentkit.files.foreign.format import ForeignFormat, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.api.batch_file import BATCH
from agentkit.files.foreign.logs.api.event_stream import EVENT_STREAM
from agentkit.files.foreign.logs.api.native import (
    ANTHROPIC_MESSAGES,
    PREFERENCES,
    RESPONSES_ITEMS,
)
from agentkit.files.foreign.logs.http.har import HAR
from agentkit.files.foreign.logs.http.lite_llm import LITE_LLM
from agentkit.files.foreign.logs.http.nock import NOCK
from agentkit.files.foreign.logs.http.vcr import VCR
from agentkit.files.foreign.logs.stitched_log import FLOWS
from agentkit.files.foreign.sessions.chats.chatgpt_export import CHATGPT
from agentkit.files.foreign.sessions.chats.claude_export import CLAUDE_AI
from agentkit.files.foreign.sessions.chats.gemini_contents import GEMINI
from agentkit.files.foreign.sessions.chats.gemini_session import GEMINI_CLI
from agentkit.files.foreign.sessions.claude.claude_code import CLAUDE_CODE
from agentkit.files.foreign.sessions.codex_rollout import CODEX
from agentkit.files.foreign.sessions.hermes_agent import HERMES_SESSION
from agentkit.files.foreign.sessions.langchain_dump import LANGCHAIN
from agentkit.files.foreign.sessions.pydantic_dump import PYDANTIC_AI
from agentkit.files.foreign.sessions.smolagents_steps import SMOLAGENTS
from agentkit.files.foreign.traces.langfuse_trace import LANGFUSE
from agentkit.files.foreign.traces.langsmith_runs import LANGSMITH
from agentkit.files.foreign.traces.mlflow_trace import MLFLOW
from agentkit.files.foreign.traces.otel_trace import OTEL
from agentkit.files.gate import in_file
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import file_line, in_line

_log = logging.getLogger("agentkit")
_TOLD = 20
_FIRST, _HEAD = 8, 50
"""How many entries may tell nothing, and how many behind them are looked at."""
_CHAT = ("role", "messages", "conversation", "conversations", "request", "response", "choices")
"""What makes an entry one of a log of chat messages."""

FORMATS: tuple[ForeignFormat, ...] = (
    FLOWS,
    XLAM,
    *(CLAUDE_CODE, CODEX, CHATGPT, CLAUDE_AI, GEMINI_CLI, HERMES_SESSION),
    *(PYDANTIC_AI, LANGCHAIN, SMOLAGENTS),
    *(INSPECT, ATIF, VERIFIERS_RESULTS, VERIFIERS_TRACES),
    *(LANGSMITH, LANGFUSE, MLFLOW, OTEL),
    *(NEMO_GYM, TAU_BENCH, TAU_FEW_SHOT, TAU2, MINI_SWE, SWE_AGENT, OPENHANDS),
    *(ATROPOS, ART, SLIME, VERL, GLAIVE_CHAT, PART_MESSAGES, PAIRS, SHARE_GPT, SHARE_GPT_TURNS),
    *(ALPACA, COMPLETIONS),
    *(
        VCR,
        NOCK,
        HAR,
        LITE_LLM,
        BATCH,
        PREFERENCES,
        RESPONSES_ITEMS,
        ANTHROPIC_MESSAGES,
        GEMINI,
        EVENT_STREAM,
    ),
)


def format_of(source: FileSet) -> ForeignFormat | None:
    """Tell which format a source has; None where no entry of the table knows it. What its first
    entries do not tell, as they are null or of something else, the next ones do.
    """
    told = (one for view in _views(source) for one in FORMATS if one.fits(view))
    return next(told, None)


def _views(source: FileSet) -> Iterator[FileSet]:
    """Give the source, and what is left of it without its first entries where they tell nothing."""
    yield source
    if source.given is None and len(source.members) != 1:
        return
    rows = flat(source)
    for place in range(min(len(rows) - 1, _FIRST)):
        row = rows[place]
        if isinstance(row, Mapping) and not all(_is_empty(row.get(key)) for key in _CHAT):
            return
        if not _is_empty(rows[place + 1]):
            yield FileSet(name=source.name, given=rows[place + 1 : place + 1 + _HEAD])


def _is_empty(value: Any) -> bool:
    """Tell whether a value is null or empty; an array or a table does not say it by its truth."""
    return value is None or (isinstance(value, (Mapping, list, tuple, str, bytes)) and not value)


def tell_left_out(name: str, bad: Sequence[str]) -> None:
    """Log what of a file could not be read: the first few, and how many there are beside them."""
    for sentence in bad[:_TOLD]:
        _log.warning("%s, and is left out", file_line(name, sentence))
    if len(bad) > _TOLD:
        _log.warning("%s: %d more could not be read, likewise", in_line(name), len(bad) - _TOLD)


def files_in_turn(
    files: Iterable[tuple[str, Callable[[], list[Trajectory]]]], refuses: bool = True
) -> list[Trajectory]:
    """Read several files. One that holds no rollouts is left out, and told.

    Args:
        files: the name of each, and what reads it.
        refuses: whether the error of the first is raised where no file holds any.
    """
    found: list[Trajectory] = []
    refused: dict[str, CassetteError] = {}
    for name, read in files:
        try:
            found += in_file(read(), name)
        except CassetteError as exc:
            refused[name] = exc
    if refused and not found and refuses:
        raise next(iter(refused.values()))
    for name, error in refused.items():
        tell_left_out(name, [error.message])
    return found


def may_be_empty(source: FileSet) -> bool:
    """Tell whether a source may hold no rollout yet."""
    one = format_of(source)
    return one is not None and one.may_be_empty


def foreign_rollouts(source: FileSet) -> list[Trajectory] | None:
    """Read the rollouts of a source; None where its format is not in the table.

    Raises:
        CassetteError: it has a known format, and nothing in it can be read.
    """
    one = format_of(source)
    if one is None:
        return None
    found = list(one.read(source))
    if not found and not one.may_be_empty:
        why = source.bad[0] if source.bad else "it holds no rollout"
        raise CassetteError(f"{source.name!r} looks like {one.name}, but {why}")
    tell_left_out(source.name, source.bad)
    return found
