"""`ak.export.html`: anything that has a display, as one page that opens anywhere."""

from __future__ import annotations

from typing import Any

from agentkit.errors import UsageError, checked_keywords
from agentkit.files.reader import rollouts_in
from agentkit.servers.redaction.key_shapes import outgoing
from agentkit.show.export.document import Export
from agentkit.show.export.exported_call import without_secrets
from agentkit.show.notebook.static_view import standalone
from agentkit.types.record import Displayed
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.words import type_in_words

_HINT = "pass a turn, a trajectory or a list of them, a debugger, or what ak.view gives"


@checked_keywords
def html(source: Any) -> Export:
    """Write one HTML file that shows all of it: without scripts, offline, in light and dark.

    Args:
        source: a turn or any record, a rollout or a list of them, a debugger, or what `ak.view`
            takes and gives.

    Raises:
        UsageError: it has no display and holds no rollout.
    """
    return Export(outgoing()(standalone(_shown(source))), "agentkit.html")


def _shown(source: Any) -> Any:
    if isinstance(source, Trajectory):
        return without_secrets(source)
    if isinstance(source, Turn) and source.rollout is not None:
        return without_secrets(source.rollout).turns[-1]
    if isinstance(source, Displayed):
        return source
    try:
        found = tuple(without_secrets(trajectory) for trajectory in rollouts_in(source))
    except UsageError as exc:
        raise UsageError(
            f"{type_in_words(source)} is nothing that can be shown: {exc.message}", hint=_HINT
        ) from None
    return found[0] if len(found) == 1 else found
