"""Cassettes on disk: what a file holds without reading all of it, one rollout out of thousands, and
what makes one unrepeatable.
"""

from typing import TYPE_CHECKING

from agentkit.errors import names_of
from agentkit.files.cassette.checkup import Checkup, Finding
from agentkit.files.cassette.doctor import doctor
from agentkit.files.cassette.index import Cassette, Entry, Index, index, open

__all__ = ["Cassette", "Checkup", "Entry", "Finding", "Index", "doctor", "index", "open"]

if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there
    __getattr__ = names_of("agentkit.cassette", __all__, "ak.cassette")


def __dir__() -> list[str]:
    return __all__
