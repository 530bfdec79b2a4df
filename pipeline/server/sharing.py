"""Models that composers share: each is loaded once, however many galleries and recipes ask it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..asking.encoder import CachedEncoder
from ..asking.engine import CachedEngine

if TYPE_CHECKING:
    from ..stages.composer import Composer


class Sharing:
    """The models of all composers so far."""

    def __init__(self) -> None:
        self._models: list[Any] = []

    def of(self, composer: Composer) -> Composer:
        """The composer with the models of those before it, where they are the same."""
        judge = composer.judge
        return replace(
            composer,
            captioner=self._shared(composer.captioner),
            reasoner=self._shared(composer.reasoner),
            encoder=self._shared(composer.encoder),
            judge=self._shared(judge) if judge else None,
        )

    def _shared(self, model: Any) -> Any:
        for known in self._models:
            alike = type(known) is type(model) and known.spec == model.spec
            if alike and (isinstance(model, CachedEncoder) or _price(known) == _price(model)):
                return known
        self._models.append(model)
        return model


def _price(engine: CachedEngine) -> Any:
    return engine.account.price if engine.account else None
