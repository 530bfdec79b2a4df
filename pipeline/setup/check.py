"""Whether a profile can run here: its models, servers and memory. Loads and fetches nothing.

States: ok · fetch (the first run fetches it) · missing (it cannot run) · tight (it may not fit now)
· skipped, unknown (nobody looked, or could).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from .. import encoders, engines
from ..config.profile import EncoderChoice, EngineChoice, Profile, Size
from ..encoders.contract import EncoderSpec
from ..engines.probe import Answer, probe
from ..engines.server import NO_KEY, Server
from ..errors import LikebutError
from ..machine import models
from ..machine.devices import choose_device, choose_dtype
from ..machine.memory import Memory, memory_of, needed
from ..machine.weights import WeightFiles, weights_in

State = Literal["ok", "fetch", "missing", "tight", "skipped", "unknown"]
Choice = EngineChoice | EncoderChoice


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    value: str


@dataclass(frozen=True)
class _Place:
    """Where the weights of one part will lie in memory; ``bytes`` is None where nothing tells."""

    device: str
    bytes: float | None


def check_profile(
    profile: Profile,
    *,
    offline: bool = False,
    ask: Callable[[Server], Answer] = probe,
    memory: Callable[[str], Memory] = memory_of,
) -> list[Finding]:
    """What is here, what would be fetched, and what is missing, part by part."""
    found: list[Finding] = []
    places: list[_Place] = []
    servers: dict[Server, list[str]] = {}
    parts: list[tuple[str, Choice]] = [
        ("captioner", profile.captioner),
        ("reasoner", profile.reasoner),
        ("encoder", profile.encoder),
    ]
    if profile.judge:
        parts.append(("judge", profile.judge))
    if profile.encoder.light:
        told, small = _light(profile.encoder)
        found.append(told)
        parts += [("light encoder", small)] if small else []
    for part, choice in parts:
        try:
            found += _package(part, choice)
            if isinstance(choice, EngineChoice) and _is_served(choice):
                servers.setdefault(Server.of(choice.options), []).append(choice.model)
                continue
            finding, place = _model(part, choice, offline)
            found.append(finding)
            places.append(place)
        except LikebutError as problem:
            found.append(Finding(part, "missing", _words(problem)))
    for server, names in servers.items():
        try:
            found += _server(server, tuple(dict.fromkeys(names)), offline, ask)
        except LikebutError as problem:
            found.append(Finding(f"server {server.base_url}", "missing", _words(problem)))
    for device in dict.fromkeys(place.device for place in places):
        sizes = [place.bytes for place in places if place.device == device]
        found.append(_memory(device, sizes, memory(device)))
    return found


def _light(choice: EncoderChoice) -> tuple[Finding, EncoderChoice | None]:
    """The map of a light query side, and its small tower where the map can be read."""
    from ..encoders.light import read_light

    try:
        light = read_light(Path(choice.light).expanduser(), "learn it: likebut index light")
    except LikebutError as problem:
        return Finding("light", "missing", _words(problem)), None
    spec = asdict(replace(light.small.spec, device=choice.device))
    right = f"{light.agreement:.0%} of the ten nearest are right"
    words = f"{choice.light}, {right}, learnt from {light.texts} texts"
    return Finding("light", "ok", words), EncoderChoice.model_validate(spec)


def _words(problem: LikebutError) -> str:
    return f"{problem.message}: {problem.hint}" if problem.hint else problem.message


def _kind(choice: Choice) -> engines.Kind | encoders.Kind:
    if isinstance(choice, EngineChoice):
        return engines.kind_of(choice.engine)
    return encoders.kind_of(choice.encoder)


def _is_served(choice: EngineChoice) -> bool:
    return engines.kind_of(choice.engine).weights == "server"


def _package(part: str, choice: Choice) -> list[Finding]:
    """The optional package that a part needs, where it is not installed."""
    kind = _kind(choice)
    if not kind.package or find_spec(kind.package):
        return []
    advice = f"pip install 'likebut[{kind.extra}]'"
    return [Finding(part, "missing", f"needs the package {kind.package}: {advice}")]


def _model(part: str, choice: Choice, offline: bool) -> tuple[Finding, _Place]:
    """A model that runs here: on disk with its size, or to be fetched. Raises LikebutError."""
    if _kind_of_weights(choice) == "none":
        return Finding(part, "ok", "needs no model"), _Place("cpu", 0.0)
    if isinstance(choice, EncoderChoice):
        spec = EncoderSpec(choice.encoder, choice.model, choice.pretrained, options=choice.options)
        encoders.check(spec)
    device = choose_device(choice.device)
    name = choice.model + (f" {_tag(choice)}" if _tag(choice) else "")
    if file := models.weights_path(_tag(choice)):
        return _weights_file(part, name, file, choice, device)
    folder = models.local_folder(choice.model) or _fetched(choice)
    weights = weights_in(folder) if folder else None
    place = _Place(device, _in_memory(weights, choice.size, choice.dtype, device))
    if weights and not weights.missing:
        return Finding(part, "ok", f"{name}, {_size(weights.bytes)} on disk, on {device}"), place
    if models.local_folder(choice.model):
        lacking = ", ".join(weights.missing) if weights else "weights"
        return Finding(part, "missing", f"{name} lacks {lacking}"), place
    size = f"about {choice.size.download_gb:g} GB" if choice.size else "of unknown size"
    if offline:
        advice = "run it once without --offline"
        return Finding(part, "missing", f"{name} is not on this machine ({size}): {advice}"), place
    return Finding(part, "fetch", f"{name}, {size}, is fetched by the first run"), place


def _weights_file(part: str, name: str, file: Path, choice: Choice, device: str) -> tuple[Finding, _Place]:
    """A file of weights that the profile names, and that is there."""
    weights = WeightFiles(file.stat().st_size, None)
    place = _Place(device, _in_memory(weights, choice.size, choice.dtype, device))
    return Finding(part, "ok", f"{name}, {_size(weights.bytes)} on disk, on {device}"), place


def _kind_of_weights(choice: Choice) -> str:
    return engines.kind_of(choice.engine).weights if isinstance(choice, EngineChoice) else "hub"


def _tag(choice: Choice) -> str:
    return choice.pretrained or "" if isinstance(choice, EncoderChoice) else ""


def _fetched(choice: Choice) -> Path | None:
    """The folder that the hub's library keeps a model in, where it has been fetched."""
    if isinstance(choice, EngineChoice):
        return models.hub_snapshot(choice.model, choice.revision)
    return models.hub_snapshot(encoders.repository_of(choice.encoder, choice.model, choice.pretrained))


