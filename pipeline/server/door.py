"""Who may come in: the names this server answers to, the pages that may change something, the token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from .problems import Refused

SAFE = ("GET", "HEAD", "OPTIONS")
COOKIE = "likebut"  # with the port: cookies are for all ports of a machine


@dataclass(frozen=True)
class Door:
    """Where the server is bound, and the ``token`` that callers need; empty: none."""

    host: str
    port: int
    token: str = ""

    @classmethod
    def at(cls, host: str, port: int) -> Door:
        """The door of an address: this machine alone needs no token."""
        return cls(host, port, "" if is_loopback(host) else secrets.token_urlsafe(18))

    @property
    def url(self) -> str:
        """The address to open in a browser."""
        host = _shown(self.host)
        query = f"?token={self.token}" if self.token else ""
        return f"http://{host}:{self.port}/{query}"

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token."""
        return f"{COOKIE}-{self.port}"

    def check_host(self, host: str) -> None:
        """Raises Refused where a request is for another name: its page was led here by DNS."""
        name, port = _split(host)
        if not (self._is_name(name) and (bool(self.token) or port == self.port)):
            raise Refused(421, "this server has another name", f"open {_shown(self.host)}:{self.port}")

    def _is_name(self, name: str) -> bool:
        if is_loopback(self.host):
            return name == "localhost" or (_is_address(name) and is_loopback(name))
        own = {self.host.lower(), socket.gethostname().lower(), "localhost"}
        return name in own or _is_address(name)

    def check_origin(self, method: str, headers: Mapping[str, str], path: str) -> None:
        """Raises Refused where the page of another server asks for something.

        Only a link to the page itself may come from elsewhere.
        """
        site = headers.get("sec-fetch-site", "none")
        page = method in SAFE and not path.startswith(("/api/", "/static/"))
        if site not in ("same-origin", "none") and not page:
            raise Refused(403, "another site may not ask for this", "open the page of this server")
        origin = headers.get("origin")
        if origin is None or method in SAFE:
            return
        parts = urlsplit(origin) if origin.isascii() else urlsplit("")
        if parts.scheme != "http" or parts.netloc.lower() != headers.get("host", "").lower():
            raise Refused(403, "another site may not change anything here", "open the page of this server")

    def knows(self, given: str) -> bool:
        """Whether a token is the one."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def token_of(self, headers: Mapping[str, str]) -> str:
        """The token that a request has in its header or its cookie."""
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return value.strip()
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return ""
        return found.value if found else ""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _split(host: str) -> tuple[str, int]:
    """A Host header as name and port; nothing of one that is none."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return "", 0
    plain = f"[{name}]" if ":" in name else name
    return (name, port) if host.lower() in (plain, f"{plain}:{port}") else ("", 0)
