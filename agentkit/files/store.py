"""`ak.save` and `ak.load`: rollouts on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

from agentkit.errors import CassetteError, UsageError, checked_keywords
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
from agentkit.files.cassette.writer import used
from agentkit.files.foreign.written.writers import WEIGHED, WRITERS, written_in
from agentkit.files.path import path_in, to_write, write_whole
from agentkit.files.reader import forms_hint, is_begun, rollouts_in
from agentkit.read.managed import MANAGED_STATE
from agentkit.read.plain import plain
from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.types.hooks import hook
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.words import type_in_words

PAGES = (".html", ".htm")
CASSETTES = (".jsonl", ".json", "")
"""Endings of a cassette; the last is a name without one."""


@checked_keywords
def save(
    rollouts: Any,
    path: Any,
    *,
    format: str | None = None,
    min_reward: float | None = None,
    weight: Callable[[Turn], float | bool | None] | None = None,
) -> Path:
    """Write rollouts to a file, whole or not at all.

    Args:
        rollouts: a trajectory, a list of them, or whatever else `ak.view` takes. Of a debugger the
            branch it is on; all of them by `ak.save(dbg.tree, path)`. Of an `AgentResult` the
            managed state goes with it, as `meta["managed_state"]`.
        path: a name that ends in `.jsonl` gets the format that `ak.load` and `ak.replay` read; one
            that ends in `.html` a self-contained page that works offline, also of a diff or a
            comparison; one in `.parquet` a row of chat messages a rollout.
        format: that of another tool, whatever the path: `atif` (1.8), `otel` (GenAI spans in
            OTLP's JSON), `openai` (chat JSONL), `finetune` (OpenAI's examples), `verifiers`,
            `sharegpt`, `parquet`. What it has no place for is left out, and a line of the log
            says so.
        min_reward: leave out rollouts whose `meta["reward"]` is lower, or that have none.
        weight: says of a turn whether it is trained on (1 or 0), for a format that has a place for
            it; by default what the data set it came from said.

    Returns:
        The path.

    Raises:
        UsageError: there is nothing to save, the path is none or has another ending, or there is no
            such format.
        NoFile: its folder is not there.
        FileInUse: rollouts are being recorded there.
    """
    target = to_write(path)
    format = format or _format_of(target)
    redact = known_secrets()
    if format == "page":
        shown = rollouts if min_reward is None else _rewarded(_some(rollouts), min_reward)
        write_whole(target, [redact(hook("page")(_shown(shown)))])
        return target
    trajectories = _rewarded(_some(rollouts), min_reward)
    with used(target if target.exists() else None, alone=True):
        if format == "cassette":
            _refuse_weight(weight)
            write_whole(target, (redact(line) for line in _lines(trajectories)))
            return target
        written = written_in(trajectories, format, weight, redact)
        data = written.data
        write_whole(target, data if isinstance(data, bytes) else [data])
    written.tell(target.name)
    return target


def _format_of(target: Path) -> str:
    """Tell by the ending of a path what is written.

    Raises:
        UsageError: it has another ending.
    """
    ending = target.suffix.lower()
    if ending in CASSETTES:
        return "cassette"
    if ending in PAGES:
        return "page"
    if ending == ".parquet":
        return "parquet"
    raise UsageError(
        f"rollouts are not saved as {ending!r}",
        hint="end the name in '.jsonl', which ak.load reads, or in '.html', which is a page; or"
        f" name another tool's format: {', '.join(WRITERS)}",
    )


def _refuse_weight(weight: Any) -> None:
    if weight is not None:
        raise UsageError(
            "a cassette has no place for the weight of a turn",
            hint=f"name a format that has: {', '.join(WEIGHED)}",
        )


def _rewarded(found: list[Trajectory], least: float | None) -> list[Trajectory]:
    """Keep the rollouts with at least this reward."""
    if least is None:
        return found
    if not isinstance(least, (int, float)):
        raise UsageError(f"min_reward is {type_in_words(least)}", hint="as min_reward=0.5")
    kept = [one for one in found if _reward(one) is not None and _reward(one) >= least]
    if not kept:
        raise UsageError(
            f"none of {len(found)} rollouts has a reward of {least} or more",
            hint="a reward is in rollout.meta['reward']",
        )
    return kept


def _reward(trajectory: Trajectory) -> Any:
    reward = trajectory.meta.get("reward")
    number = isinstance(reward, (int, float)) and not isinstance(reward, bool)
    return reward if number else None


def _shown(rollouts: Any) -> Any:
    """Tell what a page shows: a diff or a comparison itself, of everything else its rollouts."""
    if callable(getattr(rollouts, "html", None)) and not (
        isinstance(rollouts, Sequence) or hasattr(rollouts, "trajectory")
    ):
        return rollouts
    found = _some(rollouts)
    return found[0] if len(found) == 1 else tuple(found)


def _some(rollouts: Any) -> list[Trajectory]:
    found = _with_states(rollouts)
    if not found:
        is_empty = isinstance(rollouts, Sequence) and not isinstance(rollouts, (str, bytes))
        hint = "it is empty: of a table, its filter left none" if is_empty else forms_hint()
        raise UsageError(f"{type_in_words(rollouts)} holds no rollout to save", hint=hint)
    return found


def _with_states(rollouts: Any) -> list[Trajectory]:
    """Find the rollouts, each with the managed state that an `AgentResult` holds beside it."""
    if isinstance(rollouts, (list, tuple)) and any(
        _state_of(item) is not None for item in rollouts
    ):
        return [trajectory for item in rollouts for trajectory in _with_states(item)]
    found, state = rollouts_in(rollouts), _state_of(rollouts)
    if state is None or len(found) != 1:
        return found
    return [replace(found[0], meta={**found[0].meta, MANAGED_STATE: plain(state)})]


def _state_of(item: Any) -> Any:
    return getattr(item, MANAGED_STATE, None)


def _lines(trajectories: Iterable[Trajectory]) -> Iterator[str]:
    for sample, trajectory in enumerate(trajectories):
        yield from map(encode_line, dump(trajectory, sample))


@overload
def load(path: Any, *, all: Literal[True]) -> list[Trajectory]: ...
@overload
def load(path: Any, *, all: bool = False) -> Trajectory | list[Trajectory]: ...
@checked_keywords
def load(path: Any, *, all: bool = False) -> Trajectory | list[Trajectory]:
    """Read the rollouts of a file, or of anything else that holds some.

    Every raw answer is read again, so an old file profits from a better reader. A torn last line,
    as a crash leaves it, is ignored.

    Args:
        path: that of a cassette (`ak.save`, `ak.record`), a chat log or a capture, a pattern like
            `"runs/*.jsonl"`; or whatever else `ak.view` takes.
        all: give a list in any case, and an empty one where it holds no rollout.

    Returns:
        The trajectory; a list where it holds several, and an empty one for the record of a tap that
        has seen none yet.

    Raises:
        UsageError: it is nothing that holds rollouts.
        FileNotFoundError: there is no such file.
        CassetteError: the file holds no rollout, or cannot be read.
    """
    found = rollouts_in(path)
    if all:
        return found
    if not found:
        if is_begun(path):
            return found
        name = repr(str(path)) if path_in(path) else type_in_words(path)
        raise CassetteError(f"{name} holds no rollout", hint="all=True gives an empty list")
    return found[0] if len(found) == 1 else found
