"""Engines and encoders whose models are in another process, and galleries that are opened with them.

What decides, remembers and counts stays here: cache, budget, ledger. There go requests, texts and paths;
back come replies, each as it is there, and vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..encoders.contract import Encoder, EncoderSpec
from ..engines import kind_of, make_engine
from ..engines.contract import Engine, EngineSpec, OnReply, Request
from ..errors import ModelError
from ..records.chat import Reply
from ..setup.assembly import open_encoder
from ..setup.making import Making
from ..setup.names import Setup
from ..setup.session import OnBuild, OnProgress, open, refresh
from .apart import Apart
from .apart_child import Held

if TYPE_CHECKING:
    from ..asking.budget import Budget
    from ..stages.composer import Composer

Tell = Callable[[Any], None]
FACTS = (
    "name",
    "fingerprint",
    "preprocessing",
    "dimension",
    "draft_size",
    "context_length",
    "documents_differ",
    "region_boxes",
    "preparing",
)
CALLS = (
    "prepare",
    "encode_prepared",
    "prepare_regions",
    "encode_regions",
    "encode_texts",
    "encode_documents",
    "encode_composed",
    "token_count",
)
_MISSING = object()


@dataclass(frozen=True)
class Load:
    """An engine is loaded; whether it sees."""

    spec: EngineSpec

    def run(self, held: Held, tell: Tell) -> bool:
        """As `Task` says."""
        return held.engine(self.spec).sees


@dataclass(frozen=True)
class Generate:
    """Requests are answered; each reply is told with its place."""

    spec: EngineSpec
    requests: Sequence[Request]

    def run(self, held: Held, tell: Tell) -> None:
        """As `Task` says."""
        held.engine(self.spec).generate(self.requests, lambda place, reply: tell((place, reply)))


@dataclass(frozen=True)
class Know:
    """An encoder is loaded; what it tells of itself, and what it can be asked."""

    spec: EncoderSpec

    def run(self, held: Held, tell: Tell) -> tuple[dict[str, Any], frozenset[str]]:
        """As `Task` says."""
        encoder = held.encoder(self.spec)
        known = {name: getattr(encoder, name, _MISSING) for name in FACTS}
        facts = {name: value for name, value in known.items() if value is not _MISSING}
        return facts, frozenset(name for name in CALLS if hasattr(encoder, name))


@dataclass(frozen=True)
class Encode:
    """A method of an encoder, for each of several arguments."""

    spec: EncoderSpec
    fingerprint: str
    method: str
    given: Sequence[tuple[Any, ...]]

    def run(self, held: Held, tell: Tell) -> list[Any]:
        """As `Task` says. Raises ModelError where weights changed while this process was not there."""
        encoder = held.encoder(self.spec)
        if encoder.fingerprint != self.fingerprint:
            raise ModelError(f"the weights of {self.spec.model} have changed", "start the server anew")
        return [getattr(encoder, self.method)(*one) for one in self.given]


@dataclass(frozen=True)
class Refresh:
    """The index of a setup's folders is made or brought up to date; progress is told, then the report."""

    setup: Setup

    def run(self, held: Held, tell: Tell) -> Any:
        """As `Task` says: the folder of the index."""
        encoder = open_encoder(self.setup, Making(held.engine, held.encoder))
        return refresh(
            self.setup.pictures,
            encoder,
            lambda done, total: tell((done, total)),
            lambda report, folder: tell(report),
        )


class RemoteEngine:
    """An Engine whose model is in that process, which loads it again where it had to be started anew."""

    def __init__(self, spec: EngineSpec, apart: Apart) -> None:
        self.spec, self.apart = spec, apart
        self.sees = bool(apart.ask(Load(spec)))

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """See Engine; what ``on_reply`` raises stops the model at its next reply."""
        replies: dict[int, Reply] = {}

        def hear(part: tuple[int, Reply]) -> None:
            replies[part[0]] = part[1]
            if on_reply:
                on_reply(*part)

        self.apart.ask(Generate(self.spec, tuple(requests)), hear)
        return [replies[place] for place in range(len(requests))]


class RemoteEncoder:
    """An Encoder whose model is in that process: it has whatever the real one has of FACTS and CALLS."""

    def __init__(self, spec: EncoderSpec, apart: Apart) -> None:
        self.spec, self.apart = spec, apart
        self._facts, self._calls = apart.ask(Know(spec))

    def __getattr__(self, name: str) -> Any:
        if name in ("_facts", "_calls"):  # it was never loaded
            raise AttributeError(name)
        if name in self._facts:
            return self._facts[name]
        own = self._facts.get("preparing")
        if name in ("prepare", "prepare_regions") and hasattr(own, name):
            return getattr(own, name)  # without a model
        if name not in self._calls:
            raise AttributeError(name)
        return partial(self._one, name)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has: as `token_count`, asked at once."""
        return self._ask("token_count", [(text,) for text in texts])

    def _one(self, method: str, *given: Any) -> Any:
        return self._ask(method, [given])[0]

    def _ask(self, method: str, given: Sequence[tuple[Any, ...]]) -> list[Any]:
        found: list[Any] = self.apart.ask(Encode(self.spec, self._facts["fingerprint"], method, given))
        return found


def making(apart: Apart) -> Making:
    """Models of that process; what a server of its own answers needs none."""

    def engine(spec: EngineSpec) -> Engine:
        return RemoteEngine(spec, apart) if kind_of(spec.engine).runs == "here" else make_engine(spec)

    return Making(engine, lambda spec: cast(Encoder, RemoteEncoder(spec, apart)))


def opening(apart: Apart) -> Callable[..., Composer]:
    """As `session.open`, with the models and the making of indexes in that process."""
    made = making(apart)

    def opened(
        setup: Setup, on_progress: OnProgress, *, on_build: OnBuild | None, budget: Budget
    ) -> Composer:
        if setup.pictures and not setup.index:
            reports: list[Any] = []

            def hear(part: Any) -> None:
                on_progress(*part) if isinstance(part, tuple) else reports.append(part)

            index = apart.ask(Refresh(setup), hear)
            if on_build and reports:
                on_build(reports[0], index)
            setup = replace(setup, index=index, folders=())
        return open(setup, budget=budget, making=made)

    return opened