def _in_memory(weights: WeightFiles | None, size: Size | None, dtype: str, device: str) -> float | None:
    """The bytes of the weights once loaded, in the number format that is chosen there."""
    said = size.parameters if size else None
    parameters = (weights.parameters if weights else None) or said
    width = choose_dtype(dtype, device).itemsize
    if parameters is None:
        return float(weights.bytes) if weights and not weights.missing else None
    return float(parameters * width)


def _server(
    server: Server, names: tuple[str, ...], offline: bool, ask: Callable[[Server], Answer]
) -> list[Finding]:
    """The server's key, without showing it, and whether it answers and knows the models."""
    unset = server.key() == NO_KEY
    key = Finding(
        server.api_key_env,
        "missing" if unset and not server.is_here else "ok",
        (
            "not set"
            + (
                " (a server on this machine rarely needs one)"
                if server.is_here
                else ": put the key into this environment variable"
            )
        )
        if unset
        else "set",
    )
    what = f"server {server.base_url}"
    if offline and not server.is_here:
        return [key, Finding(what, "missing", "another machine, and --offline forbids the network")]
    answer = ask(server)
    if answer.problem:
        advice = "start it, or correct base_url" if not answer.reached else "see its log"
        return [key, Finding(what, "missing", f"{answer.problem}: {advice}")]
    lacking = [name for name in names if answer.models is not None and name not in answer.models]
    if lacking:
        has = ", ".join(answer.models or ())[:200] or "none"
        words = f"answers, and does not list {', '.join(lacking)}; it has {has}"
        return [key, Finding(what, "unknown", words)]
    known = "answers" if answer.models is None else f"answers, and has {', '.join(names)}"
    return [key, Finding(what, "ok", known)]


def _memory(device: str, sizes: list[float | None], memory: Memory) -> Finding:
    what = f"memory {device}"
    free = f"{_size(memory.free)} of {_size(memory.total)} are free"
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return Finding(what, "unknown", f"{free}; no size is known of {len(sizes) - len(known)} models")
    need = needed(sum(known))
    words = f"about {_size(need)} for {_size(sum(known))} of weights, all at once (× 1.2 + 1 GB); {free}"
    if need > memory.total:
        return Finding(what, "missing", f"{words}: choose smaller models or another device")
    return Finding(what, "tight" if need > memory.free else "ok", words)


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
