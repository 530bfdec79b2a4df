"""The describe stage without a captioner: what the gallery's captions call the things of a reference.

Tags (CaSED: Conti et al., "Vocabulary-free Image Classification", NeurIPS 2023): the things that the
captions nearest to the reference name, best first by 0.7·cos(image, word) + 0.3·cos(centroid of these
captions, word). The best of them, as one line, stand in for a caption.

Labels (FREEDOM: Efthymiadis et al., WACV 2025): each of the pictures nearest to the reference names its
nearest labels, and those that are named most stand in for captions, each as often as it was named, so
that a role of all of them weighs them so. The paper's labels are those of Open Images; here they are the
things that the captions of these pictures name, or the lines of a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..asking.encoder import CachedEncoder
from ..config.parts import DescribeStage
from ..config.recipe import Recipe
from ..errors import ConfigError
from ..records.phrases import named, stem
from ..records.trace import Description, Trace
from ..scoring.contract import unit
from .contract import Need
from .describe import wants_captions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ...indexes.contract import Gallery, Side

IMAGE, CENTROID = 0.7, 0.3  # CaSED's shares
DIGITS = 5  # cosines that differ by less are equal, on whatever machine


@dataclass(frozen=True)
class Tags:
    """Descriptions out of the gallery's own words; ``seen`` gives the unit vectors of references.

    ``held`` gives the gallery, which nobody needs before the first query.
    """

    recipe: Recipe
    held: Callable[[], Gallery]
    encoder: CachedEncoder
    seen: Callable[[Sequence[Trace]], list[NDArray[Any] | None]]
    looks: bool = False
    name = "describe"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with descriptions. Raises ConfigError for a file of words that cannot be read."""
        stage = self.recipe.describe
        places = [n for n, trace in enumerate(traces) if wants_captions(trace, self.recipe, self.looks)]
        found = list(traces)
        if stage is None or not places:
            return found
        vectors = self.seen([traces[n] for n in places])
        pairs = [(n, vector) for n, vector in zip(places, vectors, strict=True) if vector is not None]
        words = read_words(stage.words_file)
        how = tags if stage.how == "tags" else labels
        for n, said in zip(
            [n for n, _ in pairs],
            how([vector for _, vector in pairs], self.held(), self.encoder, stage, words),
            strict=True,
        ):
            found[n] = replace(traces[n], description=Description(said))
            if not said:
                found[n] = found[n].warned("the captions near the reference name nothing")
        return found

    def needs(self) -> Sequence[Need]:
        """None: words of the gallery cost no calls."""
        return ()


def read_words(path: str) -> tuple[str, ...]:
    """The lines of a file, each once; none without a file. Raises ConfigError."""
    if not path:
        return ()
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"cannot read words_file {path}: {problem}", "write one a line") from problem
    words = tuple(dict.fromkeys(" ".join(line.split()) for line in lines if line.strip()))
    if not words:
        raise ConfigError(f"no word in {path}", "write one a line")
    return words


def tags(
    pictures: Sequence[NDArray[Any]],
    gallery: Gallery,
    encoder: CachedEncoder,
    stage: DescribeStage,
    words: Sequence[str] = (),
) -> list[tuple[str, ...]]:
    """A caption per (d,) unit vector: its best words, joined; none where no caption is near."""
    import numpy as np

    side = said_in(gallery)
    rows = nearest(side, pictures, stage.nearest)
    candidates: list[Sequence[str]] = [words or things(side, near, stage.phrases) for near in rows]
    known = encoded(encoder, candidates)
    found: list[tuple[str, ...]] = []
    for picture, near, texts in zip(pictures, rows, candidates, strict=True):
        centroid = unit(side.take(near).mean(0)) if len(near) else np.zeros_like(picture)
        towards = IMAGE * picture + CENTROID * centroid
        best = sorted(texts, key=lambda text: (-round(float(known[text] @ towards), DIGITS), text))
        once: dict[str, str] = {}  # thing → the best that is said of it
        for text in best:
            once.setdefault(stem(text), text)
        found.append((", ".join([*once.values()][: stage.words]),) if once else ())
    return found


def labels(
    pictures: Sequence[NDArray[Any]],
    gallery: Gallery,
    encoder: CachedEncoder,
    stage: DescribeStage,
    words: Sequence[str] = (),
) -> list[tuple[str, ...]]:
    """The labels of each (d,) unit vector, the most frequent first, each as often as it was named."""
    rows = nearest(gallery, pictures, stage.nearest)
    candidates: list[Sequence[str]] = [
        words or things(said_in(gallery), near, stage.phrases) for near in rows
    ]
    known = encoded(encoder, candidates)
    found = []
    for near, texts in zip(rows, candidates, strict=True):
        counts = Counter(
            label for vector in gallery.take(near) for label in _closest(vector, texts, known, stage.words)
        )
        best = sorted(counts, key=lambda label: (-counts[label], label))[: stage.words]
        found.append(tuple(label for label in best for _ in range(counts[label])))
    return found


def _closest(vector: NDArray[Any], texts: Sequence[str], known: dict[str, Any], count: int) -> list[str]:
    return sorted(texts, key=lambda text: (-round(float(known[text] @ vector), DIGITS), text))[:count]


def said_in(gallery: Gallery) -> Side:
    """The side of the gallery that has its captions; the gallery itself where it is nothing else."""
    return gallery.side("captions") or gallery


def nearest(side: Side, vectors: Sequence[NDArray[Any]], count: int) -> list[NDArray[Any]]:
    """The rows of a side with the largest cosines to each vector, best first; rows of zeros are none."""
    import numpy as np

    from ...indexes.exact import search

    if not vectors:
        return []
    found = search(side, np.stack(vectors), min(count, side.count)).rows
    return [rows[side.take(rows).any(1)] for rows in found]


def things(side: Any, rows: Any, whole: bool) -> list[str]:
    """What the captions of these rows name, each once."""
    captions = (line for item in side.items(rows) for line in (item.caption or "").split("\n"))
    return list(dict.fromkeys(text for caption in captions for text in named(caption, whole)))


def encoded(encoder: CachedEncoder, texts: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Text → (d,) unit vector, of all the texts."""
    unique = list(dict.fromkeys(text for several in texts for text in several))
    found = encoder.texts_with_counts(unique) if unique else []
    return {text: vector for text, (vector, _) in zip(unique, found, strict=True)}
