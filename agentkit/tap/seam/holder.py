"""What the kernel and the process that carries the bytes say to each other, and where a request or
an answer can be stopped on its way.

A message is one line on a pipe: its kind, a blank, JSON. From the carrier:

    ready {"port": 8401}                    it listens
    began {flow}                            a request has come; its answer has not
    piece {"number": 3, "at": 0.2, "text": "data: …"}   of a stream; only while somebody follows
    ended 3 {flow}                          the flow is whole, and is in the record already
    failed {"message": "…", "number": 3}    agentkit itself failed; the bytes went through
    hold {…}                                of `Holder`, in its own words

And from the kernel:

    follow {"pieces": true}                 somebody looks at streams, or does no more
    sync 5                              answered by `synced 5` once all that passed is told of
    secrets ["…"]                           values that no record may hold
    hold {…}                                for `Holder.hear`
    close {}                                end: new requests are refused, those in flight go on

**Holding.** The carrier has one `Holder` (`agentkit.tap.hold`, made by `carrier.process`). Where
its `requests` or `answers` is false, nothing is asked and nothing waits. Where it is true, each
request is read whole before it leaves, and each answer is read whole before the agent gets a byte:

    verdict = await holder.request(passing, outlet)     # before it leaves
    verdict = await holder.answer(passing, outlet)      # passing has status, headers and pieces

The holder asks the kernel with a `hold` message, keeps the client waiting by `outlet.inform(102)`
or by an answer that has begun already, and gives a `Verdict`. It must let go when the kernel is
gone (`release` is called then), and it is cancelled where the client goes away. What it raises is a
problem of the flow, and the bytes pass as they were.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from agentkit.tap.seam.outlet import Outlet
    from agentkit.tap.seam.passing import Passing


@dataclass(frozen=True, slots=True)
class Substitute:
    """An answer in place of the server's."""

    status: int = 200
    """HTTP status."""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    """Headers, without those that frame it."""
    pieces: tuple[bytes, ...] = ()
    """The body, in the pieces in which it is written."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of what was stopped; as it stands, it passes as it came."""

    body: bytes | None = None
    """Another body of the request; None leaves it."""
    answer: Substitute | None = None
    """An answer that the agent gets: the request does not leave, or the server's is dropped."""
    waited: float | None = None
    """Seconds for which a person held it; None where nobody did."""


PASS = Verdict()
"""Let it pass as it came."""


class Holder(Protocol):
    """Who stops requests and answers, in the process that carries them."""

    requests: bool
    """Whether requests are asked about."""
    answers: bool
    """Whether answers are asked about, and so are read whole before they pass."""

    async def request(self, passing: Passing, outlet: Outlet) -> Verdict:
        """Stop a request, or let it pass."""

    async def answer(self, passing: Passing, outlet: Outlet) -> Verdict:
        """Stop an answer, or let it pass."""

    def keep(self, passing: Passing, outlet: Outlet) -> AbstractAsyncContextManager[None]:
        """Keep the client waiting while an answer is read whole."""

    def hear(self, message: Any) -> None:
        """Take a `hold` message of the kernel, on the event loop."""

    def release(self) -> None:
        """Let everything go: the kernel is gone."""


@dataclass(slots=True)
class Open:
    """A holder that stops nothing."""

    requests: bool = False
    answers: bool = False

    async def request(self, passing: Passing, outlet: Outlet) -> Verdict:
        """Let it pass."""
        return PASS

    async def answer(self, passing: Passing, outlet: Outlet) -> Verdict:
        """Let it pass."""
        return PASS

    def keep(self, passing: Passing, outlet: Outlet) -> AbstractAsyncContextManager[None]:
        """Do nothing for that."""
        return nullcontext()

    def hear(self, message: Any) -> None:
        """Hear nothing."""

    def release(self) -> None:
        """Let nothing go: nothing is stopped."""
