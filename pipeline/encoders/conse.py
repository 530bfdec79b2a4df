"""ConSE: one space of photographs and texts without training, from a classifier and a sentence encoder.

Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of Semantic Embeddings": a picture is the
mean of its likely labels' vectors, each by its probability (eq. 4). Here the mean of all labels' vectors is
subtracted on both sides, several classifiers vote, and measured colours are added: their words' vectors by
their shares, less the mean of those words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..machine import models
from ..machine.devices import choose_device
from ..machine.outputs import replacing
from ..machine.places import answers_file
from . import colours
from .bert import Bert, sizes
from .contract import EncoderSpec
from .lite import INSTALL, PREPROCESSING, chosen, labels, lites, with_article

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

# Chosen on 103 small captioned photographs, apart from the 107 that are reported: see tests/photographs.py.
TOP = 50  # labels that count
TEMPERATURE = 1.5  # of the classifiers' probabilities
COLOURS = 0.3  # of the colours beside the labels


class ConseEncoder:
    """A space of texts: ``model`` is the sentence encoder's folder, ``pretrained`` names the classifiers.

    Classifiers load with the first picture and the sentence encoder with the first text, so that a
    sentence about pictures that are known waits for one of them alone. Raises ConfigError for a
    classifier that there is not, ModelError for what is not installed.
    """

    documents_differ = False

    def __init__(self, spec: EncoderSpec) -> None:
        device = choose_device(spec.device)
        folder = models.local_folder(spec.model)
        if folder is None:
            raise ModelError(f"no folder of a sentence encoder {spec.model}", INSTALL)
        names = chosen(spec.pretrained or "")
        self._folder, self._device, self._lites = folder, device, lites(names, device)
        self.batch_size = spec.batch_size
        self.name = f"conse {spec.model} {' '.join(names)}"
        self.preprocessing = f"{PREPROCESSING}; top {TOP}, temperature {TEMPERATURE}, colours {COLOURS}"
        self.dimension, self.context_length = sizes(folder)
        self.draft_size = self._lites.side
        parts = (models.encoder_fingerprint(folder), self._lites.fingerprint, *labels())
        self.fingerprint = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self._kept = answers_file().parent / f"labels-{self.fingerprint[:16]}.npy"

    @cached_property
    def _bert(self) -> Bert:
        return Bert(self._folder, self._device)

    @cached_property
    def _words(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """(n, d) the labels' unit rows, and those of the colours' words less their mean."""
        rows = self._word_vectors(labels())
        known, words = rows[: -len(colours.WORDS)], rows[-len(colours.WORDS) :]
        return known, words - words.mean(0)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows."""
        return unit(self._bert.encode(texts, self.batch_size) - self._words[0].mean(0))

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, ends included."""
        return self._bert.token_count(text)

    def prepare(self, image: Image) -> NDArray[Any]:
        """(side, side, 3) uint8: all of the picture, on a white square."""
        return self._lites.prepare(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """(n, d) float32 unit rows."""
        import numpy as np

        if not batch:
            return np.empty((0, self.dimension), np.float32)
        chances = likely(self._lites.probabilities(batch, TEMPERATURE, self.batch_size), TOP)
        known, words = self._words
        seen = unit(chances @ known - known.mean(0))
        measured = np.stack([colours.shares(pixels) for pixels in batch])
        return unit(seen + COLOURS * (measured @ words))

    def _word_vectors(self, names: Sequence[str]) -> NDArray[Any]:
        """(n, d) unit rows: of each name the mean of itself and of a sentence of it, then colours' words.

        They take seconds, so they are kept beside the answers, where that can be written.
        """
        import numpy as np

        shape = (len(names) + len(colours.WORDS), self.dimension)
        with suppress(OSError, ValueError, EOFError):
            known: NDArray[Any] = np.load(self._kept, allow_pickle=False)
            if known.shape == shape:
                return known
        order = sorted(range(len(names)), key=lambda n: len(names[n]))  # texts of like length together
        forms = [[names[n] for n in order], [f"{with_article(names[n])}.".capitalize() for n in order]]
        rows = np.empty(shape, np.float32)
        rows[order] = unit(np.sum([self._bert.encode(form, self.batch_size) for form in forms], 0))
        rows[len(names) :] = self._bert.encode(colours.WORDS)
        with suppress(OSError):
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._kept) as draft, draft.open("wb") as stream:
                np.save(stream, rows)
        return rows


def likely(chances: NDArray[Any], top: int) -> NDArray[Any]:
    """Rows of probabilities with the ``top`` largest alone, which sum to 1 again; ties all stay."""
    import numpy as np

    least = np.partition(chances, -top, axis=1)[:, -top, None]
    kept = np.where(chances >= least, chances, 0)
    return np.asarray(kept / kept.sum(1, keepdims=True), np.float32)


def unit(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows of length 1."""
    import numpy as np

    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)
