"""`ak.check`: what a server serves, and what is wrong with it, without a prompt of the user's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

from agentkit.agent.batch.progress import shown
from agentkit.agent.event_loop import refuse_await, run
from agentkit.analysis.check.across import compared_cells
from agentkit.analysis.check.battery import Battery, earlier_of
from agentkit.analysis.check.cell import FORMS, CheckCell, Verdict
from agentkit.analysis.check.scenarios import SCENARIOS
from agentkit.analysis.check.server_check import ServerCheck
from agentkit.analysis.check.verdict import judged
from agentkit.errors import UsageError, checked_keywords, suggest
from agentkit.files.cassette.writer import used
from agentkit.files.claims import RunWriter, run_writer
from agentkit.servers.clients import as_server
from agentkit.types.answer import Dialect


@checked_keywords
def check(
    server: Any,
    model: str | None = None,
    *,
    dialects: Iterable[str] | None = None,
    scenarios: Iterable[str] | None = None,
    sampling: Mapping[str, Any] | None = None,
    requests: int = 200,
    timeout: float | None = 900.0,
    concurrency: int = 8,
    record: Any = None,
    resume: Any = None,
    progress: bool | None = None,
) -> ServerCheck:
    """Ask a server some fifteen things in every dialect it serves, as block and as stream, and
    return what is wrong in each.

    The tools it offers do nothing. An interrupt is raised as it is, with what had been answered as
    its `check`; with a record, the same call with `resume` goes on.

    Args:
        server: a URL, an `ak.Server`, an openai or anthropic client.
        model: the name the server knows it by.
        dialects: `chat`, `responses`, `messages`; by default all that the server answers to.
        scenarios: names of what to ask; by default everything.
        sampling: fields of every request; `temperature` is 0 unless it is given here (None leaves
            it out, for models that refuse it).
        requests: model calls at most.
        timeout: seconds at most; None for no limit. What is not asked by then stays open.
        concurrency: conversations under way at once.
        record: a path; every finished step is written to this cassette.
        resume: the path of an earlier check, or its result; what has ended is not asked again.
        progress: None: shown in a notebook or a terminal; False: never; True: also where standard
            error is no terminal.

    Raises:
        UsageError: no server, a dialect or scenario that is none, a number below 1.
    """
    refuse_await("ak.check()", "await asyncio.to_thread(ak.check, server, model)")
    for name, number in (("requests", requests), ("concurrency", concurrency)):
        if type(number) is not int or number < 1:
            raise UsageError(f"{name} is {number!r}", hint="give a whole number from 1 up")
    cells = _cells(dialects, scenarios)
    path = resume if record is None and isinstance(resume, (str, Path)) else record
    # before the record is opened, which may be the same file
    earlier = earlier_of(resume) if resume is not None else None
    with ExitStack() as stack:
        writer = _writer(path, stack)
        runs = Battery(
            cells,
            model,
            as_server(server),
            requests=requests,
            seconds=timeout,
            concurrency=concurrency,
            sampling=_sampling(sampling),
            writer=writer,
            earlier=earlier,
        )
        stack.callback(shown(runs.progress, progress))
        try:
            run(runs.run())
        except BaseException as exc:
            exc.check = result_of(runs.cells, model)  # type: ignore[attr-defined]
            exc.add_note("what had been answered is kept: sys.last_value.check")
            raise
    return result_of(runs.cells, model)


def result_of(cells: Iterable[CheckCell], model: str | None) -> ServerCheck:
    """Judge the cells by themselves and beside each other."""
    return ServerCheck(compared_cells([judged(cell) for cell in cells]), model=model)


def _sampling(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Add what every request has; a field that is None is left out."""
    asked = {"temperature": 0, **(given or {})}
    return {name: value for name, value in asked.items() if value is not None}


def _writer(path: Any, stack: ExitStack) -> RunWriter | None:
    """Open the record, if there is one, for as long as the check runs."""
    if path is None:
        return None
    stack.enter_context(used(path, alone=False))
    writer = run_writer(path, alone=False)
    stack.callback(writer.close)
    writer.open()
    return writer


def _cells(dialects: Iterable[str] | None, scenarios: Iterable[str] | None) -> list[CheckCell]:
    asked: tuple[Dialect, ...] = get_args(Dialect)
    chosen = _chosen(dialects, asked, "dialect")
    names = _chosen(scenarios, tuple(scenario.name for scenario in SCENARIOS), "scenario")
    found = []
    for dialect in (dialect for dialect in asked if dialect in chosen):
        for scenario in (scenario for scenario in SCENARIOS if scenario.name in names):
            verdict: Verdict = "open" if dialect in scenario.dialects else "absent"
            found += [
                CheckCell(scenario=scenario, dialect=dialect, form=form, verdict=verdict)
                for form in FORMS
            ]
    return found


def _chosen(given: Iterable[str] | None, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    if given is None:
        return known
    found = (given,) if isinstance(given, str) else tuple(given)
    wrong = next((name for name in found if name not in known), None)
    if wrong is not None or not found:
        hint = suggest(str(wrong), known, f"choose from: {', '.join(known)}")
        raise UsageError(f"no {what} is named {wrong!r}", hint=hint)
    return found
