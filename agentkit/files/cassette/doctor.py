"""`ak.cassette.doctor`: what in a file keeps its rollouts from being repeated, looked for rollout
by rollout.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from agentkit.errors import CassetteError, checked_keywords
from agentkit.files.cassette.checkup import HINTS, Checkup, Finding
from agentkit.files.cassette.codec import MISFIT, RolloutReading, begun, refusal, with_given
from agentkit.files.cassette.line.line_steps import reason_of
from agentkit.files.cassette.line.line_text import Unread, decoded, is_line
from agentkit.files.cassette.lines import NOTES, VERSION
from agentkit.files.cassette.volatile import secrets, volatile
from agentkit.files.path import to_read
from agentkit.trajectory.history import request_fields
from agentkit.trajectory.loop import FAILED
from agentkit.trajectory.sent_history import EncodedHistory
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.words import with_article

_KNOWN_STEPS = frozenset(
    {"model", "tool", "open", "close", "end", "meta", "adopt", "change", "stream", *NOTES}
)
_RANDOM_ID = re.compile(r"[0-9a-f]{16,}|[A-Za-z0-9]{20,}")


@checked_keywords
def doctor(path: Any) -> Checkup:
    """Examine a file for what makes its rollouts unrepeatable. Linear, one rollout in memory at a
    time.

    Raises:
        FileNotFoundError: there is no such file.
        CassetteError: it is not a cassette.
    """
    exam = _Exam()
    target = to_read(path)
    with open(target, "rb") as file:
        for number, text in enumerate(file, 1):
            exam.line(number, text)
    exam.close()
    return Checkup(target.name, exam.findings, exam.rollouts, exam.turns)


class _Exam:
    """An examination of a file line by line; a rollout is looked at as it grows, and forgotten when
    it has ended.
    """

    def __init__(self) -> None:
        self.rollouts = self.turns = 0
        self._found: dict[tuple[str, str], Finding] = {}
        self._patients: dict[Any, _Patient] = {}
        self._refused: CassetteError | None = None
        self._answers: dict[bytes, tuple[bytes, str]] = {}

    @property
    def findings(self) -> list[Finding]:
        return list(self._found.values())

    def note(self, code: str, place: str, message: str, group: str = "") -> None:
        """Keep a finding; others of the same group are counted with the first."""
        severity, hint = HINTS[code]
        old = self._found.get((code, group))
        if old is None:
            self._found[code, group] = Finding(
                code=code, severity=severity, place=place, message=message, hint=hint
            )
        else:
            self._found[code, group] = Finding(
                code=code,
                severity=severity,
                place=old.place,
                message=old.message,
                hint=hint,
                count=old.count + 1,
            )

    def line(self, number: int, raw: bytes) -> None:
        """Look at one line."""
        if not raw.strip():
            return
        text = raw.decode("utf-8", "replace")
        for hint in dict.fromkeys(secrets(text)):
            self.note(
                "secret_kept",
                f"line {number}",
                f"what looks like a key or a password is in the file: {hint}",
                hint,
            )
        line = decoded(raw)
        if line is not None and is_line(line):
            self._take(number, line)
            return
        self._refused = self._refused or refusal(Unread(number, text))
        self.note(
            "line_torn", f"line {number}", "the line is cut, as a crash or a full disk leaves it"
        )

    def _take(self, number: int, line: dict[str, Any]) -> None:
        sample = line.get("sample", 0)
        sample = sample if type(sample) is int else clip(repr(sample))
        if "agentkit" in line:
            self._begin(number, line, sample)
            return
        patient = self._patients.get(sample)
        step = str(line.get("step"))
        if patient is None:
            self._refused = self._refused or refusal(line)
            self.note(
                "first_line_missing",
                f"line {number}",
                f"a step of sample {sample} stands before its first line",
                str(sample),
            )
        elif patient.lines is not None:
            if step == "torn":
                self.note("line_torn", f"line {number}", "a line was cut, and its step lost")
            if step not in _KNOWN_STEPS:
                self.note(
                    "step_unknown",
                    f"line {number}",
                    f"a step {clip(step)!r} is not known to this version",
                    step,
                )
            patient.take(line)

    def _begin(self, number: int, line: dict[str, Any], sample: Any) -> None:
        if sample in self._patients:  # files that were joined begin again
            self._end(self._patients.pop(sample))
        version = line.get("agentkit")
        self._patients[sample] = patient = _Patient(self, sample)
        if type(version) is not int or not 0 < version <= VERSION:
            self._refused = self._refused or CassetteError(
                f"the file has version {clip(repr(version))}", hint=HINTS["version_unknown"][1]
            )
            self.note(
                "version_unknown",
                f"line {number}",
                f"the rollout has version {clip(repr(version))}; this agentkit reads up to"
                f" {VERSION}",
                "",
            )
        else:
            self.rollouts += 1
            patient.begin(line)

    def close(self) -> None:
        """Look at what can be seen only at the end.

        Raises:
            CassetteError: there is no rollout in it.
        """
        if self._refused is not None and not self.rollouts:
            raise self._refused
        for patient in self._patients.values():
            self._end(patient)

    def _end(self, patient: _Patient) -> None:
        if patient.lines is not None:
            self.turns += len(patient.lines.trajectory.all_turns)
            patient.end()

    def result(self, turn: Turn, position: int, place: str) -> None:
        """Compare a result with what the same call gave elsewhere in the file."""
        call, result = turn.tool_calls[position], turn.results[position]
        if (
            result is None
            or call.arguments is None
            or result.status in ("edited", "skipped", "cancelled", "invalid_call")
        ):
            return
        asked = _digest([call.name, call.arguments])
        said = _digest([result.status, result.content])
        first, where = self._answers.setdefault(asked, (said, place))
        if first != said:
            self.note(
                "results_differ",
                place,
                f"{call.summary()} gave another result at {where}",
                call.name,
            )


class _Patient:
    """One rollout while its lines come."""

    def __init__(self, exam: _Exam, sample: Any) -> None:
        self.exam = exam
        self.sample = sample
        self.lines: RolloutReading | None = None
        """Its lines as they are read; None where its first line cannot be."""
        self._encoded = EncodedHistory()
        self._order: list[int] = []
        self._ids: set[str] = set()
        self._keys_differ = False

    @property
    def trajectory(self) -> Trajectory | None:
        """The rollout as far as its lines fit."""
        return self.lines.trajectory if self.lines else None

    def begin(self, line: dict[str, Any]) -> None:
        """Begin with the first line."""
        try:
            self.lines = RolloutReading(begun(line), line)
        except MISFIT as exc:
            self.exam.note("lines_do_not_fit", self._at(0), f"the first line: {reason_of(exc)}")

    def take(self, line: dict[str, Any]) -> None:
        """Go on with the next line."""
        if self.lines is None:
            return
        before, known = self.lines.trajectory, len(self.lines.damage)
        if line.get("step") == "model":
            self._key(before, line)
        self.lines.take(line)
        now = self.lines.trajectory
        for damage in self.lines.damage[known:]:
            self.exam.note("lines_do_not_fit", self._at(len(before.turns)), damage.message)
        if now is before:
            return
        if line.get("step") == "tool":
            self._order.append(line.get("position", 0))
        elif line.get("step") == "model":
            self._order = []
        for turn in now.turns[len(before.turns) :]:
            self._turn(now, turn)

    def _key(self, before: Trajectory, line: dict[str, Any]) -> None:
        recorded = line.get("request_key")
        if not recorded or self._keys_differ:
            return
        try:
            asked = with_given(before, line)
            derived = self._encoded.key(asked, request_fields(asked))
        except MISFIT:
            return
        if derived != recorded:
            self._keys_differ = True
            self.exam.note(
                "request_key_differs",
                self._at(len(before.turns)),
                "the history made from the file is not the one that was sent",
            )

    def _prompt(
        self, trajectory: Trajectory, messages: Any = None, turn: int | None = None
    ) -> None:
        for index, message in enumerate(trajectory.prompt if messages is None else messages):
            for kind, text in volatile(message.content, self._when()):
                where = f"sample {self.sample}, " + (
                    f"prompt message {index}"
                    if turn is None
                    else f"what was said before turn {turn}"
                )
                self.exam.note(
                    "volatile_prompt",
                    where,
                    f"{with_article(_KINDS[kind])}: {clip(text)}",
                    f"{kind} {message.role}",
                )

    def _when(self) -> float | None:
        turns = self.trajectory.all_turns if self.trajectory else ()
        return turns[0].started if turns else None

    def _turn(self, trajectory: Trajectory, turn: Turn) -> None:
        """Look at a turn that is whole."""
        at = self._at(turn.index)
        if turn.index == 0:
            self._prompt(trajectory)  # now, when the day of the recording is known
        self._prompt(trajectory, turn.added, turn.index)
        for position, result in enumerate(turn.results):
            self.exam.result(turn, position, f"{at}, call {position}")
            for kind, text in (
                volatile(result.content, turn.started)
                if result is not None and result.status != "edited"
                else ()
            ):
                name = turn.tool_calls[position].name
                self.exam.note(
                    "volatile_result",
                    f"{at}, call {position}",
                    f"{clip(name)} gives {with_article(_KINDS[kind])}: {clip(text)}",
                    f"{kind} {name}",
                )
        self._ids.update(
            call.id
            for call in turn.tool_calls
            if not call.id_synthetic and _RANDOM_ID.search(call.id)
        )
        self._parallel(turn, at)

    def _parallel(self, turn: Turn, at: str) -> None:
        spans = [
            (r.started, r.started + r.elapsed)
            for r in turn.tool_results
            if r.started is not None and r.elapsed is not None
        ]
        side_by_side = any(
            a[0] < b[1] and b[0] < a[1] for i, a in enumerate(spans) for b in spans[i + 1 : i + 2]
        )
        said: dict[bytes, bytes] = {}
        for call, result in zip(turn.tool_calls, turn.results, strict=True):
            if result is None or call.arguments is None:
                continue
            answer = _digest([result.status, result.content])
            if (
                said.setdefault(_digest([call.name, call.arguments]), answer) != answer
                and side_by_side
            ):
                self.exam.note(
                    "parallel_order",
                    at,
                    f"{call.summary()} was run side by side with its like and gave something else",
                    call.name,
                )
        if self._order != sorted(self._order) and side_by_side:
            self.exam.note(
                "parallel_order",
                at,
                f"its calls ended in the order {self._order}, not as they were asked for",
                "order",
            )

    def end(self) -> None:
        """Look at the whole rollout."""
        t = self.trajectory
        if t is None:
            return
        if not t.turns:
            self._prompt(t)
        at = self._at(len(t.turns))
        if t.pending:
            self.exam.note(
                "steps_missing", at, f"{len(t.pending)} call(s) of the last turn have no result"
            )
        elif t.stop_reason in (None, "stopped"):
            self.exam.note("steps_missing", at, "the recording ends before the rollout does")
        elif t.stop_reason in FAILED:
            self.exam.note(
                "ends_in_failure",
                at,
                f"the last request failed ({t.error.kind if t.error else 'unknown'}), and no answer"
                " follows",
            )
        self._sampling(t)
        if self._ids:
            said = f"the server makes the ids of its calls anew, as {clip(min(self._ids))}"
            self.exam.note("ids_per_run", f"sample {self.sample}", said)
        faults = [
            name
            for turn in t.all_turns
            for name in (turn.response.exchange.injected, *(r.injected for r in turn.tool_results))
            if name
        ]
        faults += [attempt.exchange.injected for attempt in t.attempts if attempt.exchange.injected]
        if faults:
            self.exam.note(
                "faults_injected",
                f"sample {self.sample}",
                f"put in on purpose: {', '.join(dict.fromkeys(faults))}",
            )

    def _sampling(self, t: Trajectory) -> None:
        fields = {**t.spec.sampling, **(t.spec.sampling.get("extra_body") or {})}
        temperature, seed = fields.get("temperature"), fields.get("seed")
        if seed is None and temperature != 0 and t.turns:
            own = "the server's own temperature"
            said = own if temperature is None else f"temperature {temperature}"
            self.exam.note(
                "sampling_without_seed",
                f"sample {self.sample}",
                f"it was sampled at {said} without a seed",
            )

    def _at(self, turn: Any) -> str:
        return f"sample {self.sample}, turn {turn}"


_KINDS = {
    "time": "time of the run",
    "date": "date of the run",
    "uuid": "uuid",
    "temp_path": "temporary path",
    "address": "memory address",
}


def _digest(value: Any) -> bytes:
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, default=str).encode("utf-8", "replace")
    ).digest()[:12]
