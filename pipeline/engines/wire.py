"""What a client of a server has to be wary of: endless bodies, and connections that cannot work."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

# Bytes of one answer. The longest that any model writes is far below.
LARGEST = 32 << 20


class TooLarge(Exception):
    """A body that goes on beyond LARGEST."""


async def bounded(response: Any) -> None:
    """A response hook of httpx: reading stops with TooLarge where the body goes on too long."""
    length = response.headers.get("content-length", "0")
    if length.isdigit() and int(length) > LARGEST:
        raise TooLarge
    stream = response.stream
    base = next(one for one in type(stream).__mro__ if one.__name__ == "AsyncByteStream")

    class Bounded(base):  # type: ignore[misc,valid-type]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for part in stream:
                seen += len(part)
                if seen > LARGEST:
                    raise TooLarge
                yield part

        async def aclose(self) -> None:
            await stream.aclose()

    response.stream = Bounded()


def causes(problem: BaseException) -> list[BaseException]:
    """An exception, and all that led to it."""
    found: list[BaseException] = []
    step: BaseException | None = problem
    while step is not None and step not in found:
        found.append(step)
        step = step.__cause__ or step.__context__
    return found


def tls_fault(problem: BaseException, base_url: str) -> tuple[str, str] | None:
    """(message, hint) where a connection failed for its encryption; None where it did for others."""
    fault = next((one for one in causes(problem) if isinstance(one, ssl.SSLError)), None)
    if fault is None:
        return None
    if isinstance(fault, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {base_url} is not trusted: {fault.verify_message}",
            "let SSL_CERT_FILE name the file of its authority",
        )
    plain = "http" + base_url.removeprefix("https")
    return (
        f"{base_url} does not speak TLS ({fault.reason or 'the handshake failed'})",
        f"is it {plain}?" if base_url.startswith("https") else "correct base_url in the profile",
    )


def elsewhere(headers: Any) -> str:
    """The host that a redirect points at, or what stands for it."""
    return urlsplit(headers.get("location", "")).netloc or "another address"


def span(seconds: float) -> str:
    """A wait in words: "90 seconds", "5 hours", "3 days"."""
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
