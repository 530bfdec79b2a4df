"""Decoding where the encoder computes: here the processor, by the same functions as on CUDA."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.errors import GalleryError
from likebut.indexes.mappers import choose
from likebut.indexes.on_device import _batches, _plain_pixels, on_device
from likebut.indexes.reading import Outcome, Work
from likebut.indexes.scan import File, scan
from likebut.indexes.store import Index
from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import Encoder, EncoderSpec
from likebut.pipeline.encoders.preparing import Preparing
from tests.indexes.conftest import MeanColour
from tests.indexes.preparers import Travelling

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of torchvision about its own future


@pytest.fixture(scope="module")
def pocket() -> Encoder:
    return make_encoder(EncoderSpec("open_clip", "pocket:clip", None, "cpu", "float32"))


def scene(seed: int, size: tuple[int, int] = (300, 220)) -> Image.Image:
    """A smooth picture of its own colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, **options)
    return buffer.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """JPEGs, and what a device does not read as Pillow does."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for number, size in enumerate([(300, 220), (220, 300), (64, 64), (90, 500)]):
        (folder / f"{number}.jpg").write_bytes(jpeg(scene(number, size)))
    (folder / "grey.jpg").write_bytes(jpeg(scene(4).convert("L")))
    (folder / "turned.jpg").write_bytes(jpeg(scene(5), exif=turned()))
    (folder / "cmyk.jpg").write_bytes(jpeg(scene(6).convert("CMYK")))
    (folder / "cut.jpg").write_bytes(jpeg(scene(7))[:2000])
    (folder / "text.jpg").write_text("no picture")
    scene(8).save(folder / "other.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8" + jpeg(scene(9))[200:])
    (folder / "again.jpg").write_bytes((folder / "0.jpg").read_bytes())
    return folder


def test_an_index_from_the_device_is_like_the_one_from_pillow(
    mixed: Path, tmp_path: Path, pocket: Encoder
) -> None:
    reports = {
        name: build([mixed], tmp_path / name, pocket, threads=2, mapper=name, batch_size=3)
        for name in ("threads", "device")
    }
    assert reports["device"].read_by == "2 device"
    assert reports["device"].failed == reports["threads"].failed
    assert len(reports["threads"].failed) == 3
    one, other = (Index.open(tmp_path / name) for name in reports)
    assert [item.id for item in one.all_items()] == [item.id for item in other.all_items()]
    cosines = (one.take(range(one.count)) * other.take(range(other.count))).sum(1)
    assert cosines.min() >= 0.9998


def test_only_plain_jpegs_are_for_the_device(mixed: Path) -> None:
    plain = {path.name for path in mixed.iterdir() if _plain_pixels(path.read_bytes())}
    assert plain == {"0.jpg", "1.jpg", "2.jpg", "3.jpg", "again.jpg", "grey.jpg"}
    assert _plain_pixels((mixed / "0.jpg").read_bytes()) == 300 * 220
    assert not _plain_pixels(b"")


def test_what_the_device_cannot_decode_goes_to_pillow_and_loses_no_other(
    mixed: Path, pocket: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes between start and end that Pillow's header is content with, and no decoder."""
    whole = (mixed / "0.jpg").read_bytes()
    start = whole.index(b"\xff\xc4")  # its Huffman tables
    (mixed / "1.jpg").write_bytes(whole[:start] + b"\xff\xd9")
    files = [found for found in scan([mixed]).files if found.id in ("0.jpg", "1.jpg", "2.jpg")]
    if not all(_plain_pixels(Path(found.path).read_bytes()) for found in files):
        pytest.skip("this Pillow sees by the header that it is no picture")
    outcomes = list(on_device(files, Work(pocket, lambda _: False, 10**9), 2, 4))
    assert [outcome.found.id for outcome in outcomes] == ["0.jpg", "1.jpg", "2.jpg"]
    assert [outcome.array is None for outcome in outcomes] == [False, True, False]
    assert outcomes[1].reason


@pytest.mark.parametrize(
    "preparing",
    [
        Preparing((48, 48)),
        Preparing((40, 64), interpolation="bilinear"),
        Preparing((48, 48), "squash", "bilinear"),
        Preparing((48, 60), "longest", fill=127),
    ],
)
@pytest.mark.parametrize("size", [(300, 220), (100, 333), (48, 48), (20, 31), (2000, 20)])
def test_a_tensor_is_prepared_as_its_picture_is(preparing: Preparing, size: tuple[int, int]) -> None:
    import torch

    image = scene(3, size)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    ours, pillows = preparing.prepare_pixels(pixels).numpy(), preparing.prepare(image)
    assert (ours.shape, ours.dtype) == (pillows.shape, pillows.dtype)
    assert np.abs(ours.astype(int) - pillows.astype(int)).max() <= 2


def test_a_batch_has_room_for_its_pixels_and_one_picture_at_least() -> None:
    from likebut.indexes.on_device import Fetched

    fetched = [Fetched(Outcome(File(str(n), "", 1, 1)), b"x", n) for n in (5, 6, 30, 1, 1)]
    assert [[one.pixels for one in batch] for batch in _batches(fetched, 12)] == [[5, 6], [30], [1, 1]]


def test_where_it_cannot_be_threads_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(Travelling(), lambda _: False, 1)  # prepares pictures alone
    assert choose("device", work, 1) == "threads"
    with pytest.raises(GalleryError, match="on the device"):
        next(on_device([], Work(MeanColour(), lambda _: False, 1), 1, 1))
