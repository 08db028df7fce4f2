"""What the line under the toolbar tells of a rollout: its state in words, and its numbers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from agentkit.show.notebook.page_parts import Part, part
from agentkit.show.notebook.views.debugger.turn_list import TurnSums
from agentkit.show.render.parts.words import money
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, in_line, visible

_NO_ANSWER = {
    "max_turns": "the limit of model calls was reached",
    "length": "the answer was cut at the token limit",
    "content_filter": "a content filter stopped the answer",
}


def facts(trajectory: Trajectory, sums: TurnSums, address: str = "") -> dict[str, Any]:
    """Sum up a rollout in numbers; what is not known is None.

    Args:
        trajectory: the rollout.
        sums: what its turns come to.
        address: where it asks; by default where its last answer came from.
    """
    url = address or _address(trajectory)
    speed = sums.written / sums.writing if sums.written and sums.writing > 0.01 else None
    cached = round(100 * sums.cached / sums.read) if sums.cached and sums.read else None
    return {
        "model": in_line(clip(trajectory.spec.model or "", 120)),
        "dialect": "" if trajectory.spec.dialect == "chat" else f"{trajectory.spec.dialect} API",
        "server": in_line(clip(_host(url), 80)),
        "address": in_line(clip(url, 200)),
        "turns": len(trajectory.turns),
        "most": trajectory.spec.max_turns,
        "read": sums.read,
        "cached": cached,
        "written": sums.written,
        "speed": None if speed is None else round(speed, 1 if speed < 10 else None),
        "cost": money(sums.cost) if trajectory.spec.prices and trajectory.turns else "",
        "elapsed": None if sums.elapsed is None else round(sums.elapsed, 2),
    }


def fact_parts(state: dict[str, Any], known: dict[str, Any]) -> list[Part]:
    """Describe the facts as a line tells them: what it came to, or while it runs what has come so
    far; what counts on there is empty.

    Args:
        state: what is known of the rollout.
        known: its numbers, as `facts` sums them up.
    """
    arriving, here = state.get("arriving"), state.get("here")
    whom = " on ".join(filter(None, (known["model"], known["server"])))
    found: list[Part | None] = [
        part("span.ak-fact.ak-whom", whom, title=known["address"]) if whom else None,
        part("span.ak-fact", known["dialect"]) if known["dialect"] else None,
        part("span.ak-fact.ak-more", more) if (more := state["status"]["more"]) else None,
        _fact("branch ", state["branch"]) if state.get("branches", 1) > 1 else None,
    ]
    if state.get("running"):
        found += [
            _fact("turn ", f"{here[0]}") if here else None,
            _fact("", "", data_tick="step"),
            _fact("first token ", _clock(arriving[0])) if arriving else None,
            _fact("written ", f"{arriving[1]:,}", " tokens so far") if arriving else None,
            _fact("total ", "", data_tick="all"),
        ]
    else:
        most = f" of {known['most']}" if known["most"] else ""
        found += [
            _fact("turns ", f"{known['turns']}", most) if known["turns"] or most else None,
            _fact("read ", f"{known['read']:,}") if known["read"] else None,
            _fact("cached ", f"{known['cached']} %") if known["cached"] else None,
            _fact("written ", f"{known['written']:,}", " tokens") if known["written"] else None,
            _fact("", f"{known['speed']:,}", " tok/s") if known["speed"] else None,
            _fact("", known["cost"]) if known["cost"] else None,
            _fact("", _clock(known["elapsed"])) if known["elapsed"] else None,
        ]
    return [each for each in found if each is not None]


def _fact(label: str, value: str, more: str = "", **given: str) -> Part:
    return part("span.ak-fact", label or None, part("b", value, **given), more or None)


def _clock(elapsed: float) -> str:
    if elapsed < 60:
        return f"{elapsed:.2f} s" if elapsed < 10 else f"{elapsed:.1f} s"
    return f"{int(elapsed // 60)} min {int(elapsed % 60)} s"


def problem_parts(errors: int, warnings: int, ended: bool) -> list[Part]:
    """Describe how many problems there are: a button each that goes to the first."""
    found: list[Part] = []
    for number, word, icon, tone in (
        (errors, "error", "error", "bad"),
        (warnings, "warning", "warn", "warn"),
    ):
        if number:
            title = f"go to the first {word} (N: the next problem)"
            given = {"type": "button", "icon": icon, "title": title, "data_word": word}
            words = part("span", count(number, word))
            found.append(part(f"button.ak-chip.ak-{tone}", words, **given))
    return found or ([part("span.ak-fact", "no problems")] if ended else [])


def _address(trajectory: Trajectory) -> str:
    """Read where the last answer came from, without what may hold a key."""
    turns = trajectory.all_turns
    url = turns[-1].response.exchange.url if turns else None
    return bare(url or "")


def bare(url: str) -> str:
    """Take user, password and query out of an address."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:  # no address at all
        return ""
    return f"{parts.scheme}://{host}{parts.path}" if host else ""


def _host(url: str) -> str:
    return urlsplit(url).netloc if url else ""


def outcome(trajectory: Trajectory, problems: int) -> dict[str, str]:
    """Name the state of a rollout that nobody drives."""
    stop, error = trajectory.stop_reason, trajectory.error
    if stop in ("error", "content_filter") and error is not None:
        about = in_line(clip(error.kind, 80))
        return _state("failed", refusal(trajectory), about)
    if stop == "final":
        if not _answers(trajectory):
            return _state("none", "No answer", "the model stopped without one")
        if problems:
            return _state("flawed", f"Answered, with {count(problems, 'problem')}")
        return _state("answered", "Answered")
    if stop == "stopped":
        return _state("stopped", "Stopped", "it can go on")
    if stop is not None:
        return _state("none", "No answer", _NO_ANSWER.get(stop, visible(clip(str(stop)))))
    if trajectory.pending:
        waits = count(len(trajectory.pending), "call")
        return _state("paused", "Open", f"{waits} without a result")
    return _state("paused", "Open", "it can go on")


def refusal(trajectory: Trajectory) -> str:
    """Tell a server that failed from a request that it refused."""
    status = trajectory.error.status if trajectory.error else None
    return "Request refused" if status and 400 <= status < 500 else "Server failed"


def _answers(trajectory: Trajectory) -> bool:
    last = trajectory.turns[-1].response if trajectory.turns else None
    return last is None or bool((last.content or last.refusal or "").strip())


def _state(kind: str, word: str, more: str = "") -> dict[str, str]:
    return {"kind": kind, "word": word, "name": "", "more": more}
