"""Ports on this machine: a free one, and whether one may be had."""

from __future__ import annotations

import errno
import socket

from pylo_site.local.trouble import Trouble

LOOPBACK = "127.0.0.1"


def free() -> int:
    """Return a port nobody listens on. Another process may take it before we do; then that start fails and says so."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require(host: str, port: int) -> None:
    """Raise `Trouble` unless `host`:`port` can be listened on."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise Trouble(f"{host!r} is no address of this machine: give another with --host.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Trouble(
                f"Port {port} is in use: stop what listens there or give another, as in bin/serve --port {port + 1}."
            ) from None
        raise Trouble(f"Cannot listen on {host}:{port} ({error.strerror}): give others with --host, --port.") from None
