"""What a page shows of a tap beside what waits: the line of facts, requests in flight, rollouts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from agentkit.files.columns import token_sum
from agentkit.read.response import read_response
from agentkit.show.notebook.page_parts import Part, button, part
from agentkit.show.render.parts.words import outcome_of
from agentkit.show.render.watch import RELATIONS, title_of
from agentkit.tap.flow_list import Picture
from agentkit.tap.watch import Watch
from agentkit.trajectory.stitch.link import FlowLink
from agentkit.trajectory.trouble.points import problem_count
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk, Exchange, Flow
from agentkit.types.words import count, in_line, seconds

MOST_ROWS = 300
"""Rollouts that are listed, the newest."""
_IN_FLIGHT = 8
"""Requests in flight that are drawn."""
_ICONS = {"good": "ok", "warn": "warn", "bad": "error", "quiet": "wait"}
_READ = 60_000
"""Characters of an answer on its way that are read for the words it has come to."""


class Summary(NamedTuple):
    """What a rollout comes to, kept while it is the same rollout."""

    rollout: Trajectory
    title: str
    problems: int
    tokens: int | None
    """Written; None where no answer says it."""


class Flights(NamedTuple):
    """Where the requests of the rollouts stand."""

    first: dict[int, FlowLink]
    """The link of each rollout's first request."""
    open: dict[int, list[Flow]]
    """The requests in flight of each rollout; -1: of none."""
    spans: dict[int, tuple[float, float]]
    """When each rollout began, and when the last of its answers had come; Unix time."""


def summary_of(rollout: Trajectory) -> Summary:
    """Sum up a rollout."""
    tokens = token_sum(rollout, "output_tokens")
    return Summary(rollout, title_of(rollout, 90), problem_count(rollout), tokens)


def flights_of(seen: Picture) -> Flights:
    """Find where the requests of each rollout stand."""
    found = Flights({}, defaultdict(list), {})
    for number, flow in seen.flows.items():
        link = seen.links.get(number)
        rollout = -1 if link is None else link.rollout
        if link is not None:
            found.first.setdefault(rollout, link)
        if flow.exchange is None:
            found.open[rollout].append(flow)
        begun, last = found.spans.get(rollout, (flow.started or 0.0, 0.0))
        end = (flow.started or 0.0) + ((flow.exchange and flow.exchange.elapsed) or 0.0)
        found.spans[rollout] = (begun, max(last, end))
    return found


def head_parts(watch: Watch, seen: Picture, sums: Iterable[Summary], held: int) -> list[Part]:
    """Describe the line of facts: the state first, then what it comes to, then what is wrong."""
    flying = sum(flow.exchange is None for flow in seen.flows.values())
    alive = watch.alive
    state = part(
        "span.ak-state.ak-is-model" if alive else "span.ak-state.ak-quiet",
        part("span.ak-dot") if alive else None,
        part("strong", "Watching" if alive else "Closed"),
        icon=None if alive else "stop",
        role="status",
    )
    asked = ", ".join(watch.servers.values())
    facts = [
        _fact(f"{len(seen.rollouts):,}", "rollout" if len(seen.rollouts) == 1 else "rollouts"),
        *([_fact(f"{flying:,}", "in flight")] if flying else []),
        _fact(f"{len(seen.flows):,}", "request" if len(seen.flows) == 1 else "requests"),
    ]
    whom = part("span.ak-fact.ak-whom", f"→ {asked}", title=asked)
    kept = watch.record
    if kept is not None:
        facts.append(part("span.ak-fact.ak-whom", f"→ {kept.name}", title=str(kept), icon="save"))
    wrong = sum(one.problems for one in sums)
    chips = [
        part("span.ak-chip.ak-acc", f"{held:,} held", icon="pause") if held else None,
        part("span.ak-chip.ak-warn", f"{wrong:,}", icon="warn", title=count(wrong, "problem"))
        if wrong
        else None,
    ]
    return [state, whom, *facts, part("span.ak-grow"), *filter(None, chips), *_failed(watch)]


def _failed(watch: Watch) -> list[Part]:
    """Tell what failed last of ours; the page keeps no hint, which has the port."""
    words = [in_line(clip(failure, 300)) for failure, _ in watch.heard.failures[-3:]]
    if not words:
        return []
    return [part("span.ak-chip.ak-warn", clip(words[-1], 60), icon="warn", title="\n".join(words))]


def _fact(value: str, word: str) -> Part:
    return part("span.ak-fact", part("b", value), f" {word}")


def bar_parts(points: int, waits: int) -> list[Part]:
    """Describe what opens the rules, and what lets all go."""
    word = f"Hold: {count(points, 'rule')}" if points else "Hold…"
    rules = button(word, kind="ak-line", icon="pause", data_panel="rules")
    words = "everything goes on as it came, and the rules are taken away"
    let = button("Let all go", "let_go", kind="ak-line", icon="run", title=words)
    return [rules, *([let] if points or waits else [])]


