"""What is declared: every dependency has a floor, and the lock file holds versions above them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
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
    apart = {"vllm", "pillow-heif"}  # not of the environment that tests use
    for one in declared():
        name = one.name.lower().replace("_", "-")
        if name not in apart:
            assert one.specifier.contains(versions[name], prereleases=True), one
