"""An encoder with a light query side: what is asked is encoded by a small tower, all else by the big one.

To an index it is the big tower, which loads when a picture or a document must be encoded, and not before.
Texts are kept under a fingerprint of their own: light and exact vectors never meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ..encoders.contract import Encoder, EncoderSpec
from ..encoders.light import Light, LightTower
from ..errors import ModelError
from ..records.trace import LightSide
from .cache import Cache
from .encoder import CachedEncoder
from .facts import facts_key, facts_of, files_here

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLACE = ("encoder", "model", "pretrained", "options")  # what of a spec says which weights


class LightEncoder(CachedEncoder):
    """As a `CachedEncoder` of the big tower's ``spec``, but for the texts of queries.

    Both towers run on the device of the spec.
    Raises ModelError with the hint ``mend`` where a tower turns out to be another than the map's.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        cache: Cache,
        light: Light,
        mend: str = "",
        make: Callable[[EncoderSpec], Encoder] | None = None,
    ) -> None:
        super().__init__(spec, cache, make=make)
        self._map, self._mend = light, mend
        small = replace(light.small.spec, device=spec.device)
        own = replace(small, options={**small.options, "light": light.sha256})
        self.asked = CachedEncoder(own, cache, make=lambda _: self._tower(small))

    def _tower(self, small: EncoderSpec) -> Encoder:
        from ..encoders import make_encoder

        made = (self._make or make_encoder)(small)
        return cast(Encoder, LightTower(made, self._map, self._mend))

    @property
    def light(self) -> LightSide:
        """Who encodes what is asked."""
        return LightSide(self._map.small.name, self._map.agreement)

    @property
    def text_fingerprint(self) -> str:
        """That of the small tower and the map."""
        return self._map.fingerprint

    def load_for_texts(self) -> None:
        """Load the small tower."""
        _ = self.asked.encoder

    @property
    def context_length(self) -> int:
        """How many tokens of a text the small tower reads."""
        return self.asked.context_length

    def texts_with_counts(
        self, texts: Sequence[str], *, documents: bool = False
    ) -> list[tuple[NDArray[Any], int]]:
        """See CachedEncoder; documents are the big tower's."""
        if documents:
            return super().texts_with_counts(texts, documents=self.documents_differ)
        return self.asked.texts_with_counts(texts)

    def encode_documents(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows of what is searched, by the big tower: they go into its index."""
        import numpy as np

        rows = [vector for vector, _ in self.texts_with_counts(texts, documents=True)]
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)

    def _known_facts(self) -> Mapping[str, Any] | None:
        """Those that the cache has of the big tower, or the map, where it is about the same files."""
        told, known = self._map.big, None
        with suppress(ModelError):  # its folder is not on this machine, and texts do without
            known = super()._known_facts()
        named = all(getattr(told.spec, name) == getattr(self.spec, name) for name in _PLACE)
        if known is None and named and (not files_here(self.spec) or facts_key(self.spec) == told.key):
            known = told.facts
        if known is not None:
            self._check_big(str(known["name"]), str(known["fingerprint"]))
        return known

    def _check_unchanged(self, encoder: Encoder) -> None:
        if encoder.fingerprint != self._map.big.fingerprint:
            self.cache.put_fact(facts_key(self.spec), facts_of(encoder))
        self._check_big(encoder.name, encoder.fingerprint)
        super()._check_unchanged(encoder)

    def _check_big(self, name: str, fingerprint: str) -> None:
        if fingerprint != self._map.big.fingerprint:
            made = self._map.big.name
            other = "another by its weights" if name == made else name
            raise ModelError(f"the light map leads to {made}; the profile's tower is {other}", self._mend)
