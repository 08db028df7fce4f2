"""What every test shares: no network but loopback, no keys from the environment."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from agentkit.servers.redaction import known_secrets
from tests.support.order import spread
from tests.support.spoken_dialect import spoken

__all__ = ["spoken"]

# fewer looks at garbage: most of what a test makes goes without them
gc.set_threshold(20_000, 10, 20)

LOOPBACK = ("127.0.0.1", "::1", "localhost")

# jsonschema imports it where it is there, for formats that are not checked here, and it builds
# 38 grammars at import: a second of processor time in every process
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# where bytecode is not to be written, each of the hundreds of processes that tests start would
# compile the whole package anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile(
    "tests", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("tests"), max_examples=6)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Take three workers at least: each waits for browsers, kernels and servers half of its time."""
    return max(3, os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Hand out the files in the order of `spread`; xdist would go by how many tests each has."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.fixture(autouse=True, scope="session")
def no_keys() -> Iterator[None]:
    """Hide the keys of the person who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.endswith(("_API_KEY", "_BASE_URL")):
                patch.delenv(name)
        yield


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Fail the test that connects to anywhere but this machine."""
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address!r}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked)
        yield


@pytest.fixture(autouse=True, scope="session")
def one_tls_context() -> Iterator[None]:
    """Share one context among all clients: each of its own reads the certificates of the world."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(autouse=True, scope="module")
def no_keys_of_other_tests() -> None:
    """Forget the keys that tests of other files gave to servers: an export redacts them all."""
    known_secrets._met.clear()


def pytest_collection_finish() -> None:
    """Leave what is there before the first test out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Collect the garbage of the tests here: pytest looks five times through what is left."""
    gc.collect()
    gc.collect()  # what came back to life in the first
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark cells of notebooks and property tests, which are known by what they are."""
    for item in items:
        if type(item).__name__ == "IPyNbCell":
            item.add_marker(pytest.mark.notebook)
        elif getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.property)
    if hasattr(config, "workerinput"):
        items[:] = spread(items)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Make ids that are the same in every process, so that tests can be spread over several."""
    if callable(val):
        return f"{argname}-{getattr(val, '__qualname__', type(val).__name__)}"
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None
