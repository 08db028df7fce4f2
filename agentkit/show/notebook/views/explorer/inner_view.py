"""A view inside another: a debugger, a conversation, two rollouts beside each other, each with the
script it always has. What it says and hears goes through the view that it stands in.
"""

from __future__ import annotations

from typing import Any

from agentkit.show.notebook.live import LiveView


class InnerView:
    """The half of a live view that holds another one."""

    reply: Any
    send: Any

    def __init__(self, target: Any) -> None:
        super().__init__(target)  # type: ignore[call-arg]
        self._inner: LiveView | None = None
        self._inside: Any = None
        self._number = 0

    def _put_in(self, kind: type[LiveView], shows: Any) -> int:
        """Show another view inside from now on, and return its number.

        Args:
            kind: the view's class.
            shows: what it shows, which is held as long.
        """
        self._take_out()
        self._number += 1
        number = self._number
        inner = kind.inside(shows)
        self._inner, self._inside = inner, shows

        def say(content: Any, buffers: Any = None) -> None:
            self.send({"type": "inner", "number": number, "content": content}, buffers)

        inner.send = say
        return number

    def _take_out(self) -> None:
        if self._inner is not None:
            for page in [*self._inner._pages]:
                self._inner.forget(page)
        self._inner = self._inside = None

    def do_module(self) -> None:
        """Send the page that asks the script of the view inside."""
        if self._inner is not None:
            script = str(self._inner._esm)
            told = {"type": "inner", "number": self._number, "module": script}
            self.reply(told, [self._inner.packed])

    def do_inner(self, content: dict[str, Any]) -> None:
        """Pass on what the page of the view inside says."""
        if self._inner is not None:
            self._inner._heard(content)
