"""Prints the lowest versions that a pyproject.toml declares, as constraints for pip.

    python tests/lowest.py pyproject.toml

torch is left to the resolver: below 2.14 there is no build of torchvision for a processor alone that
fits it. The lowest torch was run by hand, see CONTRIBUTING.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_FLOOR = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)(?:; .*)?")
# vLLM is an environment of its own, and builds of heif are for those who have such pictures.
FREE = ("torch", "vllm")


def constraints(text: str) -> list[str]:
    """ "name==floor" of every dependency and extra that says one."""
    project = tomllib.loads(text)["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    found = [match for group in groups for one in group if (match := _FLOOR.fullmatch(one))]
    return [f"{match[1]}=={match[2]}" for match in found if match[1] not in FREE]


if __name__ == "__main__":
    print("\n".join(constraints(Path(sys.argv[1]).read_text(encoding="utf-8"))))
