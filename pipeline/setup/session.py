"""The door of the product: a setup is opened, its gallery brought up to date, and queries can be asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..machine.places import kept_index
from .assembly import assemble, elsewhere
from .making import HERE, Making
from .names import Setup

if TYPE_CHECKING:
    from ...indexes.build import BuildReport
    from ...indexes.cluster import Elsewhere
    from ..asking.budget import Budget
    from ..asking.encoder import CachedEncoder
    from ..hits.where import Condition
    from ..stages.composer import Composer

INDEX_FOLDER = ".likebut"
OnProgress = Callable[[int, int], None]
OnBuild = Callable[["BuildReport", Path], None]


def open(
    setup: Setup,
    on_progress: OnProgress | None = None,
    *,
    on_build: OnBuild | None = None,
    budget: Budget | None = None,
    dry: bool = False,
    making: Making = HERE,
) -> Composer:
    """The composer of a setup, on its gallery if it names one; models load when first needed.

    Folders are indexed or refreshed first: ``on_progress`` hears of their pictures (done, all),
    ``on_build`` what was done. A ``dry`` one, for estimates, opens no gallery. The ``budget`` stands
    in for the setup's own; ``making`` says who loads the models. Raises ConfigError, ModelError,
    InputError, and what opening and building an index raise.
    """
    from ...indexes.milvus.address import is_address
    from ..hits.where import read_condition

    where = [read_condition(condition) for condition in setup.where]
    composer = assemble(setup, budget, dry=dry, making=making)
    if setup.exact:
        composer = replace(composer, searcher="exact")
    index = Path(setup.index).expanduser() if setup.index else None
    for place in [index] if index else setup.pictures:
        if dry and not place.is_dir() and not is_address(place):
            raise InputError(f"no folder {place}", "check --index or --in")
    if dry or not (index or setup.pictures):
        return composer
    encoder = composer.encoder
    if not index:
        index = refresh(setup.pictures, encoder, on_progress, on_build, elsewhere(setup))
    composer = composer.on(index)
    return _narrowed(composer, where) if where else composer


def _narrowed(composer: Composer, where: Sequence[Condition]) -> Composer:
    """The composer that finds what meets all conditions, and nothing else."""
    from ...indexes.milvus.gallery import Remote
    from ..hits.where import narrowed, rows_outside

    gallery = composer.gallery
    if isinstance(gallery, Remote):
        return replace(composer, index=narrowed(gallery, where))
    return replace(composer, barred=rows_outside(gallery, where))


def refresh(
    folders: Sequence[Path],
    encoder: CachedEncoder,
    on_progress: OnProgress | None = None,
    on_build: OnBuild | None = None,
    cluster: Elsewhere | None = None,
) -> Path:
    """The index of folders, built or refreshed: of one ``folder/.likebut``, or in the user's cache.

    What is new is encoded by the ``cluster``, where there is one. A folder that lies in another of them
    is part of it. Raises InputError for a missing folder.
    """
    from ...indexes.refresh import refresh as refresh_index

    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"no folder {folder}", "check --in")
    folders = outermost(folders)
    kept = kept_index(*folders)
    own = [folder / INDEX_FOLDER for folder in folders]
    out, report = refresh_index(
        folders,
        own[0] if len(own) == 1 else kept,
        kept,
        encoder,
        donors=own if len(own) > 1 else (),
        cluster=cluster,
        on_progress=on_progress,
    )
    if on_build and report:
        on_build(report, out)
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
