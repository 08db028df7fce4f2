"""A turn as something that runs elsewhere: command, script, test, notebook, page or report.

    ak.export.curl(turn)                     the request as a curl command
    ak.export.python(turn)                   the same as a script with the plain openai client
    ak.export.pytest(turn)                   a test: the recorded answer is read as it was, offline
    ak.export.pytest(rollout, whole=True)    the same of all turns, with their cassette
    ak.export.notebook(turn)                 the same as a notebook
    ak.export.html(trajectory)               one page that opens anywhere, offline
    ak.export.issue(turn)                    the text of a bug report
    ak.export.shrink(turn, "markup_leak")    a smaller request that still shows the fault

Each takes a turn, or whatever holds a rollout and `turn=`, counting from 0; by default the last
model call. Each returns a text that `save(path)` writes. It never holds a key: keys are read from
environment variables, and what looks like one is removed.
"""

from typing import TYPE_CHECKING

from agentkit.errors import names_of
from agentkit.files.foreign.written.writers import WRITERS
from agentkit.show.export.code.client_script import python
from agentkit.show.export.code.notebook import notebook
from agentkit.show.export.code.offline_test import pytest
from agentkit.show.export.code.shell import curl
from agentkit.show.export.document import Export
from agentkit.show.export.page import html
from agentkit.show.export.reduction_search import Shrunk, shrink
from agentkit.show.export.report import issue

__all__ = ["Export", "Shrunk", "curl", "html", "issue", "notebook", "pytest", "python", "shrink"]

_FILES = {name: f"ak.save(x, path, format={name!r}) writes it" for name in WRITERS}

if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there
    __getattr__ = names_of("agentkit.export", __all__, "ak.export", _FILES)


def __dir__() -> list[str]:
    return __all__
