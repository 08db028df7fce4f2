"""What cannot go on, or what the caller got wrong. What a model, tool or server got wrong is data:
a `Problem`, a status, a stop reason.

AgentkitError
├── UsageError (ValueError)          an argument that cannot be used; the note says the hint
│   └── SchemaError (TypeError too)  a function that cannot be described as a tool
├── NotFound (LookupError)           no parser, profile, turn or sample of that name
├── CassetteError (ValueError)       a file that is not ours, or is damaged beyond its last line
│   └── ReplayMiss (LookupError too) a replay was asked for something the cassette does not hold
├── NoFile (FileNotFoundError)       no such file, or no such folder to write it in
└── Busy (RuntimeError)              a step is running; two at once would lose one
    └── FileInUse                    another run or process is writing the file
"""

from __future__ import annotations


class AgentkitError(Exception):
    """Base of every exception agentkit raises on purpose."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.add_note(hint)


class UsageError(AgentkitError, ValueError):
    """An argument that cannot be used."""


class SchemaError(UsageError, TypeError):
    """A function that cannot be described as a tool."""


class NotFound(AgentkitError, LookupError):
    """No parser, profile, turn or sample of that name."""


class CassetteError(AgentkitError, ValueError):
    """A file that is not a cassette, or is damaged beyond its last line."""


class ReplayMiss(CassetteError, LookupError):
    """A replay was asked for something the cassette does not hold."""


class NoFile(AgentkitError, FileNotFoundError):
    """No such file, or no such folder to write it in."""


class Busy(AgentkitError, RuntimeError):
    """A step is running already."""


class FileInUse(Busy):
    """Another run or process is writing the file."""
