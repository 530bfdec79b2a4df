"""Recall and mAP of recipes on a drawn gallery, with intervals.

`python -m pipeline.pocket.benchmark --pictures 5000 --queries 1000 --seed 77` prints one row per
recipe. A query is right at k when one of its targets is among its first k hits (Recall@k); mAP@k
follows CIRCO (Baldrati et al. 2023, eq. 1): precision at each correct rank up to k, divided by
min(k, number of targets). Intervals are 95 % bootstrap percentiles over queries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.pocket.draw import draw_gallery, file_name
from pipeline.records import Query, Trace

K = 10
RECIPES = ("likebut", "cirevl", "image-only", "text-only")


def recall_at(ranked: Sequence[str], targets: set[str], k: int) -> float:
    """1.0 where one of ``targets`` is among the first ``k`` of ``ranked``."""
    return float(any(item in targets for item in ranked[:k]))


def average_precision_at(ranked: Sequence[str], targets: set[str], k: int) -> float:
    """Mean precision at the correct ranks up to ``k``, over min(k, number of targets)."""
    right, total = 0, 0.0
    for rank, item in enumerate(ranked[:k], 1):
        if item in targets:
            right += 1
            total += right / rank
    return total / min(k, len(targets))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % bootstrap interval."""
    import numpy as np
    from scipy.stats import bootstrap

    data = np.asarray(values, float)
    if data.min() == data.max():
        return float(data[0]), float(data[0]), float(data[0])
    ends = bootstrap(
        (data,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(data.mean()), float(ends.low), float(ends.high)


def measure(
    traces: Sequence[Trace], targets: Sequence[set[str]]
) -> dict[str, tuple[float, float, float]]:
    """Recall@1, Recall@10 and mAP@10 of answered queries; ``targets`` are sets of file names."""
    ranked = [[Path(hit.path).name for hit in trace.ranking.hits] for trace in traces]
    pairs = list(zip(ranked, targets, strict=True))
    return {
        "Recall@1": interval([recall_at(r, t, 1) for r, t in pairs]),
        f"Recall@{K}": interval([recall_at(r, t, K) for r, t in pairs]),
        f"mAP@{K}": interval([average_precision_at(r, t, K) for r, t in pairs]),
    }


def run(
    folder: Path,
    pictures: int,
    queries: int,
    seed: int,
    recipes: Sequence[str] = RECIPES,
    weights: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Draw, index, ask and measure; everything is kept in ``folder`` and reused."""
    from indexes.build import build
    from pipeline.assembly import assemble

    gallery = draw_gallery(folder / "gallery", pictures, seed, queries)
    asked = [
        Query(q.id, folder / "gallery" / file_name(q.reference), q.modification)
        for q in gallery.queries
    ]
    targets = [{file_name(number) for number in q.targets} for q in gallery.queries]
    results: dict[str, Any] = {}
    for recipe in recipes:
        composer = assemble(recipe, "pocket", folder / "cache.sqlite", weights=weights)
        build([folder / "gallery"], folder / "index", composer.encoder)
        traces = composer.on(folder / "index").compose(asked, K)
        results[recipe] = measure(traces, targets)
        results[recipe]["fallbacks"] = sum(bool(trace.intent.fallback) for trace in traces)
    return results


def main() -> None:
    """Print the figures as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("bench/pocket"))
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--recipes", nargs="*", default=RECIPES)
    parser.add_argument("--weights", type=json.loads, help='for example {"reference": 0.1}')
    options = parser.parse_args()
    results = run(
        options.folder,
        options.pictures,
        options.queries,
        options.seed,
        options.recipes,
        options.weights,
    )
    names = ["Recall@1", f"Recall@{K}", f"mAP@{K}"]
    print("| recipe | " + " | ".join(names) + " | fallbacks |\n|---|" + "---|" * 4)
    for recipe, figures in results.items():
        cells = (
            f"{m:.3f} ({low:.3f}–{high:.3f})" for m, low, high in (figures[name] for name in names)
        )
        print(f"| `{recipe}` | " + " | ".join(cells) + f" | {figures['fallbacks']} |")


if __name__ == "__main__":
    main()