def flight_parts(
    seen: Picture,
    flights: Flights,
    coming: Mapping[int, tuple[Chunk, ...]],
    held: Collection[int],
) -> list[Part]:
    """Describe the requests in flight; the page lets their clocks run."""
    flying = sorted(
        (flow for flows in flights.open.values() for flow in flows),
        key=lambda flow: (flow.number not in held, flow.number),
    )
    rows = [
        _flight(flow, seen.links.get(flow.number), coming.get(flow.number, ()), flow.number in held)
        for flow in flying[:_IN_FLIGHT]
    ]
    if not rows:
        return []
    rest = len(flying) - len(rows)
    more = [part("small.ak-wmore", f"{rest:,} more in flight")] if rest > 0 else []
    return [part("strong", "In flight"), *rows, *more]


def _flight(flow: Flow, link: FlowLink | None, coming: tuple[Chunk, ...], held: bool) -> Part:
    name = f"rollout {link.rollout}" if link else f"request {flow.number}"
    where = f"turn {link.turn}" if link else in_line(clip(flow.path, 60))
    first = coming[0].at if coming else None
    kind = "held" if held else "writing" if coming else "waiting"
    words = {
        "held": "held: it waits for you",
        "writing": f"writing{_words_of(coming)}",
        "waiting": "waiting for the first token",
    }[kind]
    label = [part("span.ak-chip", in_line(clip(flow.label, 40)))] if flow.label else []
    bar = part("span.ak-wtrack", part("i"), part("i.ak-wfill"), aria_hidden="true")
    return part(
        f"div.ak-wflight.ak-w-{kind}",
        part("span.ak-wname", name, *label),
        part("span.ak-fact", where),
        bar,
        part("span.ak-number", part("span", "", data_tick="")),
        part("span.ak-cut", words),
        data_started=f"{flow.started or 0:.3f}",
        data_first=None if first is None else f"{first:.3f}",
    )


def _words_of(coming: tuple[Chunk, ...]) -> str:
    """Write the last words of an answer on its way."""
    if sum(len(chunk.text) for chunk in coming) > _READ:
        return f", {len(coming):,} pieces"
    answer = read_response(Exchange(status=200, chunks=coming))
    calls = [call.name for call in answer.tool_calls if call.name]
    text = answer.content or answer.reasoning or ""
    last = in_line(text[-60:])
    said = f": …{last}" if len(text) > 60 else f": {last}" if last else ""
    return f" {clip(calls[-1], 40)}(…" if calls else said


def rollout_parts(
    number: int, one: Summary, flights: Flights, held: Collection[int], open_: bool
) -> Part:
    """Describe the line of a rollout: its state, its first words, turns, tokens, problems, time."""
    flying = flights.open.get(number, [])
    link = flights.first[number]
    waits = [flow for flow in flying if flow.number in held]
    end = outcome_of(one.rollout, one.problems)
    if waits:
        icon, tone, state = "pause", "acc", "held"
    elif flying:
        icon, tone, state = "wait", "is-model", "in flight"
    elif one.rollout.stop_reason is None:
        icon, tone, state = "more", "is-tool", f"with the agent · {end.words}"
    else:
        icon, tone, state = _ICONS[end.tone], end.tone, end.words
    relation = RELATIONS.get(link.relation, "")
    label = one.rollout.meta.get("label")
    chips = [part("span.ak-chip", in_line(clip(str(w), 40))) for w in (relation, label) if w]
    turns = len(one.rollout.all_turns)
    begun, last = flights.spans[number]
    wrong = part("span.ak-wwrong.ak-warn", f"{one.problems}", icon="warn") if one.problems else None
    running = {"data_started": f"{begun:.3f}"} if flying else {}
    took = "" if flying else seconds(max(0.0, last - begun))
    said = f"rollout {number}, {state}, {count(turns, 'turn')}"
    written = "" if one.tokens is None else f"{one.tokens:,}"
    return part(
        "button.ak-wrow",
        part(f"span.ak-wicon.ak-{tone}", icon=icon, title=state),
        part("span.ak-wnum", f"{number}"),
        part("span.ak-cut", one.title or "no words", title=one.title or None),
        *chips,
        wrong,
        part("span.ak-wturns", f"{turns}", title=count(turns, "turn")),
        part("span.ak-wtokens", written, title="tokens written" if written else None),
        part("span.ak-wtime", took, data_tick="", **running),
        type="button",
        do="open",
        args={"number": number},
        role="option",
        aria_label=f"{said}, {written} tokens" if written else said,
        aria_selected=open_,
        data_rollout=str(number),
    )
