"""Where model folders lie, and what identifies their weights, without importing torch."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from threading import RLock

from ..errors import ModelError, did_you_mean

# Libraries of models change settings of the whole process while they load one: no two may at once.
LOADING = RLock()
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FILES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
POCKET = Path(__file__).parent.parent / "pocket" / "models"


def local_folder(model: str) -> Path | None:
    """The folder of "pocket:NAME", "package:NAME/FOLDER" or a path; None for a name on the hub.

    A package model lies within an installed Python package. Raises ModelError for what is named
    so and is not there.
    """
    if model.startswith("package:"):
        return _in_package(model)
    if model.startswith("pocket:"):
        folder = POCKET / model.removeprefix("pocket:")
        if not folder.is_dir():
            known = [f"pocket:{path.name}" for path in POCKET.glob("*/")]
            raise ModelError(f"no model {model!r}", did_you_mean(model, known))
        return folder
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or model.startswith((".", "~")):
        raise ModelError(f"no model folder {model}", "check the path in the profile")
    return None


def weights_path(pretrained: str | None) -> Path | None:
    """The path that ``pretrained`` is, there or not; None for a tag: no slash, and no such ending."""
    if not pretrained:
        return None
    named = "/" in pretrained or os.sep in pretrained or Path(pretrained).suffix in _FILES
    return Path(pretrained).expanduser() if named else None


def _in_package(model: str) -> Path:
    from importlib.util import find_spec

    package, _, inner = model.removeprefix("package:").partition("/")
    found = find_spec(package)
    folders = [Path(place) / inner for place in (found.submodule_search_locations or ())] if found else []
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        raise ModelError(f"no model {model!r}", f"pip install {package.replace('_', '-')}")
    return folder


def hub_commit(model: str, revision: str | None = None) -> str | None:
    """The commit of a hub model as it lies in the hub's own folder; None where it does not.

    ``revision`` is a branch, a tag or a full commit. Reads the folder's layout (refs/NAME holds
    the commit) instead of importing the hub library.
    """
    if revision and _COMMIT.fullmatch(revision):
        return revision
    ref = _hub_folder(model) / "refs" / (revision or "main")
    try:
        return ref.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def hub_snapshot(model: str, revision: str | None = None) -> Path | None:
    """The folder of a hub model as the hub's library has fetched it; None where it has not."""
    commit = hub_commit(model, revision)
    folder = _hub_folder(model) / "snapshots" / (commit or "none")
    return folder if commit and folder.is_dir() else None


def _hub_folder(model: str) -> Path:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    return hub / f"models--{model.replace('/', '--')}"


def weight_files(folder: Path) -> list[Path]:
    """The files that make a model folder what it is: weights, configs, tokenizers."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".safetensors", ".json", ".bin", ".jinja", ".txt")
    )


def other_files(folder: Path) -> list[Path]:
    """What else makes an encoder: parts in folders of their own (pooling, dense), other formats."""
    first = set(weight_files(folder))
    kinds = (".safetensors", ".json", ".bin", ".jinja", ".txt", ".pth", ".pt", ".ckpt", ".model")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in kinds and path not in first and path.is_file()
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def stamp(folder: Path) -> str:
    """Changes whenever a file of the folder does; cheap (sizes and times only)."""
    facts = [
        (path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in (*weight_files(folder), *other_files(folder))
    ]
    return hashlib.sha256(repr((str(folder.resolve()), facts)).encode()).hexdigest()


def file_stamp(path: Path) -> str:
    """As `stamp`, of one file; "" where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return ""
    return repr((str(path.resolve()), facts.st_size, facts.st_mtime_ns))


def encoder_fingerprint(folder: Path) -> str:
    """As `fingerprint`, and over `other_files` where there are any: all that decides a vector."""
    others = other_files(folder)
    if not others:
        return fingerprint(folder)
    digest = hashlib.sha256(fingerprint(folder).encode())
    for path in others:
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def fingerprint(folder: Path) -> str:
    """SHA-256 over the contents of the folder's files: the same wherever the folder lies."""
    digest = hashlib.sha256()
    for path in weight_files(folder):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
