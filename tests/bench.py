"""`make bench`: speed as ratios of one run on one machine; prints a table, asserts nothing.

(a) index build of 400 twelve-megapixel JPEGs with ViT-B-32 (random weights) against the plain
    loop of open_clip's README; (b) exact search over 1,000,000 × 512 fp16 against a plain copy,
    with one grain and with ten; (c) what a person waits for at the command line
    (``bench_cli``); (d) ranking of 800 queries over CIRCO's 123,403 pictures against faiss and against a
    full sort; (e) grains of regions against a plain query over 100,000 pictures; (f) a compressed gallery
    against exact search (``python -m tests.bench_approx --rows 10000000`` by itself, where there is time).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench_approx import bench_approx
from tests.bench_cli import bench_cli
from tests.bench_regions import bench_regions

ROOT = Path(__file__).parent.parent
Row = tuple[str, str, str]


def seconds(work: Callable[[], Any], repeats: int = 1) -> float:
    """The best wall time of ``repeats`` runs."""
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def memory_of(work: Callable[[], Any]) -> int:
    """The most bytes of its own memory (files that are mapped do not count) that work adds."""
    import threading

    done, most = threading.Event(), 0

    def watch() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, own_memory())

    before = own_memory()
    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return most - before


def own_memory() -> int:
    """Anonymous resident bytes of this process, as Linux counts them."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def make_jpegs(folder: Path, count: int) -> list[Path]:
    """Photo-like 4000 × 3000 JPEGs: drawn scenes, enlarged, with grain of their own."""
    import numpy as np
    from PIL import Image

    from likebut.pipeline.pocket.paint import paint
    from likebut.pipeline.pocket.world import random_scene

    paths = []
    from random import Random

    rng, noise = Random(1), np.random.default_rng(1)
    grain = noise.integers(-12, 12, (3000, 4000, 3), dtype=np.int16)
    for number in range(count):
        scene = paint(random_scene(rng), 512, number).resize((4000, 3000))
        pixels = np.clip(np.asarray(scene, np.int16) + np.roll(grain, number * 37, 1), 0, 255)
        paths.append(folder / f"{number:04d}.jpg")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1], quality=88)
    return paths


def plain_loop(paths: list[Path]) -> Any:
    """What open_clip's README shows: open, preprocess, fp32, batches of 32."""
    import numpy as np
    import open_clip
    import torch
    from PIL import Image

    torch.manual_seed(0)
    model, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32")
    model.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(paths), 32):
            batch = torch.stack([preprocess(Image.open(p)) for p in paths[start : start + 32]])
            features = model.encode_image(batch)
            parts.append((features / features.norm(dim=-1, keepdim=True)).numpy())
    return np.concatenate(parts)


def bench_index(count: int, work: Path) -> list[Row]:
    """(a): our build against the plain loop, same weights."""
    import numpy as np
    import open_clip
    import torch

    from likebut.indexes.build import build
    from likebut.indexes.store import Index
    from likebut.pipeline.encoders import make_encoder
    from likebut.pipeline.encoders.contract import EncoderSpec
    from likebut.pipeline.machine.devices import cpu_multiplies_bfloat16

    pictures, model_folder = work / "jpegs", work / "vit"
    pictures.mkdir()
    model_folder.mkdir()
    paths = make_jpegs(pictures, count)
    torch.manual_seed(0)
    model, _, _ = open_clip.create_model_and_transforms("ViT-B-32")
    save_open_clip(model, "ViT-B-32", model_folder)
    encoder = make_encoder(
        EncoderSpec(
            encoder="open_clip",
            model=str(model_folder),
            pretrained=None,
            device="auto",
            dtype="auto",
            batch_size=32,
        )
    )
    encoder.encode_prepared([encoder.prepare(_black())])  # the model is loaded, as it is below
    started = time.perf_counter()
    report = build([pictures], work / "index", encoder, batch_size=32)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    reference = plain_loop(paths)
    plain = time.perf_counter() - started
    index = Index.open(work / "index")
    items = index.items(range(index.count))
    order = {item.id: item.row for item in items}
    bar = "5.5, with AMX" if cpu_multiplies_bfloat16() else "2.5, without AMX"
    rows = np.concatenate([np.asarray(shard, np.float32) for shard in index.vectors()])
    cosines = [float(rows[order[p.name]] @ reference[i]) for i, p in enumerate(paths)]
    return [
        ("index build, 12-MP JPEGs", f"{count / ours:.1f} /s", f"{report.items} pictures, {ours:.1f} s"),
        ("plain open_clip loop", f"{count / plain:.1f} /s", f"{plain:.1f} s"),
        (
            f"ratio (bar: ≥ {bar})",
            f"{plain / ours:.1f} ×",
            f"lowest cosine {min(cosines):.5f} (bar: ≥ 0.9998)",
        ),
    ]


def _black() -> Any:
    from PIL import Image

    return Image.new("RGB", (640, 480))


