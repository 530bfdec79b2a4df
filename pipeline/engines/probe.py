"""Whether an OpenAI-compatible server answers, and whether it knows a model: one short question."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from .server import NO_KEY, Server

SECONDS = 3.0
_LONGEST = 4 * 2**20


@dataclass(frozen=True)
class Answer:
    """``reached``: something answered at the address. ``problem`` is empty where all is well.

    ``models`` is None where the server does not say which it has.
    """

    reached: bool
    problem: str = ""
    models: tuple[str, ...] | None = None


def probe(server: Server, seconds: float = SECONDS) -> Answer:
    """Ask the server for its models. Never raises for what the other side does."""
    headers = {} if server.key() == NO_KEY else {"Authorization": f"Bearer {server.key()}"}
    request = urllib.request.Request(f"{server.base_url.rstrip('/')}/models", headers=headers)
    # A server on this machine is asked past any proxy, as the engine does.
    proxies = [urllib.request.ProxyHandler({})] if server.is_here else []
    try:
        opener = urllib.request.build_opener(_NoRedirect, *proxies)
        with opener.open(request, timeout=seconds) as reply:
            return Answer(True, models=_names(reply.read(_LONGEST)))
    except urllib.error.HTTPError as problem:
        if problem.code in (401, 403):
            return Answer(True, f"refuses the key (HTTP {problem.code})")
        known = problem.code in (404, 405, 501)  # it lives, and keeps no list
        return Answer(True, "" if known else f"answers with HTTP {problem.code}")
    except TimeoutError:
        return Answer(False, f"no answer within {seconds:g} seconds")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", problem)
        if isinstance(reason, TimeoutError):
            return Answer(False, f"no answer within {seconds:g} seconds")
        return Answer(False, f"no answer ({str(reason) or type(reason).__name__})")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is sent to the address of the profile and nowhere else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing."""
        return


def _names(body: bytes) -> tuple[str, ...] | None:
    try:
        return tuple(str(model["id"]) for model in json.loads(body)["data"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
