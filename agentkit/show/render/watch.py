"""A tap on other agents: what it has seen, and what waits. Ports, tokens and times are others at
every run, so none of them is drawn.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.content.markdown import headline
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, data, excerpt, facts, fold, note, row, whole
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.words import outcome_of
from agentkit.show.render.rollout.turn.call import call_row
from agentkit.tap.flow_list import Picture
from agentkit.tap.hold.pending_flow import DECIDE, PendingFlow, PendingFlows
from agentkit.tap.watch import Watch
from agentkit.trajectory.stitch.link import FlowLink
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, in_line

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FAILURES = 3
"""Failures of ours that are told, the last ones."""
RELATIONS = {"branch": "branch", "side": "side request", "sub": "sub-agent"}
"""Relation of a rollout's first request to what the rollout is called."""


@shown.register(Watch)
def watch_fragments(watch: Watch, limits: Limits) -> dict[str, Html]:
    """Draw what has passed: a line for each rollout, and what waits."""
    in_flight = sum(flow.exchange is None for flow in watch.flows)  # what has passed by now
    seen, waits = watch.heard.picture(), watch.pending
    known = [
        ", ".join(dict.fromkeys(map(server_words, watch.servers.values()))),
        count(len(seen.flows), "request"),
        count(len(seen.rollouts), "rollout"),
        f"{in_flight} in flight" if in_flight else "",
        f"{len(waits)} held" if waits else "",
        f"recorded in {watch.record.name}" if watch.record else "",
        "" if watch.alive else "closed",
    ]
    head = bar(el("strong", "Watch"), facts(*known))
    drawn = {"head": el("header", head, class_="ak-head", data_key="head")}
    begun = first_links(seen)
    for number in [*seen.rollouts][-limits.items :]:
        drawn[f"rollout-{number}"] = _rollout(number, seen.rollouts[number], begun[number])
    rest = len(seen.rollouts) - limits.items
    if rest > 0:
        drawn["more"] = note(f"… {count(rest, 'earlier rollout')}")
    if not seen.flows and not waits:
        words = "Nothing has come yet. An agent is led here by ", code("w.env"), ", or within "
        drawn["empty"] = el("p", words, code("with w:"), class_="ak-title", data_key="empty")
    for i, (failure, _) in enumerate(watch.heard.failures[-_FAILURES:]):  # the hint has the port
        drawn[f"failure-{i}"] = el(
            "p", clip(failure, 300), class_="ak-title", data_key=f"failure-{i}"
        )
    return {**drawn, **pending_fragments(waits, limits)}


def server_words(url: str) -> str:
    """Name a server: one of this machine by where it is alone, as its port may be any."""
    host = urlsplit(url).hostname or url
    return "a server on this machine" if host in _LOOPBACK else host


def first_links(seen: Picture) -> dict[int, FlowLink]:
    """Find the link of each rollout's first request."""
    found: dict[int, FlowLink] = {}
    for link in seen.links.values():
        found.setdefault(link.rollout, link)
    return found


def title_of(trajectory: Trajectory, limit: int) -> str:
    """Give the words that a rollout begins with, on one line: what the user asked first."""
    texts = (message.content for message in trajectory.prompt if message.role == "user")
    return headline(next((text for text in texts if text.strip()), ""), limit)


def stop_words(pending: PendingFlow) -> str:
    """Say which breakpoint holds a flow."""
    point = pending.stop.breakpoint
    return pending.stop.text if point is None else point.text


def changed_mark(pending: PendingFlow) -> Html | None:
    """Say what has been changed; None where nothing was."""
    words = in_line(clip(pending.changed, 160))
    return el("span", words, class_="ak-status ak-warn") if words else None


def _rollout(number: int, trajectory: Trajectory, link: FlowLink) -> Html:
    label, end = trajectory.meta.get("label"), outcome_of(trajectory)
    known: list[Child] = [
        RELATIONS.get(link.relation),
        str(label) if label else None,
        count(len(trajectory.all_turns), "turn"),
        el("span", f"{end.icon} {end.words}", class_=f"ak-status ak-{end.tone}"),
    ]
    named = excerpt(title_of(trajectory, 100), 100)
    return row(f"rollout-{number}", "aside", (str(number), [named, " ", facts(*known)]))


@shown.register(PendingFlows)
def pending_fragments(waits: PendingFlows, limits: Limits) -> dict[str, Html]:
    """Draw each of what waits."""
    found: dict[str, Html] = {}
    for place, pending in enumerate(waits[: limits.items]):
        parts = pending_flow_fragments(pending, limits, f"w.pending[{place}]")
        found |= {f"pending-{place}/{key}": part for key, part in parts.items()}
    rest = len(waits) - limits.items
    if rest > 0:
        found["pending-more"] = note(f"… {rest} more")
    if waits and not limits.details:
        found["pending-do"] = note(DECIDE)
    return found


@shown.register(PendingFlow)
def pending_flow_fragments(
    pending: PendingFlow, limits: Limits, at: str = "pending"
) -> dict[str, Html]:
    """Draw a request as it would go, or an answer as it would come."""
    fate = pending.fate or "waits"
    title = el("strong", f"{'Answer' if pending.side == 'answer' else 'Request'} {fate}")
    label = [pending.label] if pending.label else []
    response, request = pending.response, pending.request
    known = [request.model or "", f"turn {pending.stop.turn}"] if request is not None else []
    brief = [] if limits.details else known
    words = [f"request {pending.number}", *brief, *label]
    head = bar(title, facts(*words, code(stop_words(pending)), changed_mark(pending)))
    drawn = {"head": el("header", head, class_="ak-head", data_key="head")}
    if response is not None:
        if response.content:
            drawn["text"] = row("text", "aside", ("text", data(response.content, limits, at)))
        for i, call in enumerate(response.tool_calls[: limits.items]):
            place = f"{at}.tool_calls[{i}]"
            arrow = None if limits.details else f"→ {i}"
            line = call_row(f"call-{i}", call, limits, place, label=arrow)
            drawn[f"call-{i}"] = el("div", line, class_="ak-part") if limits.details else line
        return drawn
    if request is None:
        body = whole(pending.flow.body, limits, f"{at}.flow.body")
        return {**drawn, "body": row("body", "aside", (code(pending.flow.path), body))}
    for name, value in (
        ("messages", list(request.messages)),
        ("tools", list(request.tools)),
        ("sampling", request.sampling),
    ):
        if value:
            text = whole(pretty(value), limits, f"{at}.request.{name}")
            said = count(len(value), name[:-1]) if name != "sampling" else name
            drawn[name] = row(name, "aside", (name, fold(said, text) if limits.details else said))
    return drawn