def save_open_clip(model: Any, name: str, folder: Path) -> None:
    """Write a local folder of open_clip's own format."""
    import json

    import open_clip
    from safetensors.torch import save_file

    config = {
        "model_cfg": open_clip.get_model_config(name),
        "preprocess_cfg": open_clip.get_model_preprocess_cfg(model),
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")


def bench_search(rows: int, work: Path) -> list[Row]:
    """(b): bandwidth of a search against a copy; ten grains fold into one query."""
    import numpy as np

    from likebut.indexes.exact import search
    from likebut.pipeline.records.trace import Grain
    from likebut.pipeline.scoring.linear import fold

    rng = np.random.default_rng(0)
    path = work / "vectors.npy"
    data = np.lib.format.open_memmap(path, "w+", np.float16, (rows, 512))
    for start in range(0, rows, 50_000):
        block = rng.standard_normal((min(50_000, rows - start), 512), np.float32)
        data[start : start + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    data.flush()
    vectors = np.load(path, mmap_mode="r")
    target = np.empty_like(vectors)
    copy = seconds(lambda: np.copyto(target, vectors), 5)
    units = rng.standard_normal((10, 512)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    grains = [Grain(f"g{i}", f"g{i}", 0.1, vector) for i, vector in enumerate(units)]

    def ask(count: int) -> Any:
        fused = fold(grains[:count])
        return search([vectors], fused.vector[None], 10)

    one, ten = seconds(lambda: ask(1), 5), seconds(lambda: ask(10), 5)
    size = vectors.nbytes / 1e9
    return [
        (f"copy of {rows:,} × 512 fp16", f"{size / copy:.1f} GB/s", f"{copy * 1000:.0f} ms (reads once)"),
        ("exact search, one grain", f"{size / one:.1f} GB/s", f"{one * 1000:.0f} ms"),
        ("share of the copy (bar: ≥ 60 %)", f"{copy / one:.0%}", ""),
        ("ten grains / one grain", f"{ten / one:.2f} ×", f"{ten * 1000:.0f} ms"),
    ]


def bench_ranking(work: Path) -> list[Row]:
    """(d): many queries at once, k = 50, against faiss IndexFlatIP and a full argsort."""
    import faiss
    import numpy as np

    from likebut.indexes.exact import search

    rng, count, rows, wide, k = np.random.default_rng(0), 800, 123_403, 768, 50
    vectors = rng.standard_normal((rows, wide), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:count] + 0.05 * rng.standard_normal((count, wide), np.float32)
    np.save(work / "vectors.npy", vectors)
    flat = faiss.IndexFlatIP(wide)
    flat.add(vectors)
    del vectors
    shard = np.load(work / "vectors.npy", mmap_mode="c")
    search([shard], queries[:8], k)  # the file is in memory, as the vectors of faiss are
    theirs = min(seconds(lambda: flat.search(queries, k)) for _ in range(3))
    beyond = memory_of(lambda: search([shard], queries, k))
    ours = min(seconds(lambda: search([shard], queries, k)) for _ in range(3))
    full = seconds(lambda: np.argsort(-(queries @ np.asarray(shard).T), axis=1)[:, :k])
    usual = seconds(lambda: _argsort_as_research_code_does(queries, shard)[:, :k])
    same = float(np.mean(search([shard], queries, k)[0] == flat.search(queries, k)[1]))
    name = f"rank {count} × {rows:,} × {wide}"
    return [
        (f"{name}, k = {k}", f"{ours:.2f} s", f"equal to faiss in {same:.2%} of the places"),
        ("faiss IndexFlatIP (bar: ≤ 1.2)", f"{ours / theirs:.2f} ×", f"{theirs:.2f} s"),
        ("full argsort by torch (bar: ≥ 8)", f"{usual / ours:.1f} ×", f"{usual:.1f} s"),
        ("full argsort by numpy, not stable", f"{full / ours:.1f} ×", f"{full:.1f} s"),
        ("memory beyond the vectors (bar: ≤ 150 MB)", f"{beyond / 1e6:.0f} MB", "peak while searching"),
    ]


def _argsort_as_research_code_does(queries: Any, vectors: Any) -> Any:
    """Of the whole matrix of distances, by torch: the evaluation of CIRR's baseline and its heirs."""
    import torch

    distances = 1 - torch.from_numpy(queries) @ torch.from_numpy(vectors).T
    return torch.argsort(distances, dim=-1)


def main() -> None:
    """Run the parts that are asked for and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", help="Of cli, search, ranking, regions, compressed, index (all)."
    )
    parser.add_argument("--jpegs", type=int, default=400)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--compressed", type=int, default=100_000, help="rows of the compressed gallery")
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], list[Row]]] = {
        "cli": bench_cli,
        "search": lambda work: bench_search(options.rows, work),
        "ranking": bench_ranking,
        "regions": lambda work: bench_regions(work, seconds),
        "compressed": lambda work: list(bench_approx(work, options.compressed)),
        "index": lambda work: bench_index(options.jpegs, work),
    }
    rows: list[Row] = []
    for name in options.parts or parts:
        work = Path(tempfile.mkdtemp(prefix="likebut-bench-"))
        try:
            rows += parts[name](work)
        finally:
            shutil.rmtree(work)
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "figure", "detail", box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
