"""Whether a dialect can do what is asked for."""

from __future__ import annotations

from agentkit.dialects.responses.chain import check_store
from agentkit.errors import UsageError
from agentkit.types.request import Spec


def check_dialect(spec: Spec) -> None:
    """Check that the dialect can do what a rollout is to be run with.

    Raises:
        UsageError: it cannot.
    """
    if spec.chain and spec.dialect != "responses":
        raise UsageError(
            f"the dialect {spec.dialect!r} has no chain",
            hint="chain=True goes with dialect='responses': only its servers keep answers",
        )
    check_store(spec)
    wanted = {**spec.sampling, **(spec.sampling.get("extra_body") or {})}.get("n")
    if spec.dialect != "chat" and wanted not in (None, 1):
        raise UsageError(
            f"the dialect {spec.dialect!r} gives one answer to a request, not n={wanted!r}",
            hint="ak.rollouts(agent, prompts, n=8) asks for each, dbg.rerun(n=8) in a debugger",
        )
