"""What is declared: every dependency has a floor, and the lock file holds versions above them."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.lowest import FREE, constraints

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)["project"]


def declared() -> list[Requirement]:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    found = [Requirement(one) for group in groups for one in group]
    return [one for one in found if one.name != "likebut"]


def locked() -> dict[str, Version]:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {name: Version(v) for name, v in re.findall(r"^([a-z0-9-]+)==([^ ;\n]+)", lock, re.M)}


def test_every_dependency_says_its_lowest_version_and_no_highest() -> None:
    for one in declared():
        assert [part.operator for part in one.specifier] == [">="], one


def test_the_lowest_versions_are_tried_but_for_the_named_ones() -> None:
    tried = {line.partition("==")[0] for line in constraints(TEXT)}
    assert {one.name for one in declared()} - tried == set(FREE)


def test_the_lock_file_fits_what_is_declared() -> None:
    versions = locked()
    apart = {"vllm", "pillow-heif", "ray", "s3fs"}  # not of the environment that tests use
    for one in declared():
        name = one.name.lower().replace("_", "-")
        if name not in apart:
            assert one.specifier.contains(versions[name], prereleases=True), one


def _holds(one: Requirement, python: str, extras: set[str]) -> bool:
    here = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
    }
    marker = one.marker
    return marker is None or any(marker.evaluate({**here, "extra": e}) for e in {"", *extras})


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_file_also_holds_what_those_need_in_turn(python: str) -> None:
    """As the packages of this environment say it themselves, on Linux."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    lines = [Requirement(line) for line in lock if line and line[0] not in "# "]
    pins = {canonicalize_name(one.name) for one in lines if _holds(one, python, set())}
    waiting = [one for one in declared() if canonicalize_name(one.name) in pins]
    seen: set[tuple[str, ...]] = set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        assert name in pins, f"{one}: make lock"
        assert one.specifier.contains(locked()[name], prereleases=True), f"{one}: make lock"
        if (name, *sorted(one.extras)) not in seen:
            seen.add((name, *sorted(one.extras)))
            try:
                needs = [Requirement(line) for line in requires(name) or []]
            except PackageNotFoundError:
                continue  # not of this platform
            waiting += [need for need in needs if _holds(need, python, one.extras)]
    assert len(seen) > 40
