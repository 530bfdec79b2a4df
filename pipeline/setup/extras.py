"""What the extras of likebut bring, by its own metadata, and what of it is on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from .. import encoders, engines

_OURS = ("dev",)  # for who works on likebut


@dataclass(frozen=True)
class Extra:
    """One extra: of its packages those that are ``here``, each with its version, and those ``lacking``.

    A package that is older than likebut asks for is lacking.
    """

    name: str
    here: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def command(self) -> str:
        """What installs it."""
        return f"pip install 'likebut[{self.name}]'"

    @property
    def state(self) -> str:
        """ "ok" where all of it is here, else "optional"."""
        return "optional" if self.lacking else "ok"

    @property
    def value(self) -> str:
        """What is here and what is not, and the command that brings it."""
        if not self.lacking:
            return ", ".join(self.here)
        if not self.here:
            return f"not installed ({self.command})"
        return f"{', '.join(self.here)}; lacks {', '.join(self.lacking)} ({self.command})"


def extras() -> dict[str, Extra]:
    """The extras by name; none where likebut runs without being installed."""
    from packaging.requirements import Requirement

    try:
        names = metadata("likebut").get_all("Provides-Extra") or []
        asked = [Requirement(line) for line in requires("likebut") or ()]
    except PackageNotFoundError:
        return {}
    found: dict[str, Extra] = {}
    for name in names:
        if name in _OURS:
            continue
        here: list[str] = []
        lacking: list[str] = []
        for one in asked:
            if (
                one.marker
                and one.marker.evaluate({"extra": name})
                and not one.marker.evaluate({"extra": ""})
            ):
                there = _version(one.name)
                fits = there is not None and one.specifier.contains(there, prereleases=True)
                shown = one.name if there is None else f"{one.name} {there}"
                (here if fits else lacking).append(
                    shown if fits or there is None else f"{shown} ({one.specifier})"
                )
        found[name] = Extra(name, tuple(here), tuple(lacking))
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def extra_rows(found: Mapping[str, Extra]) -> list[dict[str, str]]:
    """A row for every kind of encoder and engine, and for every extra that none of them needs."""
    rows, told = [], set()
    for label, table in (("encoder", encoders.ENCODERS), ("engine", engines.ENGINES)):
        for name, kind in table.items():
            extra = found.get(kind.extra)
            told.add(kind.extra)
            state, value = "ok", "comes with likebut"
            if extra:
                state, value = extra.state, extra.value
            elif kind.extra:
                state, value = "unknown", f"part of the extra {kind.extra}; likebut is not installed here"
            rows.append({"what": f"{label} {name}", "state": state, "value": value})
    for extra in found.values():
        if extra.name not in told:
            rows.append({"what": f"extra {extra.name}", "state": extra.state, "value": extra.value})
    return rows
