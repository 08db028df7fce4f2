"""What the reference shows of the source: examples as code, of a class only what is described."""

from __future__ import annotations

import re
from typing import Any

from griffe import Class, Extension, Object

_SESSION = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class Docstrings(Extension):
    """Puts a fence around each example, and leaves out what nobody has described."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Show a paragraph that begins with `>>>` as a Python session, wherever it is."""
        if obj.docstring is not None:
            obj.docstring.value = _SESSION.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)

    def on_class_members(self, *, cls: Class, **_: Any) -> None:
        """Leave out methods, and attributes made in `__init__`, that have no docstring.

        The fields of a record stay.
        """
        begun = cls.members.get("__init__")
        inside = (
            range(begun.lineno or 0, (begun.endlineno or 0) + 1)
            if isinstance(begun, Object)
            else range(0)
        )
        for name, member in list(cls.members.items()):
            if name.startswith("_") or member.is_alias or member.docstring is not None:
                continue
            if member.is_function or member.lineno in inside:
                cls.del_member(name)
