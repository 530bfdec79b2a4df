"""`query --server`: the same question, answered by a `likebut serve` that is warm already."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer

from ..errors import ConfigError, InputError, did_you_mean
from ..records.trace import Query, Trace
from ..setup.names import Setup

if TYPE_CHECKING:
    import urllib.error
    from collections.abc import Mapping

ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Ask this running `likebut serve`, with ?token= if any."),
]
WAIT = 600.0  # seconds that an answer may take: models may be loaded first
# What the server has chosen, or what needs its gallery here.
_ITS_OWN = (
    *("index", "where", "without", "weights", "samples", "choose", "rerank", "top", "profile"),
    *("device", "cache", "max_calls", "max_cost", "settings", "fold", "dry_run"),
)


def asked_of(server: str, asked: Query, k: int, setup: Setup, context: typer.Context) -> Trace:
    """The answer of a server. ``--in`` names one of its galleries, ``--recipe`` another recipe than its.

    Raises ConfigError for options that a server does not take, InputError where it does not answer.
    """
    given = {name for name in context.params if _typed(context, name)}
    for name in _ITS_OWN:
        if name in given:
            option = {"without": "not", "settings": "set", "weights": "weight"}.get(name, name)
            raise ConfigError(
                f"--server and --{option.replace('_', '-')} do not go together",
                "it has its own: give these to `likebut serve`",
            )
    there = _Server(server)
    body: dict[str, Any] = {"gallery": _gallery(there, setup), "modification": asked.modification, "k": k}
    if "recipe" in given:
        body["recipe"] = setup.recipe
    if asked.reference:
        body["upload"] = there.ask("PUT", "/api/uploads", asked.reference.read_bytes())["upload"]
    from ..records.traces import trace_from_json

    try:
        found = trace_from_json(there.ask("POST", "/api/query", body))
    except (KeyError, TypeError) as problem:
        raise InputError(f"{there.url} is no likebut of this version", "check --server") from problem
    query = replace(found.query, reference=asked.reference, named=asked.named)
    return replace(found, query=query)


def _typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _gallery(there: _Server, setup: Setup) -> str:
    """The server's gallery that ``--in`` names by its id, name or folder; the first where none is."""
    galleries = there.ask("GET", "/api/state")["galleries"]
    if not setup.pictures:
        return str(galleries[0]["id"])
    wanted = str(setup.pictures[0])
    name = os.path.basename(os.path.realpath(wanted))
    for one in galleries:
        if wanted == one["id"] or name == one["name"]:
            return str(one["id"])
    known = [str(one["name"]) for one in galleries]
    raise InputError(f"the server has no gallery {wanted}", did_you_mean(name, known))


class _Server:
    """A running server by its address."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"--server {address} is no address", "for example http://127.0.0.1:8000")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.token = parse_qs(parts.query).get("token", [""])[0]

    def ask(self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None) -> Any:
        """The JSON of an answer. Raises InputError with what the server says, or why it does not."""
        import http.client
        import urllib.error
        import urllib.request

        raw = isinstance(body, bytes)
        headers = {"Content-Type": "application/octet-stream" if raw else "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        # A proxy of the environment knows nothing of a server of ours.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=WAIT) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as problem:
            raise _told(problem, self.url) from problem
        except (OSError, ValueError, http.client.HTTPException) as problem:
            why = getattr(problem, "reason", "") or problem
            why = getattr(why, "strerror", "") or why
            raise InputError(
                f"no likebut answers at {self.url}: {why}", "start `likebut serve`"
            ) from problem


def _told(problem: urllib.error.HTTPError, url: str) -> InputError:
    """What the server says of a problem, in its words."""
    try:
        said = json.loads(problem.read())
        return InputError(f"{url}: {said['message']}", str(said.get("hint", "")))
    except (ValueError, KeyError, TypeError, OSError):
        return InputError(f"{url} answers {problem.code}: it is no likebut", "check --server")
