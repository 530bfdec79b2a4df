"""The server bound to its address, until it is told to end."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import BusyError, ConfigError
from .gate import Gate
from .service import Service

PATIENCE = 15.0  # seconds until a connection must have asked something
CONNECTIONS = 256
TURN = 0.0005  # seconds
SELDOM = 100  # young collections of garbage before one of everything, ten times Python's own


class Patient(HttpToolsProtocol):
    """HTTP that does not wait for ever for a first request."""

    def connection_made(self, transport: Any) -> None:
        """Look at the connection again a little later."""
        super().connection_made(transport)
        asyncio.get_running_loop().call_later(PATIENCE, self._look)

    def _look(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; ``port`` 0 is any that is free.

    Raises BusyError where another program has the port, ConfigError for an address that is none of ours.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as problem:
        raise ConfigError(f"--host {host} is no address: {problem}", "for example 127.0.0.1") from problem
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
    except OSError as problem:
        made.close()
        if problem.errno == errno.EADDRINUSE:
            raise BusyError(
                f"port {port} of {host} is taken", "name another --port, or 0 for any"
            ) from problem
        raise ConfigError(
            f"cannot listen at {host}:{port}: {problem.strerror}", "name another --host or --port"
        ) from problem
    return made


def server_of(app: Gate) -> uvicorn.Server:
    """The server of an app, which is not running yet."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Patient,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
        )
    )


def serve(
    server: uvicorn.Server, service: Service, listening: socket.socket, ready: Callable[[], None]
) -> None:
    """Answer requests until Ctrl-C or SIGTERM; ``ready`` is called when the first may come."""
    with _prompt():
        threading.Thread(target=_open, args=(service,), name="likebut-open", daemon=True).start()
        ready()
        try:
            with suppress(KeyboardInterrupt):  # uvicorn raises it again when all is done
                server.run(sockets=[listening])
        finally:
            service.close()
            listening.close()


def _open(service: Service) -> None:
    service.galleries.open_all()
    gc.collect()
    gc.freeze()  # what was loaded stays: walking it takes 0.3 s, in which nobody is answered


@contextmanager
def _prompt() -> Iterator[None]:
    """Python as a server wants it: a short request waits neither for other threads nor for garbage.

    Threads take turns every 0.5 ms (Python's own 5): a request waits for several of them.
    """
    interval, (young, middle, old) = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(TURN)
    gc.set_threshold(young, middle, SELDOM)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(young, middle, old)
        gc.unfreeze()
