"""What a server is made anew from in another process. A key that the environment holds is not in
it: its variable's name is, and it is read again there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.errors import UsageError
from agentkit.servers.redaction.redactor import Secret, goes_along

_NO_KEY = ("", "EMPTY")


class Recipe:
    """The arguments of a server that may hold secrets.

    Args:
        arguments: where it is, and its headers.
        key: as the caller gave it.
        secrets: what was found in the arguments.
        variable: which variable of the environment would hold the key.
        travels: whether the caller lets secrets stand in a pickle.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str | None,
        secrets: Iterable[str],
        variable: str,
        travels: bool,
    ) -> None:
        self._arguments = Secret(dict(arguments))
        self._key = Secret((key or "").strip())
        self._has_secrets = any(secrets)
        self._variable = variable
        self.travels = travels
        """Whether the caller lets secrets stand in a pickle."""

    def written(self, server: str) -> tuple[dict[str, Any], str | None, str | None]:
        """Write it down.

        Args:
            server: what it is called in an error.

        Returns:
            The arguments, the key where it goes along, and the variable that it is read from.

        Raises:
            UsageError: a secret was given by hand, and nobody said that it may go along.
        """
        key, variable = self._key.reveal(), None
        if key not in _NO_KEY:
            variable = next((name for name, value in os.environ.items() if value == key), None)
        if not (self.travels or goes_along.get()):
            if self._has_secrets:
                raise UsageError(
                    f"{server} has secrets in its headers or its URL, which go into no pickle",
                    hint="say so on purpose: ak.Server(…, pickle_key=True)",
                )
            if key not in _NO_KEY and variable is None:
                raise UsageError(
                    f"the key of {server} was given by hand, and goes into no pickle",
                    hint=f"set {self._variable} in the environment, here and where the pickle is"
                    " opened, or say so on purpose: ak.Server(…, pickle_key=True)",
                )
        return self._arguments.reveal(), None if variable else key or None, variable


def remade(
    kind: Any,
    arguments: Mapping[str, Any],
    key: str | None,
    variable: str | None,
    further: Mapping[str, Any],
) -> Any:
    """Make a server anew from what was written.

    Raises:
        UsageError: the variable that held its key is not set here.
    """
    if variable is not None:
        key = os.environ.get(variable)
        if not key:
            raise UsageError(
                f"the key of {arguments['url']!r} was in {variable}, which is not set here",
                hint=f"set {variable} in the environment of this process",
            )
    return kind(key=key, **arguments, **further)
