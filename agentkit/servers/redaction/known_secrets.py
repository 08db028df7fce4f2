"""The secrets of this process: what servers were given, and those of the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.errors import UsageError
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.redaction.secret_values import counts, environment_secrets

_met: set[str] = set()
"""Every secret a server of this process was given."""
_kept: set[str] = set()
"""The variables of the environment that an agent was told to leave alone."""
_made: dict[tuple[frozenset[str], frozenset[str]], Redactor] = {}
"""The last redactor, by the environment's secrets and the others."""
_last: dict[str, Any] = {}
"""The last redactor of the process, and what it was made of."""


def remember(secrets: Iterable[str]) -> None:
    """Take note of secrets that were given to a server."""
    _met.update(filter(counts, secrets))


def shared_secrets() -> tuple[list[str], list[str]]:
    """Give what a process of ours has to know: the secrets of this one, and the variables that are
    left alone.
    """
    named = {name: value for name, value in os.environ.items() if name not in _kept}
    return sorted({*_met, *environment_secrets(named)}), sorted(_kept)


def keep(names: Iterable[str]) -> None:
    """Take note of variables whose values are not to be taken out of what leaves the process."""
    _kept.update(names)


class Known:
    """The redactor of the secrets known by now.

    Args:
        kept: variables that are left alone; by default those that any agent was told to leave.
    """

    def __init__(self, kept: Iterable[str] | None = None) -> None:
        self._kept = None if kept is None else frozenset(kept)
        self._met = -1
        self._redact = Redactor()

    def __reduce__(self) -> tuple[Any, ...]:
        kept = None if self._kept is None else tuple(sorted(self._kept))
        return type(self), (kept,)  # another process looks for its own

    @property
    def redact(self) -> Redactor:
        """The function that takes the secrets known by now out of text."""
        return self._redact if self._met == len(_met) else self.renewed()

    def renewed(self) -> Redactor:
        """Look again for secrets in the environment."""
        self._met, self._redact = len(_met), known_secrets(kept=self._kept)
        return self._redact


def known_secrets(
    environment: Mapping[str, str] | None = None, kept: Iterable[str] | None = None
) -> Redactor:
    """Make a redactor of the secrets servers were given, and of the environment's.

    Args:
        environment: the variables; by default those of the process.
        kept: variables that are left alone; by default those that any agent was told to leave.
    """
    left = frozenset(_kept if kept is None else kept)
    if environment is not None:
        return _redactor_of(environment, left)
    # To read each variable costs more than to read an answer. Python's own copy, where it has one,
    # tells whether any has changed.
    raw = getattr(os.environ, "_data", None)
    seen = (left, len(_met), dict(raw) if isinstance(raw, dict) else None)
    if _last.get("seen") != seen or seen[2] is None:
        _last.update(seen=seen, redactor=_redactor_of(os.environ, left))
    redactor: Redactor = _last["redactor"]
    return redactor


def _redactor_of(variables: Mapping[str, str], left: frozenset[str]) -> Redactor:
    named = {name: value for name, value in variables.items() if name not in left}
    key = frozenset(environment_secrets(named)), frozenset(_met)
    found = _made.get(key)
    if found is None:
        _made.clear()
        found = _made[key] = Redactor(key[0] | key[1])
    return found


def checked_names(names: Any) -> tuple[str, ...]:
    """Check what is given as `keep_secrets`.

    Raises:
        UsageError: it is no list of names.
    """
    if not isinstance(names, str) and isinstance(names, Iterable):
        found = tuple(names)
        if all(isinstance(name, str) for name in found):
            return found
    raise UsageError(
        f"keep_secrets is {names!r:.80}",
        hint="give names of environment variables: keep_secrets=['BUILD_TOKEN']",
    )
