"""Texts that mean something to the server alone: encrypted reasoning, signatures. They are made up,
and carry their own check, so that one that was changed is noticed.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

_CHECK = 12
"""Characters at the end that follow from those before."""


def opaque(seed: str, prefix: str, length: int) -> str:
    """Make up a text of this length that looks like base64."""
    digest = hashlib.sha512(seed.encode("utf-8", "surrogatepass")).digest()
    longer = base64.urlsafe_b64encode(digest * (length // 64 + 1)).decode().replace("=", "")
    payload = f"{prefix}{longer}"[: length - _CHECK]
    return payload + _check(payload)


def sound(text: Any, prefix: str) -> bool:
    """Tell whether a text is one that `opaque` made, unchanged."""
    if not isinstance(text, str) or not text.startswith(prefix):
        return False
    return text[-_CHECK:] == _check(text[:-_CHECK])


def _check(payload: str) -> str:
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()[:_CHECK]
