"""What the real LLM is asked: queries of CIRR where its files are at hand, else some of our own."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from random import Random

from likebut.pipeline.stages.ask import Question

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

CAPTIONS = (
    "a brown dog lying on a wooden porch beside a bowl",
    "two wine bottles and a glass on a white tablecloth",
    "a red laptop on a desk, its screen showing a landscape",
    "three penguins walking over snow towards the sea",
    "a woman in a green dress holding a yellow umbrella",
    "a plate of pancakes with berries and a cup of coffee",
    "an old steam train crossing a stone bridge in autumn",
    "a bookshelf full of books with a cat asleep on top",
    "a lizard on a branch, seen from the side",
    "a bathroom with blue tiles and a round mirror",
)
MODIFICATIONS = (
    "make it two of them and put them outdoors",
    "the same thing but at night",
    "remove everything in the background",
    "change the colour to black and show it from above",
    "replace the main thing with a child's drawing of it",
    "fewer objects, and add a person looking at the camera",
    "show only half as many, in the rain",
    "same setting, but a different animal",
    "plus grand et sur une table en bois",
    "shows more of the surroundings and less of the subject",
)


def questions(count: int) -> list[Question]:
    """``count`` captions with modifications, always the same ones."""
    return (_of_cirr if SHARED.is_dir() else _of_our_own)(count)


def captioned(count: int) -> dict[str, tuple[str, ...]]:
    """A gallery of captions by item id: ``count`` of CIRR's pictures, else our own few."""
    if not SHARED.is_dir():
        return {f"{n}": (caption,) for n, caption in enumerate(CAPTIONS)}
    from likebut.pipeline.benchmarks.captions import read_captions

    captions = read_captions(SHARED / "gallery_captions" / "cirr.json")
    return {ident: captions[ident] for ident in Random(0).sample(sorted(captions), count)}


def _of_our_own(count: int) -> list[Question]:
    return [Question(*pair) for pair in product(CAPTIONS, MODIFICATIONS)][:count]


def _of_cirr(count: int) -> list[Question]:
    from likebut.pipeline import benchmarks
    from likebut.pipeline.benchmarks.captions import in_caption_space, read_captions

    captions = read_captions(SHARED / "gallery_captions" / "cirr.json")
    whole = benchmarks.load("cirr", SHARED / "benchmarks" / "cirr", "val", annotations_only=True)
    cirr, captions = in_caption_space(whole, captions, allow_missing=True)
    return [
        Question(captions[case.reference][0], case.modification)
        for case in Random(0).sample(cirr.cases, count)
    ]
