"""Inflating a compressed body piece by piece, and never beyond a limit: gzip, deflate, and where
the packages for them are installed (those that aiohttp itself takes) br and zstd.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

_GZIP = b"\x1f\x8b"
_STEP = 4096
"""Bytes inflated at once: of data that is damaged, what came before the damage is kept."""
_MOST_LAYERS = 3
"""Nobody compresses more often; a server that says so wants to keep us busy."""


class DamagedError(ValueError):
    """Compressed data that cannot be read on."""

    def __init__(self, message: str, good: bytes) -> None:
        super().__init__(message)
        self.good = good
        """What came out before the damage; where nothing ever did, the data as it came."""
        self.plain = False
        """Whether nothing ever came out: the data may not be compressed at all."""


class Inflater:
    """Inflates what was compressed once or more.

    Args:
        layers: one for each encoding, the outermost first.
    """

    def __init__(self, layers: list[_Layer]) -> None:
        self._layers = layers
        self._came: bytes | None = b""  # until something has come out

    def __call__(self, data: bytes, most: int) -> bytes:
        """Inflate the next bytes to at most `most`; where it is that many, the rest is lost.

        Raises:
            DamagedError: the data is not what it should be.
        """
        came = None if self._came is None else self._came + data
        for place, layer in enumerate(self._layers):
            try:
                data = layer(data, most)
            except DamagedError as exc:
                for inner in self._layers[place + 1 :]:
                    exc.good = inner(exc.good, most)
                if came is not None and not exc.good:
                    exc.good, exc.plain = came, True
                raise
        self._came = None if data else came
        return data

    @property
    def complete(self) -> bool:
        """Whether the data may end here."""
        return all(layer.complete for layer in self._layers)


def inflater(encoding: str) -> Inflater | None:
    """Make what inflates a body; None where nothing here knows the encoding.

    Args:
        encoding: the value of content-encoding; several are named in the order of their use.
    """
    listed = (name.strip().lower() for name in encoding.split(","))
    names = [name for name in listed if name not in ("", "identity")]
    if len(names) > _MOST_LAYERS or not _MAKERS.keys() >= set(names):
        return None
    try:
        return Inflater([_MAKERS[name]() for name in reversed(names)])
    except ImportError:
        return None


class _Layer(ABC):
    """One compression."""

    complete = True
    """Whether the data may end here."""

    @abstractmethod
    def __call__(self, data: bytes, most: int) -> bytes:
        """Decompress the next data, to so many bytes at most."""


class _Zlib(_Layer):
    """gzip, also several files of it one after another; zlib; and bare deflate."""

    def __init__(self, bare: bool) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._may_be_bare = bare
        self._begun = b""  # too little to tell what it begins

    def __call__(self, data: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        data, self._begun = self._begun + data, b""
        at = 0
        while at < len(data) and most:
            if at == len(data) - 1 and (
                self._may_be_bare or (self._zlib.eof and data[at:] in _GZIP)
            ):
                self._begun = data[at:]
                break
            if self._zlib.eof and not data.startswith(_GZIP, at):
                break  # padding behind the end
            if self._zlib.eof:
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
            step = data[at : at + _STEP]
            before = self._zlib.copy()
            try:
                parts.append(self._inflated(step, most))
            except zlib.error as exc:
                good = _salvaged(before, step, most)
                raise DamagedError(str(exc), b"".join([*parts, good])) from None
            most -= len(parts[-1])
            at += len(step) - len(self._zlib.unused_data)
            self.complete = self._zlib.eof
        self.complete = self.complete and not self._begun
        return b"".join(parts)

    def _inflated(self, step: bytes, most: int) -> bytes:
        may_be_bare, self._may_be_bare = self._may_be_bare, False
        try:
            return self._zlib.decompress(step, most)
        except zlib.error:
            if not may_be_bare:
                raise
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._zlib.decompress(step, most)


def _salvaged(before: Any, step: bytes, most: int) -> bytes:
    """Inflate byte by byte up to the damage."""
    good = b""
    try:
        for at in range(len(step)):
            good += before.decompress(step[at : at + 1], max(1, most - len(good)))
    except zlib.error:
        pass
    return good


class _Brotli(_Layer):
    def __init__(self, module: Any) -> None:
        self._brotli = module.Decompressor()
        self._error = module.error

    def __call__(self, data: bytes, most: int) -> bytes:
        self.complete = False
        try:
            out: bytes = self._brotli.process(data, output_buffer_limit=most)
        except self._error as exc:
            raise DamagedError(str(exc), b"") from None
        self.complete = self._brotli.is_finished()
        return out


class _Zstd(_Layer):
    """Frames of zstd, one after another."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._zstd = module.ZstdDecompressor()

    def __call__(self, data: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        while data and most:
            if self._zstd.eof:
                self._zstd = self._module.ZstdDecompressor()
            try:
                parts.append(self._zstd.decompress(data, most))
            except self._module.ZstdError as exc:
                raise DamagedError(str(exc), b"".join(parts)) from None
            most -= len(parts[-1])
            data = self._zstd.unused_data if self._zstd.eof else b""
            self.complete = self._zstd.eof
        return b"".join(parts)


def _brotli() -> _Layer:
    import brotli

    if not hasattr(brotli.Decompressor, "can_accept_more_data"):
        raise ImportError("before brotli 1.2 there is no limit to what comes out")
    return _Brotli(brotli)


def _zstd() -> _Layer:
    try:
        from compression import zstd  # of Python itself, since 3.14
    except ImportError:
        from backports import zstd
    return _Zstd(zstd)


_MAKERS: dict[str, Callable[[], _Layer]] = {
    "gzip": lambda: _Zlib(False),
    "x-gzip": lambda: _Zlib(False),
    "deflate": lambda: _Zlib(True),
    "br": _brotli,
    "zstd": _zstd,
}
