"""Which folders of the repository are which packages: all of them are parts of `likebut`."""

from setuptools import find_namespace_packages, setup

PARTS = ("pipeline", "indexes", "prompts")
FOUND = find_namespace_packages(include=[name for part in PARTS for name in (part, f"{part}.*")])

setup(
    packages=["likebut", *(f"likebut.{name}" for name in FOUND)],
    package_dir={"likebut": "likebut", **{f"likebut.{part}": part for part in PARTS}},
)
