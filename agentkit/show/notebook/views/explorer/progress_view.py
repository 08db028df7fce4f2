"""How far a batch is, while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.files.columns import ending_words
from agentkit.show.html import Child, Html, el
from agentkit.show.notebook.live import LiveView
from agentkit.show.render.rollout.table import tone_of
from agentkit.types.words import count

_BAR = 170
"""Width of the bar, in px."""
_TONES = {"good": "ok", "bad": "error", "quiet": "warn", "warn": "warn"}


class ProgressView(LiveView):
    """How many rollouts have ended, and how; what they come to so far, and when it ends. A page can
    stop it.
    """

    scripts = ("progress",)

    def __init__(self, target: Progress) -> None:
        super().__init__(target)
        self._begun = time.monotonic()
        target.watch(lambda _: self.refresh_soon())

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is shown, in order."""
        now: Any = self.target
        if now is None:
            return self.rows()
        side = f"{now.name}: " if now.name else ""
        title = el("strong", f"{side}{now.done:,} of {count(now.asked, 'rollout')}")
        facts = [el("span", fact) for fact in self._facts(now)]
        chips = [
            el(
                "span",
                f"{_sign(reason)} {number:,} {ending_words(reason, 0)}",
                class_=_chip(reason),
            )
            for reason, number in now.ended.most_common()
        ]
        line: list[Child] = [title, _bar(now), *facts, el("span", chips, class_="ak-batch-ends")]
        return {"progress": el("div", line, class_="ak-batch", data_key="progress")}

    def state(self) -> dict[str, Any]:
        """Describe whether it can still be stopped."""
        now: Any = self.target
        running = now is not None and now.done < now.asked
        return {"running": running, "stopping": now is not None and now.stopping}

    def do_stop(self) -> None:
        """Begin no further rollout."""
        now: Any = self.target
        if now is not None:
            now.stop()

    def _facts(self, now: Progress) -> list[str]:
        """Write what runs, how fast, what it came to, and when it ends."""
        new = now.done - now.earlier
        elapsed = time.monotonic() - self._begun
        rate = new / elapsed if elapsed > 1 else 0.0
        left = (now.asked - now.done) / rate if rate else 0.0
        running = now.begun - now.done
        return [
            *([f"{running:,} running"] if running else []),
            *([f"{len(now.held):,} with {now.holders}"] if now.held else []),
            *([f"{now.earlier:,} from the file"] if now.earlier else []),
            *([f"{rate:.3g}/s"] if rate and running else []),
            *([f"reward {sum(now.rewards) / len(now.rewards):.2f}"] if now.rewards else []),
            count(now.turns, "turn"),
            f"{now.tokens:,} tokens",
            *([f"about {_span(left)} left"] if left and running and not now.stopping else []),
            *(["stopping: what runs is ended"] if now.stopping and running else []),
        ]


def _span(elapsed: float) -> str:
    return f"{elapsed:.0f} s" if elapsed < 90 else f"{elapsed / 60:.0f} min"


def _tone(reason: str) -> str:
    return "error" if reason == "raised" else _TONES[tone_of(ending_words(reason, 0))]


def _sign(reason: str) -> str:
    return {"ok": "✓", "error": "✕", "warn": "▲"}[_tone(reason)]


def _chip(reason: str) -> str:
    tone = {"ok": "good", "error": "bad", "warn": "warn"}[_tone(reason)]
    return f"ak-chip ak-{tone}"


def _bar(now: Progress) -> Html:
    """Draw how much has ended, and how."""
    shapes, at = [], 0.0
    for tone in ("ok", "warn", "error"):
        number = sum(n for reason, n in now.ended.items() if _tone(reason) == tone)
        width = _BAR * number / max(1, now.asked)
        color = f"ak-bar-{tone}"
        shapes.append(el("rect", x=f"{at:.1f}", width=f"{width:.1f}", height=6, class_=color))
        at += width
    said = f"{now.done} of {now.asked} have ended"
    whole = el("rect", width=_BAR, height=6, class_="ak-bar-all")
    return el("svg", whole, shapes, viewBox=f"0 0 {_BAR} 6", role="img", aria_label=said)
