"""A captioner without a language model: what a classifier calls a photograph, its colours and its light.

As CaSED (Conti et al., NeurIPS 2023) lets words near to a picture stand in for a caption: "a tabby cat or
an Egyptian cat, brown and white, in dim light". It knows a thousand kinds of things, and names one of them
whatever is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...indexes.decode import load_image
from ...indexes.errors import BadImage
from ..encoders import colours
from ..encoders.lite import chosen, labels, lites, with_article
from ..machine.devices import choose_device
from ..records.chat import REFUSED, Reply
from .contract import EngineSpec, OnReply, Request, one_by_one
from .options import check_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPTIONS = ("second",)


class LabelsEngine:
    """Captions of pictures; ``model`` names its classifiers ("lite0 lite1").

    Option: ``second``: from this share of the first label's probability on the next one is named, too.
    """

    sees = True

    def __init__(self, spec: EngineSpec) -> None:
        check_names(spec.options, OPTIONS)
        self.second = float(spec.options.get("second", 0.4))
        self.names = chosen(spec.model)
        self.device = str(choose_device(spec.device))

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """A caption per request that shows a picture; an error where it shows none, or asks for more."""
        return one_by_one(requests, self._answer, on_reply)

    def _answer(self, request: Request) -> Reply:
        shown = [path for message in request.messages for path in message.images]
        if not shown or request.schema or request.choices:
            return Reply("", finish=REFUSED, error=ASKED_MORE)
        try:
            text = self.caption(shown[-1])
        except BadImage as problem:
            return Reply("", finish=REFUSED, error=problem.message)
        return Reply(text, 0, len(text.split()))

    def caption(self, path: Path) -> str:
        """What a picture shows, in one line. Raises BadImage."""
        sees = lites(self.names, self.device)
        pixels = sees.prepare(load_image(path, sees.side))
        said = [things(sees.probabilities([pixels])[0], self.second)]
        said += [" and ".join(colours.named(pixels)), colours.light(pixels)]
        return ", ".join(part for part in said if part)


ASKED_MORE = (
    "the engine labels writes captions of pictures and nothing else: name a language model in a profile "
    "of your own, or take a recipe that asks none"
)


def things(chances: NDArray[Any], second: float) -> str:
    """The likeliest label, and the next one where its probability is at least that share of the first's."""
    first, next_ = chances.argsort()[::-1][:2].tolist()
    named = [first, *([next_] if chances[next_] >= second * chances[first] else [])]
    return " or ".join(dict.fromkeys(with_article(labels()[n]) for n in named))
