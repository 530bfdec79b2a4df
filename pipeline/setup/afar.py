"""What of a setup the workers of a Ray cluster do, and what they cannot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..engines import kind_of
from ..errors import ConfigError

if TYPE_CHECKING:
    from ..asking.afar import Workers
    from ..config.profile import EngineChoice, Profile
    from ..config.recipe import Recipe
    from .names import Setup

_log = logging.getLogger(__name__)


def workers_of(setup: Setup, models: Profile, recipe: Recipe) -> Workers | None:
    """Workers for the engines that the recipe asks and that run in a process; nothing is connected yet.

    None where the setup names no cluster. Raises ConfigError where all that is asked is at a server, and
    for a device that is one of several of this machine.
    """
    if setup.on is None:
        return None
    check_device(setup)
    asked = list(_asked(models, recipe))
    here = [choice for choice in asked if kind_of(choice.engine).runs == "here"]
    if asked and not here:
        raise ConfigError(
            f"--on {setup.on}: the models of the profile {models.name} are asked at a server",
            "leave out --on; how many requests a server gets at once is the profile's concurrency",
        )
    if not asked:
        _log.warning("recipe %s asks no model: --on is of use to encode pictures alone", recipe.name)
    from ..asking.afar import Workers

    gpus = max((int(choice.options.get("tensor_parallel_size", 1)) for choice in here), default=1)
    return Workers(setup.on, gpus, offline=setup.offline)


def check_device(setup: Setup) -> None:
    """Raises ConfigError for --on with a GPU by number: a worker has its own, and knows no other."""
    if setup.on is not None and setup.device and ":" in setup.device:
        raise ConfigError(
            f"--device {setup.device} and --on do not go together: Ray gives each worker its GPU",
            f"leave out one of the two, or --device {setup.device.partition(':')[0]}",
        )


def _asked(models: Profile, recipe: Recipe) -> Iterator[EngineChoice]:
    if (recipe.describe and recipe.describe.asks) or recipe.needs_captions:
        yield models.captioner
    if recipe.reason:
        yield models.reasoner
    if recipe.rerank or recipe.refine:
        yield models.judge or models.reasoner
