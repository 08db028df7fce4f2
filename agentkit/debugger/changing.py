"""What a person changes in a debugger's rollout: answers, results, prompts, branches, notes."""

from __future__ import annotations

from typing import Any, Self

from agentkit.agent.event_loop import run
from agentkit.debugger.cursor.cursor import Cursor
from agentkit.errors import checked_keywords
from agentkit.trajectory.edit import UNSET
from agentkit.trajectory.person.notes import Remark, remarks_of
from agentkit.types.record import Drawn


@checked_keywords
class Changing(Drawn):
    """The changes of a debugger. Each has the cursor's method of the same name run on the
    background thread, and waits for it.
    """

    _cursor: Cursor

    def restart(self) -> Self:
        """Begin again from the prompt, on a new branch; breakpoints stay.

        Raises:
            Busy: a step is running.
        """
        run(self._cursor.restart())
        return self

    def edit(
        self,
        turn: int | None = None,
        call: int = 0,
        *,
        message: Any = UNSET,
        result: Any = UNSET,
        arguments: Any = UNSET,
        prompt: Any = UNSET,
        sampling: Any = UNSET,
    ) -> Self:
        """Change one thing, on a new branch: what depended on it is dropped. The original stays in
        `tree`.

        Args:
            turn: which turn, counting from 0; by default the last that has an answer, for
                `sampling` the one in progress.
            call: which call of the turn, for `result` and `arguments`.
            message: the answer in place of the model's, in any form `ak.read_response` reads.
            result: what the tool should have returned.
            arguments: what the call should have had, as a dict.
            prompt: a text in place of the last user message, or a list of messages in place of all;
                with `turn`, in place of the messages before it.
            sampling: fields merged over the sampling of this turn.

        Raises:
            UsageError: not exactly one thing is changed, or it cannot be used.
            NotFound: there is no such turn or call.
            Busy: a step is running.
        """
        run(
            self._cursor.edit(
                turn,
                call,
                message=message,
                result=result,
                arguments=arguments,
                prompt=prompt,
                sampling=sampling,
            )
        )
        return self

    def rerun(self, turn: int | None = None, n: int = 1) -> Self:
        """Ask the model again with the same request, n times side by side: each answer begins a new
        branch, and the debugger goes to the first; `take` goes to another.

        Args:
            turn: which turn is asked for again; by default the last that has an answer.
            n: how many answers.

        Raises:
            NotFound: there is no such turn.
            Busy: a step is running.
        """
        run(self._cursor.rerun(turn, n))
        return self

    @property
    def samples(self) -> tuple[str, ...]:
        """The branches of the last rerun's answers, in the order they were asked for."""
        return self._cursor.samples

    def take(self, sample: int) -> Self:
        """Go on with one of the answers of the last rerun, counted from 0.

        Raises:
            NotFound: there is no such answer.
            Busy: a step is running.
        """
        run(self._cursor.take(sample))
        return self

    def use(self, message: Any = UNSET) -> Self:
        """Make what came of an answer that broke off the answer of its turn, on a new branch: its
        text, its reasoning, and the calls that came whole.

        Args:
            message: what to use in its place, in any form `ak.read_response` reads.

        Raises:
            NotFound: no answer broke off here.
            UsageError: nothing came of it.
            Busy: a step is running.
        """
        run(self._cursor.use(message))
        return self

    def discard(self) -> Self:
        """Go on without what came of an answer that broke off, on a new branch.

        Raises:
            NotFound: no answer broke off here.
            Busy: a step is running.
        """
        run(self._cursor.discard())
        return self

    def say(self, prompt: Any) -> Self:
        """Add a message for the next turn; this goes on after a final answer too. Calls still
        pending are answered as cancelled.

        Raises:
            UsageError: it is neither a text nor a list of messages.
            Busy: a step is running.
        """
        run(self._cursor.say(prompt))
        return self

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """The notes and labels of the rollout, its turns and its calls, in the order given."""
        return remarks_of(self._cursor.engine.tip)

    def note(self, text: str, turn: int | None = None, call: int | None = None) -> Self:
        """Keep a note with the rollout, or with a turn, or with a call of it. It is saved with the
        rollout, as `meta["notes"]`.

        Args:
            text: what it says.
            turn: which turn, from 0; None: the whole rollout.
            call: which call of the turn; None: the whole turn.

        Raises:
            UsageError: it is no text, or empty.
            NotFound: there is no such turn or call.
        """
        run(self._cursor.note(text, turn, call))
        return self

    def label(self, text: str, turn: int | None = None, call: int | None = None) -> Self:
        """Give a label to the rollout, a turn or a call: a short text to group and filter by. It is
        saved with the rollout, as `meta["notes"]`.

        Args:
            text: what it says.
            turn: which turn, from 0; None: the whole rollout.
            call: which call of the turn; None: the whole turn.

        Raises:
            UsageError: it is no text, empty, too long, or has a comma.
            NotFound: there is no such turn or call.
        """
        run(self._cursor.label(text, turn, call))
        return self

    def unlabel(self, text: str, turn: int | None = None, call: int | None = None) -> Self:
        """Take a label away.

        Args:
            text: what it says.
            turn: which turn, from 0; None: the whole rollout.
            call: which call of the turn; None: the whole turn.

        Raises:
            NotFound: it is not there.
        """
        run(self._cursor.unlabel(text, turn, call))
        return self

    def unnote(self, text: str, turn: int | None = None, call: int | None = None) -> Self:
        """Take a note away.

        Args:
            text: what it says.
            turn: which turn, from 0; None: the whole rollout.
            call: which call of the turn; None: the whole turn.

        Raises:
            NotFound: it is not there.
        """
        run(self._cursor.unnote(text, turn, call))
        return self
