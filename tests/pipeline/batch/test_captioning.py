"""Captions by the captioner: counted, named, kept, and safe to kill at any moment."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.captions import build_captions, captions_of
from likebut.indexes.errors import IndexIncompatible
from likebut.indexes.maintain import remove, verify
from likebut.indexes.sides import write_side
from likebut.indexes.store import Index
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.batch.captioning import Captioner, caption_for_run, caption_index
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.errors import InputError
from likebut.pipeline.records.chat import Sampling
from likebut.pipeline.stages.languages import Reads
from tests.pipeline.colours import ColourEncoder, colour_composer, paint_gallery, scripted

SCRIPT = tuple((rf"{colour}\.png", f"a {colour} thing") for colour in ("red", "green", "blue"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of blue.png, green.png, grey.png and red.png."""
    paint_gallery(tmp_path / "gallery")
    build([tmp_path / "gallery"], tmp_path / "index", captioner(tmp_path).encoder)
    return tmp_path / "index"


def captioner(tmp_path: Path, *pairs: tuple[str, str], captions: int = 1) -> Captioner:
    """A scripted captioner that says nothing about grey.png."""
    cache = Cache(tmp_path / "cache.sqlite")
    encoder = CachedEncoder(EncoderSpec("given", "colours"), cache, encoder=ColourEncoder())
    engine = scripted(cache, *(pairs or (*SCRIPT, (".", " "))))
    return Captioner(engine, Sampling(), encoder, captions=captions)


def told(folder: Path) -> dict[str, str | None]:
    side = Index.open(folder).caption_side
    assert side is not None
    return {item.id.removesuffix(".png"): item.caption for item in side.all_items()}


def answers(tmp_path: Path) -> int:
    with sqlite3.connect(tmp_path / "cache.sqlite") as database:
        return int(database.execute("SELECT COUNT(*) FROM answers").fetchone()[0])


def test_pictures_are_described_and_encoded(tmp_path: Path, folder: Path) -> None:
    report = caption_index(folder, captioner(tmp_path))
    assert told(folder) == {
        "blue": "a blue thing",
        "green": "a green thing",
        "grey": None,
        "red": "a red thing",
    }
    side = Index.open(folder).caption_side
    assert side is not None
    assert side.take([0])[0].tolist() == [0.0, 0.0, 1.0]
    assert (report.items, report.captioned, report.asked) == (4, 3, 4)
    assert report.failed == (("grey.png", "the captioner said nothing about it"),)


