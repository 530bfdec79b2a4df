"""The gallery of a command: an index, or folders of pictures whose index is brought up to date."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.index import tell_build
from pipeline.cli.options import Choose, kept_index
from pipeline.cli.output import progress
from pipeline.cli.settings import gallery
from pipeline.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pipeline.asking.budget import Budget
    from pipeline.hits.where import Condition
    from pipeline.stages.composer import Composer

INDEX_FOLDER = ".likebut"


def open_composer(
    index: Path | None,
    folders: Sequence[Path] | None,
    *,
    recipe: str,
    profile: str,
    weights: dict[str, float],
    cache: Path,
    device: str | None,
    offline: bool,
    samples: int | None = None,
    choose: Choose | None = None,
    budget: Budget | None = None,
    dry: bool = False,
    unwanted: tuple[str, ...] = (),
    where: Sequence[Condition] = (),
) -> Composer:
    """A composer on an index, or on folders whose index is refreshed first; a dry one on none.

    Its gallery is the pictures that meet all of ``where``; InputError is raised where none does.
    """
    from pipeline.setup.assembly import assemble

    if index is None and not folders:
        index, folder = gallery()
        folders = [folder] if folder else []
    if (index is None) == (not folders):
        raise ConfigError(
            "name one gallery",
            "--index DIR for an index, or --in FOLDER for pictures; once for all: "
            "likebut settings set gallery DIR",
        )
    composer = assemble(
        recipe=recipe,
        profile=profile,
        cache_path=cache,
        weights=weights,
        samples=samples,
        choose=choose.value if choose else None,
        device=device,
        offline=offline,
        budget=budget,
        dry=dry,
    )
    composer = replace(composer, unwanted=unwanted)
    for place in [index] if index else folders or ():
        if dry and not place.is_dir():
            raise InputError(f"no folder {place}", "check --index or --in")
    if dry:
        return composer
    composer = composer.on(index or refresh(folders or (), composer))
    if not where:
        return composer
    from pipeline.hits.where import rows_outside

    return replace(composer, barred=rows_outside(composer.gallery, where))


def refresh(folders: Sequence[Path], composer: Composer) -> Path:
    """The index of folders, built or refreshed: of one ``folder/.likebut``, or in the user's cache.

    A folder that lies in another of them is part of it. Raises InputError for a missing folder.
    """
    from indexes.refresh import refresh as refresh_index

    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"no folder {folder}", "check --in")
    folders = outermost(folders)
    kept = kept_index(*folders)
    own = [folder / INDEX_FOLDER for folder in folders]
    with progress("indexing") as on_progress:
        out, report = refresh_index(
            folders, own[0] if len(own) == 1 else kept, kept, composer.encoder,
            donors=own if len(own) > 1 else (), on_progress=on_progress,
        )  # fmt: skip
    changed = report and (report.encoded or report.removed or report.renamed)
    if report and (changed or report.failed or (report.news and report.left_out)):
        tell_build(report, out)
    return out


def outermost(folders: Sequence[Path]) -> list[Path]:
    """The folders without those that lie in another of them, each once, in order."""
    real = {folder: os.path.realpath(folder) for folder in folders}
    first = {place: folder for folder, place in reversed(real.items())}
    places = list(dict.fromkeys(real.values()))
    return [
        first[place]
        for place in places
        if not any(place != other and place.startswith(os.path.join(other, "")) for other in places)
    ]
