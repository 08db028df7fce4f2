"""A stream that Logfire tells of twice: a span of its request, which ends when the stream begins,
and behind it a log with the same request and the whole answer.

Source: logfire/_internal/integrations/llm_providers of logfire 1 to 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.traces.loose import written
from agentkit.files.foreign.traces.span.span import Span

_TYPE = "logfire.span_type"
_ASKED = ("gen_ai.input.messages", "request_data")
_SAID = ("gen_ai.output.messages", "response_data")


def with_stream_ends(spans: Iterable[Span]) -> list[Span]:
    """Give the spans, those of streams as one: it begins with the request, ends with the log. What
    tells that a span has begun is none.
    """
    listed = [span for span in spans if span.attributes.get(_TYPE) != "pending_span"]
    if not any(span.attributes.get(_TYPE) == "log" for span in listed):
        return listed
    found: list[Span] = []
    begun: dict[Any, list[int]] = {}
    for span in sorted(listed, key=lambda one: one.started or 0.0):
        asked = (span.trace, span.parent, written(span.get(*_ASKED)))
        answered = any(name in span.attributes for name in _SAID)
        if span.attributes.get(_TYPE) == "log" and answered and begun.get(asked):
            place = begun[asked].pop(0)
            found[place] = replace(
                found[place],
                attributes={**span.attributes, _TYPE: "span"},
                ended=span.ended or span.started,
            )
            continue
        if span.attributes.get(_TYPE) == "span" and not answered and asked[2]:
            begun.setdefault(asked, []).append(len(found))
        found.append(span)
    return found
