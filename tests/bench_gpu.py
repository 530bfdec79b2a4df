"""`python -m tests.bench_gpu`: building an index on CUDA, beside the forward pass alone and a DataLoader.

Random weights and drawn pictures: JPEGs of 640 × 480 and of 12 megapixels, ViT-B-32 and ViT-L-14, in under
four minutes on one H100 or H200. With ``--cpu`` and small counts it runs anywhere, to try the script.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.bench import make_jpegs, save_open_clip

BATCH = 256
Row = tuple[str, str, str]


def vary(folder: Path, drawn: list[bytes], count: int) -> Path:
    """So many JPEGs of other contents: those that were drawn, each with a comment of its own."""
    folder.mkdir()
    for number in range(count):
        data, note = drawn[number % len(drawn)], f"{number:08d}".encode()
        comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
        (folder / f"{number:08d}.jpg").write_bytes(data[:2] + comment + data[2:])
    return folder


def draw(work: Path, small: int, large: int) -> dict[str, Path]:
    """The two galleries, by name."""
    import io

    from PIL import Image

    (work / "drawn").mkdir()
    paths = make_jpegs(work / "drawn", min(large, 12))
    drawn = [path.read_bytes() for path in paths]
    shrunk = []
    for path in paths:
        buffer = io.BytesIO()
        Image.open(path).resize((640, 480)).save(buffer, "JPEG", quality=88)
        shrunk.append(buffer.getvalue())
    return {"640 × 480": vary(work / "small", shrunk, small), "12 MP": vary(work / "large", drawn, large)}


def encoder_of(name: str, work: Path, device: str) -> Any:
    """Our encoder with random weights."""
    import open_clip
    import torch

    from likebut.pipeline.encoders import make_encoder
    from likebut.pipeline.encoders.contract import EncoderSpec

    folder = work / name
    folder.mkdir()
    torch.manual_seed(0)
    save_open_clip(open_clip.create_model(name), name, folder)
    return make_encoder(EncoderSpec("open_clip", str(folder), None, device, "auto", BATCH))


def forward(encoder: Any, count: int) -> float:
    """Pictures a second through the tower alone, of pixels that are on the device already."""
    import torch

    size = encoder.image_size
    pixels = torch.zeros((min(BATCH, count), 3, size, size), dtype=encoder.dtype, device=encoder.device)
    rounds = max(1, count // len(pixels))
    with torch.inference_mode():
        encoder._model.encode_image(pixels)
        wait(encoder.device)
        began = time.perf_counter()
        for _ in range(rounds):
            encoder._model.encode_image(pixels)
        wait(encoder.device)
    return rounds * len(pixels) / (time.perf_counter() - began)


def wait(device: str) -> None:
    """Until the device has done what it was told."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()


class Pictures:
    """A dataset as open_clip's users write it: open, preprocess."""

    def __init__(self, folder: Path, preprocess: Any) -> None:
        self.paths, self.preprocess = sorted(folder.iterdir()), preprocess

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> Any:
        from PIL import Image

        return self.preprocess(Image.open(self.paths[place]))


def loader(encoder: Any, folder: Path) -> float:
    """Pictures a second by a DataLoader: a worker a core, pinned memory, large batches, half precision."""
    import open_clip
    import torch
    from torch.utils.data import DataLoader

    config = open_clip.get_model_preprocess_cfg(encoder._model)
    transform = open_clip.transform.PreprocessCfg(**config)
    pictures: Any = Pictures(folder, open_clip.transform.image_transform_v2(transform, is_train=False))
    cuda = encoder.device.startswith("cuda")
    workers = min(16, os.cpu_count() or 1)
    batches: Iterable[Any] = DataLoader(pictures, BATCH, num_workers=workers, pin_memory=cuda)
    began = time.perf_counter()
    with torch.inference_mode():
        for batch in batches:
            pixels = batch.to(encoder.device, encoder.dtype, non_blocking=True)
            encoder._model.encode_image(pixels).float().cpu()
    return len(pictures) / (time.perf_counter() - began)


def ours(encoder: Any, folder: Path, mapper: str, work: Path) -> tuple[float, str]:
    """Pictures a second into an index, and where the seconds went."""
    from likebut.indexes.build import build

    out = work / "index"
    report = build([folder], out, encoder, batch_size=BATCH, mapper=mapper)
    shutil.rmtree(out)
    spent = ", ".join(f"{name} {value:.1f}" for name, value in report.seconds_by.items() if value >= 0.05)
    return report.encoded / report.seconds, f"{report.read_by}; seconds: {spent}"


def compare(name: str, galleries: dict[str, Path], device: str, work: Path) -> list[Row]:
    """The rows of one model."""
    encoder = encoder_of(name, work, device)
    alone = forward(encoder, 20 * BATCH if device == "cuda" else 8)
    rows = [(f"{name}, forward alone", f"{alone:,.0f} /s", f"{encoder.dtype}, {encoder.device}")]
    for gallery, folder in galleries.items():
        rows.append((f"{name}, {gallery}, DataLoader", f"{loader(encoder, folder):,.0f} /s", ""))
        for mapper in ("threads", "processes", "device"):
            speed, detail = ours(encoder, folder, mapper, work)
            figure = f"{speed:,.0f} /s = {speed / alone:.2f} × forward"
            rows.append((f"{name}, {gallery}, ours by {mapper}", figure, detail))
    return rows


def main() -> None:
    """Draw, measure, print."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="without CUDA, to try the script")
    parser.add_argument("--small", type=int, default=8_000, help="JPEGs of 640 × 480")
    parser.add_argument("--large", type=int, default=600, help="JPEGs of 12 megapixels")
    parser.add_argument("--models", nargs="*", default=["ViT-B-32", "ViT-L-14"])
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.cpu:
        raise SystemExit("no CUDA device here; --cpu with small counts tries the script without one")
    work = Path(tempfile.mkdtemp(prefix="likebut-bench-"))
    try:
        galleries = draw(work, options.small, options.large)
        device = "cpu" if options.cpu else "cuda"
        for name in options.models:
            for row in compare(name, galleries, device, work):
                print("  ".join(filter(None, row)), flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
