"""The certificates that a TLS server is checked against."""

from __future__ import annotations

import os
import ssl
import sys
from contextlib import suppress
from functools import cache


def tls_context() -> ssl.SSLContext:
    """Give the TLS context of the process: of SSL_CERT_FILE and SSL_CERT_DIR where one of them is
    set, else of the system and of the `certifi` package where that is installed.
    """
    return _context(os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))


@cache
def _context(file: str, directory: str) -> ssl.SSLContext:
    # Reading the certificates costs more than all else in a new session, so it is done once.
    if file or directory:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for given in (file, directory):
            _load(context, given)
    else:
        context = _system_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _system_context() -> ssl.SSLContext:
    """Trust what the system trusts; where its own store is read by no OpenSSL, through the
    `truststore` package if that is installed.
    """
    if sys.platform in ("darwin", "win32"):
        with suppress(ImportError):
            import truststore

            system: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            return system
    context = ssl.create_default_context()
    with suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _load(context: ssl.SSLContext, path: str) -> None:
    """Load a file or a directory of certificates; one that cannot be read holds none, and the
    server is then not trusted, which is told with what to set.
    """
    with suppress(OSError):  # an SSLError is one
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        elif path:
            context.load_verify_locations(cafile=path)
