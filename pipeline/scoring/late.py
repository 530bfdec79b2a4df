"""Late interaction: grains held against several vectors of parts of a picture, each with its own best.

A form gives (m, n) similarities of m grains with n rows, and (m, n) places of the parts that they met
best, R standing for the whole picture. Texts of a grain t, parts r_1 … r_R and the whole v of an item:

    max        max_j t·r_j, the whole being one of the parts (SORCE's form)
    soft       Σ_j softmax_j(t·r_j / τ) · t·r_j (MulVec, arXiv 2608.25305)
    composed   t·unit(v + Σ_i softmax_i(s_i) · r_i), r_i the part that meets grain i best, s_i = t_i·r_i
               (ComCLIP)
    transport  −Σ_j [π(r_j | t) + π(t | r_j)] · (1 − cos(t′, r_j)), the whole being one of the parts, π
               the softmax over the other set at τ, and t′ = t moved towards the sentence by its share of
               the weights (STiTch, arXiv 2605.21261)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ConfigError, did_you_mean
from ..records.trace import Grain
from .contract import REGION_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SENTENCE = f"{REGION_SIDE}modification"
# Multiplications in one product: below what BLAS deals to several threads, which costs more than it saves.
AT_ONCE = 250_000


class Views(NamedTuple):
    """n items: ``parts`` (n, R, d) and ``whole`` (n, d), unit vectors; zeros where there are none."""

    parts: NDArray[Any]
    whole: NDArray[Any]

    @property
    def all(self) -> NDArray[Any]:
        """(n, R + 1, d): the parts, and the whole behind them."""
        import numpy as np

        return np.concatenate([self.parts, self.whole[:, None]], axis=1)


class Met(NamedTuple):
    """(m, n) similarities of m grains with n items, and the place of the part that each met best."""

    scores: NDArray[Any]
    places: NDArray[Any]


class Form(NamedTuple):
    """``meet`` makes a Met of grains, items and ``numbers``, with what these are where nobody says."""

    meet: Callable[[Sequence[Grain], Views, Mapping[str, float]], Met]
    numbers: Mapping[str, float] = {}


def meet(form: str, grains: Sequence[Grain], items: Views, numbers: Mapping[str, float]) -> Met:
    """Grains against items by the form of this name, some rows at a time."""
    import numpy as np

    kind = FORMS[form]
    numbers = {**kind.numbers, **numbers}
    count, parts, width = items.parts.shape
    step = max(1, AT_ONCE // (len(grains) * (parts + 1) * width))
    found = [
        kind.meet(grains, Views(*(one[at : at + step] for one in items)), numbers)
        for at in range(0, count, step)
    ]
    return Met(*(np.concatenate(sides, axis=1) for sides in zip(*found, strict=True)))


def check(form: str, numbers: Mapping[str, float], where: str) -> None:
    """Raises ConfigError for an unknown form, or a number that it does not have."""
    if form not in FORMS:
        raise ConfigError(f"{where}: no form {form!r}", did_you_mean(form, list(FORMS)))
    for name, value in numbers.items():
        if name not in FORMS[form].numbers:
            hint = did_you_mean(name, list(FORMS[form].numbers)) or "it takes none"
            raise ConfigError(f"{where}: the form {form} has no number {name!r}", hint)
        if value <= 0:
            raise ConfigError(f"{where}: {name} {value:g} is no temperature", "give one above 0")


def _texts(grains: Sequence[Grain]) -> NDArray[Any]:
    import numpy as np

    return np.stack([grain.vector for grain in grains]).astype(np.float32)


def _products(texts: NDArray[Any], parts: NDArray[Any]) -> NDArray[Any]:
    """(m, n, R) inner products, by one matrix product."""
    count, number, width = parts.shape
    found: NDArray[Any] = (texts @ parts.reshape(-1, width).T).reshape(len(texts), count, number)
    return found


def _softmax(values: NDArray[Any], axis: int) -> NDArray[Any]:
    import numpy as np

    grown = np.exp(values - values.max(axis=axis, keepdims=True))
    shares: NDArray[Any] = grown / grown.sum(axis=axis, keepdims=True)
    return shares


def _greatest(grains: Sequence[Grain], items: Views, numbers: Mapping[str, float]) -> Met:
    products = _products(_texts(grains), items.all)
    return Met(products.max(axis=2), products.argmax(axis=2))


def _soft(grains: Sequence[Grain], items: Views, numbers: Mapping[str, float]) -> Met:
    products = _products(_texts(grains), items.parts)
    shares = _softmax(products / numbers["temperature"], 2)
    return Met((shares * products).sum(axis=2), products.argmax(axis=2))


def _composed(grains: Sequence[Grain], items: Views, numbers: Mapping[str, float]) -> Met:
    import numpy as np

    texts = _texts(grains)
    products = _products(texts, items.parts)
    places = products.argmax(axis=2)
    shares = _softmax(products.max(axis=2), 0)
    chosen = items.parts[np.arange(len(items.whole)), places]  # (m, n, d)
    whole = items.whole + np.einsum("mn,mnd->nd", shares, chosen)
    whole = whole / np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), 1e-12)
    return Met(texts @ whole.T, places)


def _transport(grains: Sequence[Grain], items: Views, numbers: Mapping[str, float]) -> Met:
    import numpy as np

    moving = np.array([grain.role == SENTENCE for grain in grains])
    products = _products(_texts(grains), items.all)
    scores = np.zeros(products.shape[:2], np.float32)
    if moving.all():
        return _greatest(grains, items, numbers)
    weights = np.array([grain.weight for grain in grains])
    share = float(weights[moving].sum() / weights.sum()) if moving.any() else 0.0
    texts, kept = _texts(grains), ~moving
    moved = (1 - share) * texts[kept] + share * (texts[moving].mean(0) if moving.any() else 0.0)
    moved = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    heat = numbers["temperature"]
    there, back = (_softmax(products[kept] / heat, axis) for axis in (2, 0))
    scores[kept] = -((there + back) * (1 - _products(moved, items.all))).sum(axis=2)
    return Met(scores, products.argmax(axis=2))


FORMS: dict[str, Form] = {
    "max": Form(_greatest),
    "soft": Form(_soft, {"temperature": 0.02}),
    "composed": Form(_composed),
    "transport": Form(_transport, {"temperature": 0.02}),
}