def test_batches_of_the_captioner_stay_full(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likebut.pipeline.batch.captioning.CHUNK", 2)
    by_three = captioner(tmp_path)
    by_three.engine.spec = replace(by_three.engine.spec, batch_size=3)
    seen: list[int] = []
    caption_index(folder, by_three, on_progress=lambda done, _: seen.append(done))
    assert seen == [3, 4]


def test_several_captions_are_asked_for_one_by_one(tmp_path: Path, folder: Path) -> None:
    caption_index(folder, captioner(tmp_path, captions=3))
    assert told(folder)["red"] == "\n".join(["a red thing"] * 3)
    assert answers(tmp_path) == 3 * 4


def test_what_has_captions_is_left_alone_unless_all_are_written_anew(tmp_path: Path, folder: Path) -> None:
    caption_index(folder, captioner(tmp_path))
    other = captioner(tmp_path, (".", "green again"))
    other.engine.model = "other"
    report = caption_index(folder, other)
    assert (report.asked, report.captioned) == (1, 4)
    assert told(folder)["red"] == "a red thing"
    assert told(folder)["grey"] == "green again"
    caption_index(folder, other, anew=True)
    assert set(told(folder).values()) == {"green again"}


def test_pictures_that_are_gone_or_changed_are_named_and_the_others_captioned(
    tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "gallery" / "red.png").unlink()
    Image.new("RGB", (9, 9), "white").save(tmp_path / "gallery" / "green.png")
    report = caption_index(folder, captioner(tmp_path))
    assert dict(report.failed) == {
        "green.png": "changed since it was indexed",
        "grey.png": "the captioner said nothing about it",
        "red.png": "no such file or directory",
    }
    assert told(folder)["blue"] == "a blue thing"


def test_stale_captions_are_realigned_and_nothing_is_asked_again(tmp_path: Path, folder: Path) -> None:
    caption_index(folder, captioner(tmp_path))
    remove(folder, "grey*")
    (tmp_path / "gallery" / "red.png").rename(tmp_path / "gallery" / "a.png")
    build([tmp_path / "gallery"], folder, captioner(tmp_path).encoder)
    report = caption_index(folder, captioner(tmp_path))
    assert report.asked == 1  # grey, which came back
    assert told(folder)["a"] == "a red thing"


def test_captions_by_another_encoder_are_refused_before_any_call(tmp_path: Path, folder: Path) -> None:
    real = ColourEncoder()
    real.fingerprint = "v2"  # type: ignore[misc]
    good = captioner(tmp_path)
    cache = Cache(tmp_path / "other.sqlite")
    other = CachedEncoder(EncoderSpec("given", "others"), cache, encoder=real)
    with pytest.raises(IndexIncompatible):
        caption_index(folder, Captioner(good.engine, Sampling(), other))
    assert answers(tmp_path) == 0


def test_a_gallery_of_captions_has_no_picture_to_describe(tmp_path: Path) -> None:
    writer = captioner(tmp_path)
    build_captions(captions_of({"a": ["red"]}), tmp_path / "texts", writer.encoder)
    with pytest.raises(InputError, match="no picture to describe"):
        caption_index(tmp_path / "texts", writer)


def test_a_run_takes_captions_of_its_own_captioner_or_of_a_file(tmp_path: Path, folder: Path) -> None:
    first = captioner(tmp_path)
    caption_for_run(folder, first)
    second = captioner(tmp_path, (".", "blue"))
    second.engine.model = "second"
    caption_for_run(folder, second)
    assert set(told(folder).values()) == {"blue"}
    caption_for_run(folder, first)
    assert told(folder)["red"] == "a red thing"
    index = Index.open(folder)
    key = {(item.id, item.content_hash): ("red",) for item in index.all_items() if item.row == 0}
    write_side(folder, key, first.encoder, source="file mine.json", anew=True)
    assert caption_for_run(folder, first).captioned == 1
    assert told(folder) == {"blue": "red", "green": None, "grey": None, "red": None}


KILLS = int(os.environ.get("LIKEBUT_KILLS", "4"))
PICTURES = 60
PROGRAM = """
import sys, time
from pathlib import Path
from likebut.pipeline.engines.scripted import ScriptedEngine
from likebut.pipeline.batch import captioning
from tests.pipeline.test_captioning import kill_captioner

work = Path(sys.argv[1])

class Slow(ScriptedEngine):
    def _answer(self, request):
        time.sleep(0.005)
        with open(work / "log", "a") as log:
            log.write("call\\n")
        return super()._answer(request)

captioning.CHUNK = 8
writer = kill_captioner(work, Slow)
print("ready", flush=True)
captioning.caption_index(work / "index", writer)
"""


def kill_captioner(work: Path, kind: type | None = None) -> Captioner:
    """Two captions a picture, four calls a batch."""
    from likebut.pipeline.asking.engine import CachedEngine
    from likebut.pipeline.engines.contract import EngineSpec
    from likebut.pipeline.engines.scripted import ScriptedEngine

    cache = Cache(work / "cache.sqlite")
    replies = [{"match": ".", "reply": "a red thing"}]
    spec = EngineSpec("scripted", "script", batch_size=4, options={"replies": replies})
    engine = CachedEngine(spec, cache, engine=(kind or ScriptedEngine)(spec))
    encoder = CachedEncoder(EncoderSpec("given", "colours"), cache, encoder=ColourEncoder())
    return Captioner(engine, Sampling(), encoder, captions=2)


def killed_after(seconds: float, work: Path) -> bool:
    """Run a slow captioning and kill it; False when it had finished before."""
    repository = Path(__file__).parents[3]
    command = [sys.executable, "-c", PROGRAM, str(work)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=repository) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_captioning_is_continued_and_no_answer_is_paid_twice(number: int, tmp_path: Path) -> None:
    dice = random.Random(number)
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    for red in range(PICTURES):
        Image.new("RGB", (4, 4), (red, 90, 90)).save(gallery / f"{red:03d}.png")
    build([gallery], tmp_path / "index", kill_captioner(tmp_path).encoder)
    (tmp_path / "log").touch()
    kills = 0
    for _ in range(2):
        kills += killed_after(dice.uniform(0, 0.7), tmp_path)
        assert Index.open(tmp_path / "index").count == PICTURES
        assert verify(tmp_path / "index").ok
    before = answers(tmp_path)
    report = caption_index(tmp_path / "index", kill_captioner(tmp_path))
    assert (report.captioned, report.failed) == (PICTURES, ())
    assert verify(tmp_path / "index").ok
    assert set(told(tmp_path / "index").values()) == {"a red thing\na red thing"}
    assert answers(tmp_path) == 2 * PICTURES  # as many as an undisturbed run leaves
    paid = len((tmp_path / "log").read_text().splitlines())
    assert before <= paid <= before + 4 * kills  # a kill loses the batch in flight at most
    assert sorted(path.name.split("-")[0] for path in (tmp_path / "index" / "captions").iterdir()) == [
        "items",
        "manifest.json",
        "stats",
        "vectors",
    ]


@pytest.mark.parametrize("step", ["vectors", "stats", "items", "manifest"])
def test_a_kill_while_captions_are_written_leaves_pictures_readable_and_is_continued(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    from likebut.indexes import writing

    class Killed(BaseException):
        pass

    def store(*arguments: object) -> object:
        if arguments[2] == step:
            raise Killed
        return real(*arguments)  # type: ignore[arg-type]

    def manifest(*_: object) -> None:
        raise Killed

    real = writing.store_file
    with monkeypatch.context() as patch:
        patch.setattr(writing, "store_file", store)
        if step == "manifest":
            patch.setattr(writing, "write_manifest", manifest)
        with pytest.raises(Killed):
            caption_index(folder, captioner(tmp_path))
    assert Index.open(folder).caption_side is None
    assert verify(folder).ok
    called = answers(tmp_path)
    caption_index(folder, captioner(tmp_path))
    assert answers(tmp_path) == called
    assert verify(folder).ok
    assert told(folder)["red"] == "a red thing"


def test_captions_are_in_the_language_that_the_encoder_reads_and_are_not_mixed(
    tmp_path: Path, folder: Path
) -> None:
    caption_index(folder, captioner(tmp_path))
    told_before = told(folder)
    said = ((r"blue\.png", "蓝色"), ("Answer in Chinese", "红色"))
    chinese = replace(captioner(tmp_path, *said), reads=Reads("Chinese"))
    with pytest.raises(InputError, match="are not in Chinese"):
        caption_index(folder, chinese)
    assert told(folder) == told_before
    caption_index(folder, chinese, anew=True)
    assert told(folder) == {"blue": "蓝色", "green": "红色", "grey": "红色", "red": "红色"}
    side = Index.open(folder).caption_side
    assert side is not None
    assert side.manifest.source.endswith("1 each, in Chinese")
    with pytest.raises(InputError, match="are not in English"):
        caption_index(folder, captioner(tmp_path))


def test_a_recipe_of_captions_refuses_those_that_its_tower_does_not_read(
    tmp_path: Path, folder: Path
) -> None:
    first = captioner(tmp_path)
    caption_index(folder, first)
    composer = colour_composer(tmp_path, recipe=load_recipe("weimocir"))
    chinese = replace(composer, reads=Reads("Chinese"))
    with pytest.raises(InputError, match="are not in Chinese"):
        chinese.on(folder)
    replace(composer, reads=Reads("Chinese", multilingual=True)).on(folder)
    replace(chinese, recipe=load_recipe("text-only")).on(folder)
    composer.on(folder)
