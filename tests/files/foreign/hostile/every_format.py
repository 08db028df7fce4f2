"""One constructed case or more of every foreign format, as its decoded values."""

from __future__ import annotations

from typing import Any

from tests.files.foreign.datasets.rows import ROWS
from tests.files.foreign.evals.test_any_use import CASES
from tests.files.foreign.logs.test_api_files import FILES
from tests.files.foreign.logs.traffic import TRAFFIC
from tests.files.foreign.sessions.chat_samples import CHATS
from tests.files.foreign.sessions.session_samples import SESSIONS
from tests.files.foreign.traces.trace_samples import TRACES

EVERY: dict[str, Any] = {
    name: case
    for shelf in (CASES, ROWS, TRAFFIC, SESSIONS, CHATS, TRACES, FILES)
    for name, case in shelf.items()
    if isinstance(case, (dict, list))
}
