"""The galleries that are served: opened once, kept warm for every recipe that is asked for.

Models are shared by all of them; the first composer of a profile brings them along.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...indexes.errors import GalleryError
from ...indexes.exact import make_ready
from ...indexes.milvus.address import is_address, read_address
from ..config.files import recipe_names
from ..engines import kind_of
from ..errors import InputError, LikebutError, did_you_mean
from ..machine.places import kept_index
from ..setup.names import Setup
from ..setup.session import INDEX_FOLDER, OnBuild, open
from .lane import Lane
from .problems import Refused, missing
from .remote import opening as opening_by
from .sharing import Sharing
from .warm import Warm

if TYPE_CHECKING:
    from ..asking.budget import Budget
    from ..stages.composer import Composer
    from .apart import Apart

AGAIN = 10.0  # seconds until a gallery that could not be opened is tried again
KEPT = 16  # composers: of a gallery, one a recipe
WORKERS = 4  # batches at once, where a server answers


@dataclass(frozen=True)
class Place:
    """A gallery by the ``id`` that addresses have, what people call it, and how it is opened."""

    id: str
    name: str
    setup: Setup


def place_of(setup: Setup) -> Place:
    """The place of a setup; the same gallery has the same id in every run."""
    where = Path(setup.index).expanduser() if setup.index else setup.pictures[0]
    real = str(read_address(where)) if is_address(where) else os.path.realpath(where)
    name = os.path.basename(real) or "root"
    word = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:24] or "gallery"
    return Place(f"{word}-{sha256(os.fsencode(real)).hexdigest()[:8]}", name, setup)


class Galleries:
    """Opens galleries when they are asked for. Of several threads at once.

    ``read_only``: no index is made or brought up to date. ``on_build`` hears what indexing
    did, ``on_problem`` what went wrong: message and hint. Models are in the process ``apart``, or in
    this one where ``opening`` opens a setup.
    """

    def __init__(
        self,
        setups: Sequence[Setup],
        budget: Budget,
        *,
        read_only: bool = False,
        on_build: OnBuild | None = None,
        on_problem: Callable[[str, str], None] | None = None,
        room: int = 64,
        apart: Apart | None = None,
        opening: Callable[..., Composer] = open,
    ) -> None:
        self.places = {place.id: place for place in map(place_of, setups)}
        self.budget, self.read_only, self.on_build = budget, read_only, on_build
        self.on_problem, self.apart = on_problem, apart
        self.opening = opening_by(apart) if apart else opening
        self.busy: dict[str, Any] | None = None
        self.warm = threading.Event()  # no question is asked before models are loaded
        self.problems: dict[str, LikebutError | GalleryError] = {}
        self._tried: dict[str, float] = {}
        self.lane = Lane(WORKERS if _all_served(setups[0]) else 1, room=room)
        self._open: OrderedDict[tuple[str, str], Warm] = OrderedDict()
        self._sharing = Sharing()
        self._lock = threading.Lock()  # of what is held here; never while something is opened
        self._doors = {ident: threading.Lock() for ident in self.places}

    def open_all(self) -> None:
        """Open every gallery by its own recipe; what goes wrong is in ``problems``."""
        try:
            make_ready()
            for place in self.places.values():
                with suppress(LikebutError, GalleryError):
                    self._load(self._tried_to_open(place))
                    self.warm.set()  # the others have the same models
        finally:
            self.warm.set()

    def close(self) -> None:
        """Ask models nothing more."""
        self.lane.close()
        self.warm.set()
        if self.apart:
            self.apart.end()

    def _tried_to_open(self, place: Place) -> Warm:
        """The gallery by its own recipe. What goes wrong is raised, told, and kept in ``problems``."""
        self._tried[place.id] = time.monotonic()
        try:
            composer = self._opened(place, place.setup.recipe)
        except (LikebutError, GalleryError) as problem:
            self.problems[place.id] = problem
            if self.on_problem:
                self.on_problem(problem.message, problem.hint)
            raise
        self.problems.pop(place.id, None)
        return composer

    def _load(self, composer: Warm) -> None:
        """Load the models that the first question would wait for; the question tells what is wrong."""
        recipe = composer.recipe
        needed = [composer.captioner] if recipe.describe and recipe.describe.asks else []
        needed += [composer.reasoner] if recipe.reason or composer.judges else []
        with suppress(LikebutError, GalleryError, OSError):
            self.busy = {"what": "loading models", "done": 0, "all": 0}
            try:
                composer.encoder.load_for_texts()
                for engine in needed:
                    _ = engine.engine
            finally:
                self.busy = None

    def get(self, ident: str, recipe: str = "") -> Warm:
        """The composer of a gallery and a recipe, the gallery's own where none is named.

        Raises Refused for a gallery that there is not, or that is not ready, and what opening raises.
        """
        place = self.places.get(ident)
        if place is None:
            raise missing("gallery", f"known: {', '.join(self.places)}")
        recipe = recipe or place.setup.recipe
        if known := self.known(ident, recipe):
            return known
        if self.opened(place) is None:
            self._check_ready(place)
            self._tried_to_open(place)
        self._check_recipe(recipe, place)
        return self._opened(place, recipe)

    def opened(self, place: Place) -> Warm | None:
        """The composer of a gallery by its own recipe; None as long as it is not open."""
        return self._open.get((place.id, place.setup.recipe))

    def known(self, ident: str, recipe: str) -> Warm | None:
        """The composer of a gallery and a recipe where it is open; waits for nothing."""
        with self._lock:
            found = self._open.get((ident, recipe))
            if found:
                self._open.move_to_end((ident, recipe))
        return found

    def _check_ready(self, place: Place) -> None:
        if place.id in self.problems and time.monotonic() < self._tried[place.id] + AGAIN:
            problem = self.problems[place.id]
            raise Refused(503, f"{place.name} cannot be opened: {problem.message}", problem.hint)
        if self.busy:
            words = f"{self.busy['what']}: {self.busy['done']} of {self.busy['all']}"
            raise Refused(503, f"not ready yet: {words}", "wait a little", after=2)

    def _check_recipe(self, recipe: str, place: Place) -> None:
        """Only recipes of the product, and the server's own: a request names no file."""
        known = recipe_names()
        if recipe != place.setup.recipe and recipe.partition("@")[0] not in known:
            raise Refused(422, f"no recipe {recipe!r}", did_you_mean(recipe, known))

    def _opened(self, place: Place, recipe: str) -> Warm:
        with self._doors[place.id]:
            if known := self.known(place.id, recipe):
                return known
            setup = self._setup(place, recipe)
            self.busy = {"what": f"opening {place.name}", "done": 0, "all": 0}
            try:
                composer = self.opening(
                    setup, self._progress(place), on_build=self.on_build, budget=self.budget
                )
            finally:
                self.busy = None
            with self._lock:
                warm = Warm.of(self._sharing.of(composer), self.lane, place.id)
                self._open[place.id, recipe] = warm
                others = [key for key in self._open if key[1] != self.places[key[0]].setup.recipe]
                if len(others) > KEPT:
                    del self._open[others[0]]
            return warm

    def _setup(self, place: Place, recipe: str) -> Setup:
        """The setup of a recipe; the index of a gallery that is open is not brought up to date again."""
        setup = replace(place.setup, recipe=recipe)
        if recipe != place.setup.recipe:  # what the server's own was changed by does not fit any other
            setup = replace(setup, weights={}, samples=None, choose=None, rerank=None, top=None)
        first = self._open.get((place.id, place.setup.recipe))
        if first is not None:
            return replace(setup, index=first.gallery.folder, folders=())
        if self.read_only and setup.pictures:
            return replace(setup, index=_index_of(setup.pictures[0]), folders=())
        return setup

    def _progress(self, place: Place) -> Any:
        def hear(done: int, total: int) -> None:
            self.busy = {"what": f"indexing {place.name}", "done": done, "all": total}

        return hear


def _all_served(setup: Setup) -> bool:
    """Whether another process does the work of the language models."""
    from ..config.files import load_profile

    profile = load_profile(setup.profile)
    engines = [one for one in (profile.captioner, profile.reasoner, profile.judge) if one]
    return all(kind_of(one.engine).runs != "here" for one in engines)


def _index_of(folder: Path) -> Path:
    """The index that a folder has. Raises InputError where it has none."""
    for place in (folder / INDEX_FOLDER, kept_index(folder)):
        if (place / "manifest.json").is_file():
            return place
    raise InputError(f"{folder} has no index yet, and --read-only makes none", "serve it once without")
