"""What a snapshot must not hold: the versions that happen to be installed."""

from __future__ import annotations

import platform

import pytest

from agentkit.show.export import report


@pytest.fixture(autouse=True)
def versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug report names versions; here they are the same on every machine."""
    monkeypatch.setattr(report, "_installed", lambda name: f"version of {name}")
    monkeypatch.setattr(platform, "python_version", lambda: "version of python")
