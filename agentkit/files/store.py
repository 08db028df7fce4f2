"""`ak.save` and `ak.load`: rollouts on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

from agentkit.errors import CassetteError, UsageError, checked_keywords
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
from agentkit.files.cassette.writer import used
from agentkit.files.path import path_in, to_write, write_whole
from agentkit.files.reader import forms_hint, rollouts_in
from agentkit.read.managed import MANAGED_STATE
from agentkit.read.plain import plain
from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.types.hooks import hook
from agentkit.types.trajectory import Trajectory

PAGES = (".html", ".htm")
CASSETTES = (".jsonl", ".json", "")
"""Endings of a cassette; the last is a name without one."""


@checked_keywords
def save(rollouts: Any, path: Any) -> Path:
    """Write rollouts to a file, whole or not at all.

    Args:
        rollouts: a trajectory, a list of them, or whatever else `ak.view` takes. Of a debugger the
            branch it is on; all of them by `ak.save(dbg.tree, path)`. Of an `AgentResult` the
            managed state goes with it, as `meta["managed_state"]`.
        path: a name that ends in `.jsonl` gets the format that `ak.load` and `ak.replay` read; one
            that ends in `.html` a self-contained page that works offline, also of a diff or a
            comparison.

    Returns:
        The path.

    Raises:
        UsageError: there is nothing to save, or the path is none, or has another ending.
        NoFile: its folder is not there.
        FileInUse: rollouts are being recorded there.
    """
    target = to_write(path)
    ending = target.suffix.lower()
    if ending not in (*PAGES, *CASSETTES):
        raise UsageError(
            f"rollouts are not saved as {ending!r}",
            hint="end the name in '.jsonl', which ak.load reads, or in '.html', which is a page",
        )
    redact = known_secrets()
    if ending in PAGES:
        write_whole(target, [redact(hook("page")(_shown(rollouts)))])
        return target
    trajectories = _some(rollouts)
    with used(target if target.exists() else None, alone=True):
        write_whole(target, (redact(line) for line in _lines(trajectories)))
    return target


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
        raise UsageError(f"a {type(rollouts).__name__} holds no rollout to save", hint=forms_hint())
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
        The trajectory; a list where it holds several.

    Raises:
        UsageError: it is nothing that holds rollouts.
        FileNotFoundError: there is no such file.
        CassetteError: the file holds no rollout, or cannot be read.
    """
    found = rollouts_in(path)
    if all:
        return found
    if not found:
        name = repr(str(path)) if path_in(path) else f"a {type(path).__name__}"
        raise CassetteError(f"{name} holds no rollout", hint="all=True gives an empty list")
    return found[0] if len(found) == 1 else found
