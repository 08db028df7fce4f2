"""The request of a turn in the form that a view asks for by name."""

from __future__ import annotations

from collections.abc import Callable

from agentkit.errors import UsageError
from agentkit.show.export.code.client_script import python
from agentkit.show.export.code.offline_test import pytest
from agentkit.show.export.code.shell import curl
from agentkit.show.export.document import Export
from agentkit.show.export.report import issue
from agentkit.types.trajectory import Trajectory

_FORMS: dict[str, Callable[..., Export]] = {
    "curl": curl,
    "python": python,
    "pytest": pytest,
    "report": issue,
}


def written_as(trajectory: Trajectory, turn: int, form: str) -> Export:
    """Write the request of a turn.

    Args:
        trajectory: the rollout.
        turn: which turn of it.
        form: `curl`, `python`, `pytest` or `report`.

    Raises:
        UsageError: there is no such form.
    """
    if form not in _FORMS:
        raise UsageError(f"no export is named {form!r}", hint=f"there are: {', '.join(_FORMS)}")
    return _FORMS[form](trajectory, turn)
