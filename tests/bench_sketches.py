"""How much the direction from sketches to paintings is worth, where the reference was sketched.

    python -m tests.bench_sketches [--count 3000] [--queries 500] [--seed 78]

A drawn gallery is painted, and its references are sketched, in a folder of their own; no sentence speaks of
the look. Asked with the recipe `sketch`, with its templates at weight 0, and so with sentences that do name
the look that is wanted; twice: where all pictures are paintings, and where every scene is a sketch, too,
and only paintings are right. Prints Recall@1 and Recall@10.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import likebut
from likebut.pipeline.pocket import captions
from likebut.pipeline.pocket.draw import file_name
from likebut.pipeline.pocket.paint import paint
from likebut.pipeline.pocket.plan import DrawnGallery, plan_gallery, query_kinds
from likebut.pipeline.pocket.world import Scene
from likebut.pipeline.records.trace import Query, Trace
from likebut.pipeline.stages.composer import Composer

SIZE = 128


def planned(count: int, seed: int, queries: int) -> DrawnGallery:
    """A gallery whose queries say nothing of the look."""
    kinds = [kind for kind in query_kinds(2 * queries + 10) if "style" not in kind]
    return plan_gallery(count, seed, 0, kinds[:queries])


def draw(scenes: Sequence[Scene], seeds: Sequence[int], style: str, folder: Path) -> None:
    """All scenes in one style."""
    folder.mkdir(parents=True)
    for number, (scene, seed) in enumerate(zip(scenes, seeds, strict=True)):
        paint(replace(scene, style=style), SIZE, seed).save(folder / file_name(number))


def asked(drawn: DrawnGallery, sketches: Path) -> tuple[list[Query], dict[str, set[str]]]:
    """Queries about sketched references, and the names of the painted scenes that answer each."""
    where: dict[Scene, set[str]] = {}
    for number, scene in enumerate(drawn.scenes):
        where.setdefault(replace(scene, style="flat"), set()).add(f"painted/{file_name(number)}")
    queries, right = [], {}
    for query in drawn.queries:
        wanted = captions.parse(query.target_caption)
        assert wanted is not None
        queries.append(Query(query.id, sketches / file_name(query.reference), query.modification))
        right[query.id] = where[replace(wanted, style="flat")]
    return queries, right


def ways(composer: Composer, queries: list[Query]) -> list[tuple[str, Composer, list[Query]]]:
    """With the direction, without it, and without it where the sentence names the look."""
    none = {name: 0.0 for name in composer.recipe.grains if "{" in name}
    without = replace(composer, recipe=composer.recipe.with_weights(none))
    said = [replace(query, modification=f"{query.modification}, in flat colour") for query in queries]
    return [
        ("without", without, queries),
        ("sentence names it", without, said),
        ("with the direction", composer, queries),
    ]


def told(traces: Sequence[Trace], right: dict[str, set[str]]) -> str:
    """The scores as a line."""
    ranks = [next((hit.rank for hit in t.ranking.hits if hit.id in right[t.query.id]), 99) for t in traces]
    first, ten = (100 * sum(rank <= k for rank in ranks) / len(ranks) for k in (1, 10))
    return f"n {len(ranks):4}  R@1 {first:5.1f}  R@10 {ten:5.1f}"


def main() -> None:
    """Draw, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=78)
    given = parser.parse_args()
    drawn = planned(given.count, given.seed, given.queries)
    with TemporaryDirectory() as folder:
        gallery, sketches = Path(folder) / "gallery", Path(folder) / "sketches"
        draw(drawn.scenes, drawn.seeds, "flat", gallery / "painted")
        draw(drawn.scenes, [seed + 1 for seed in drawn.seeds], "sketch", sketches)
        queries, right = asked(drawn, sketches)
        for what in ("all painted", "half sketched"):
            if what == "half sketched":
                draw(drawn.scenes, drawn.seeds, "sketch", gallery / "sketched")
            setup = likebut.Setup(folders=(gallery,), recipe="sketch", cache=Path(folder) / "a.sqlite")
            composer = likebut.open(setup)
            for how, one, those in ways(composer, queries):
                print(f"{what:13} {how:20} {told(one.compose(those, 10), right)}", flush=True)


if __name__ == "__main__":
    main()
