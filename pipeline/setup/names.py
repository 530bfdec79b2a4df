"""What a person names: method, models, gallery, limits."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..machine.places import answers_file

if TYPE_CHECKING:
    from ..asking.budget import Budget

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Setup:
    """What answers queries, by name. ``exact`` looks at every row, though there is a compressed form.

    ``recipe`` and ``profile`` are names or .toml files; ``weights``, ``samples``, ``choose``, ``rerank``
    (a judge, or "none") and ``top`` (how many hits it judges) stand in for the recipe's. The gallery is
    an ``index`` (a folder, or an address of Milvus), or ``folders`` of pictures whose index is brought up
    to date: its pictures that meet all conditions of ``where`` ("date>=2024-05"). ``without`` are words
    that are searched away. ``max_calls`` and ``max_cost`` (dollars) limit what models are asked;
    ``cache`` is the file of their answers, None the user's own. ``on`` is a Ray cluster that does what
    models do: "local" or "ray://HOST:PORT".
    """

    recipe: str = "likebut"
    profile: str = "pocket"
    weights: Mapping[str, float] = field(default_factory=dict)
    samples: int | None = None
    choose: str | None = None
    rerank: str | None = None
    top: int | None = None
    index: AnyPath | None = None
    folders: AnyPath | Sequence[AnyPath] = ()
    where: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    exact: bool = False
    device: str | None = None
    offline: bool = False
    cache: AnyPath | None = None
    max_calls: int | None = None
    max_cost: float | None = None
    on: str | None = None

    @property
    def answers(self) -> Path:
        """The file of the answers."""
        return answers_file(Path(self.cache) if self.cache else None)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The folders."""
        alone = isinstance(self.folders, str | os.PathLike)
        places = [self.folders] if alone else self.folders
        return tuple(Path(place).expanduser() for place in places)  # type: ignore[arg-type,union-attr]

    def budget(self, ledger: Path | None = None) -> Budget:
        """The limits, over all sessions that the ``ledger`` holds.

        Raises ConfigError for a limit that is no number, InputError for a file that is no ledger.
        """
        return self.budgets({"": ledger})[""]

    def budgets(self, ledgers: Mapping[str, Path | None]) -> dict[str, Budget]:
        """Budgets of several outputs by name; the limits are for all of them together."""
        from ..asking.budget import Budget, Limits
        from ..asking.ledger import Ledger

        if self.max_cost is not None and not math.isfinite(self.max_cost):
            raise ConfigError(f"--max-cost {self.max_cost} is no limit", "for example --max-cost 2.50")
        limits = Limits(self.max_calls, self.max_cost)
        books = {name: Ledger(path) for name, path in ledgers.items()}
        return {
            name: Budget(limits, book, [b for n, b in books.items() if n != name], self.answers)
            for name, book in books.items()
        }
