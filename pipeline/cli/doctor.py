"""`doctor`: what this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ..errors import EXIT_MODEL
from ..machine.places import answers_file
from .options import FormatOption
from .output import Format, write_rows
from .settings_command import setting_rows

EPILOG = (
    "Examples: [cyan]likebut doctor[/cyan] · [cyan]likebut doctor --profile cpu[/cyan]   "
    "can these models run here?"
)
PACKAGES = ("torch", "transformers", "open_clip_torch", "faiss-cpu", "pyarrow", "pillow", "aggdraw")


def doctor(
    profile: Annotated[
        str | None,
        typer.Option("--profile", "-p", help="Check the models of a profile, a name or a .toml file."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="With --profile: what would be fetched is missing.")
    ] = False,
    form: FormatOption = Format.table,
) -> None:
    """Check packages, devices, models, folders and settings; exit 4 if something needed is missing.

    Every kind of encoder and engine, and every extra, is listed with its packages, and with the command
    that brings what lacks.

    Settings are shown with where they came from; a broken one ends with 2, after everything else.

    With --profile: which of its models are here and which would be fetched, how large they are,
    whether memory is enough, and whether its servers answer (the only thing asked over a network).
    What can be fetched is not missing, and what is tight may still run: both exit 0.
    """
    if profile:
        from ..config.files import load_profile
        from ..setup.check import check_profile

        rows = [vars(found) for found in check_profile(load_profile(profile), offline=offline)]
        _finish(rows, form)
        return
    from ..setup.extras import extra_rows, extras

    rows = [_row("python", sys.version.split()[0], True)]
    rows += [_package(name) for name in PACKAGES]
    rows += extra_rows(extras())
    rows += _devices()
    rows += _models()
    path = answers_file()
    writable = os.access(next(p for p in (path, *path.parents) if p.exists()), os.W_OK)
    rows.append(_row("cache", str(path), writable, "choose another place with LIKEBUT_CACHE=FILE"))
    settings, problems = setting_rows()
    rows += [
        {
            "what": row["setting"],
            "state": "broken" if row["value"] == "broken" else "set",
            "value": f"{row['value']} ({row['source']})",
        }
        for row in settings
    ]
    _finish(rows, form)
    if problems:
        raise problems[0]


def _finish(rows: list[dict[str, str]], form: Format) -> None:
    write_rows(rows, form)
    if any(row["state"] == "missing" for row in rows):
        raise typer.Exit(EXIT_MODEL)


def _row(what: str, value: str, good: bool, advice: str = "") -> dict[str, str]:
    return {
        "what": what,
        "state": "ok" if good else "missing",
        "value": value if good else f"{value}: {advice}",
    }


def _package(name: str) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return _row(name, version(name), True)
    except PackageNotFoundError:
        return _row(name, "not installed", False, "pip install likebut")


def _devices() -> list[dict[str, str]]:
    import torch

    features = torch.backends.cpu.get_cpu_capability()
    rows = [_row("cpu", f"{os.cpu_count()} cores, {features}", True)]
    for number in range(torch.cuda.device_count()):
        rows.append(_row(f"cuda:{number}", torch.cuda.get_device_name(number), True))
    if not torch.cuda.is_available():
        rows.append(
            {"what": "cuda", "state": "none", "value": "no device (profiles pocket and cpu do without)"}
        )
    return rows


def _models() -> list[dict[str, str]]:
    from ..machine.models import POCKET

    rows = []
    for name in ("clip", "captioner", "reasoner"):
        weights = list((POCKET / name).glob("*.safetensors"))
        size = sum(file.stat().st_size for file in weights) / 1e6
        rows.append(_row(f"pocket-{name}", f"{size:.1f} MB", bool(weights), "install likebut again"))
    return rows
