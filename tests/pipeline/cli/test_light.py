"""`index light` from the command line: quick queries by a cut tower, and everything that may not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.learning import learn_light
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.light import write_light
from likebut.pipeline.machine.models import POCKET
from likebut.pipeline.pocket.captions import some_texts
from tests.pipeline.cli.conftest import Outcome, Run, some_of
from tests.pipeline.colours import colour_composer, with_light_side
from tests.pipeline.encoders.cut import cut, profile

ASKED = ("query", "--text", "a red apple at night", "-r", "text-only", "-k", "2")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The profile of a tower with two of four layers for texts."""
    folder = tmp_path_factory.mktemp("small")
    return profile(folder / "small.toml", cut(folder / "tower", 2))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "asked.txt"
    file.write_text("\n".join(some_texts(800, seed=3)))
    return file


@pytest.fixture(scope="module")
def known(small: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A map from it to the pocket tower."""
    folder = tmp_path_factory.mktemp("known")
    cache = Cache(folder / "answers.sqlite")
    specs = [
        EncoderSpec("open_clip", model, None, "cpu", "float32")
        for model in (str(small.parent / "tower"), "pocket:clip")
    ]
    ends = [
        (name, CachedEncoder(spec, cache)) for name, spec in zip((str(small), "pocket"), specs, strict=True)
    ]
    write_light(folder / "map", learn_light(some_texts(800, seed=3), *ends))
    return (folder / "map").read_bytes()


@pytest.fixture
def learnt(likebut: Run, small: Path, texts: Path, tmp_path: Path) -> Outcome:
    return likebut(
        "index", "light", "--texts", texts, "--small", small, "--to", "pocket", "--out", tmp_path / "map"
    )


@pytest.fixture
def index(likebut: Run, drawn: Path, tmp_path: Path) -> Path:
    """The index of twenty-four drawn pictures."""
    pictures = some_of(drawn, tmp_path / "pictures", 24)
    assert likebut("index", "build", pictures, "--out", tmp_path / "big.index").code == 0
    return tmp_path / "big.index"


def moved(folder: Path) -> Path:
    """The pocket tower with other weights."""
    shutil.copytree(POCKET / "clip", folder)
    weights = load_file(folder / "open_clip_model.safetensors")
    weights["text_projection"] = weights["text_projection"] + torch.ones(1).to(torch.float16)
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def test_queries_go_by_the_small_tower_and_say_so(
    likebut: Run, learnt: Outcome, index: Path, tmp_path: Path
) -> None:
    assert learnt.code == 0, learnt.err
    assert "of the ten nearest are right" in learnt.err
    assert f'light = "{tmp_path / "map"}"' in learnt.err
    mine = profile(tmp_path / "mine.toml", light=tmp_path / "map")
    exact = json.loads(likebut(*ASKED, "--index", index, "-f", "json").out)
    found = likebut(
        *ASKED,
        "--index",
        index,
        "--profile",
        mine,
        "-f",
        "json",
        "--explain",
        "--report",
        tmp_path / "p.html",
    )
    assert found.code == 0, found.err
    trace = json.loads(found.out)
    assert 0.5 < trace["light"]["agreement"] <= 1
    assert "tower" in trace["light"]["tower"]
    assert "light" not in exact
    words = f"by {trace['light']['tower']}, mapped: {trace['light']['agreement']:.0%} of the ten nearest"
    assert f"texts: {words}" in found.err
    assert f"Texts {words}" in (tmp_path / "p.html").read_text()
    scores = [[hit["score"] for hit in one["ranking"]["hits"]] for one in (exact, trace)]
    assert scores[0] != scores[1]
    assert scores[0] == pytest.approx(scores[1], abs=1.0)
    picture = likebut(
        "query", tmp_path / "pictures" / "scene-00003.png", "at night", "--index", index, "-p", mine
    )
    assert picture.code == 0, picture.err
    again = json.loads(likebut(*ASKED, "--index", index, "-f", "json").out)
    assert again["ranking"] == exact["ranking"]


def test_captions_of_a_gallery_are_learnt_from(
    likebut: Run, index: Path, small: Path, tmp_path: Path
) -> None:
    command = ("index", "light", index, "--small", small, "--to", "pocket", "--out", tmp_path / "map")
    none = likebut(*command)
    assert (none.code, "has no captions" in none.err, "index caption" in none.err) == (3, True, True)
    given = {f"scene-{n:05d}.png": some_texts(10, seed=n) for n in range(24)}
    (tmp_path / "captions.json").write_text(json.dumps(given))
    built = likebut(
        "index", "build", tmp_path / "pictures", "--out", index, "--captions", tmp_path / "captions.json"
    )
    assert built.code == 0, built.err
    made = likebut(*command)
    assert made.code == 0, made.err
    different = len({" ".join(text.split()) for texts in given.values() for text in texts})
    assert f"learnt from {different - len(range(0, different, 5))} texts" in made.err


def test_the_pocket_profile_makes_texts_itself_and_others_are_asked_for_them(
    likebut: Run, small: Path, tmp_path: Path
) -> None:
    out = tmp_path / "map"
    own = likebut("index", "light", "--small", small, "--to", "pocket", "--out", out, "--sample", "400")
    assert (own.code, "learnt from 320 texts" in own.err) == (0, True)
    other = likebut("index", "light", "--small", small, "--to", "cpu", "--out", tmp_path / "other")
    assert (other.code, "no texts to learn from" in other.err, "--texts FILE" in other.err) == (
        2,
        True,
        True,
    )


def test_what_makes_no_map_leaves_nothing_behind(
    likebut: Run, small: Path, texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "made" / "map"
    (tmp_path / "few.txt").write_text("a red apple\n" * 500)
    (tmp_path / "diary.txt").write_text("dear diary")
    usual = {"--texts": texts, "--small": small, "--to": "pocket", "--out": out}
    for change, code, words in (
        ({"--least": "0.999"}, 2, "of the ten nearest are the same, and 1.00 are wanted"),
        ({"--texts": tmp_path / "few.txt"}, 3, "1 different texts are too few"),
        ({"--texts": tmp_path / "none.txt"}, 3, "cannot read"),
        ({"--small": "pocket"}, 2, "is both towers"),
        ({"--small": "nobody"}, 2, "no profile 'nobody'"),
        ({"--out": tmp_path / "diary.txt"}, 2, "is no light map"),
        ({"--out": tmp_path}, 2, "is a folder"),
    ):
        given = [word for pair in {**usual, **change}.items() for word in pair]
        told = likebut("index", "light", *given)
        assert (told.code, words in told.err) == (code, True), (change, told.err)
        assert told.err.count("error:") == 1
        assert not out.exists()
    assert (tmp_path / "diary.txt").read_text() == "dear diary"


def test_a_map_that_does_not_fit_is_refused_with_the_command_that_mends_it(
    likebut: Run, known: bytes, index: Path, small: Path, tmp_path: Path
) -> None:
    file = tmp_path / "map"
    file.write_bytes(known)
    mine = profile(tmp_path / "mine.toml", light=file)
    other = profile(tmp_path / "other.toml", moved(tmp_path / "moved"), light=file)

    def told(used: Path = mine) -> str:
        found = likebut(*ASKED, "--index", index, "--profile", used, "--cache", tmp_path / "fresh.sqlite")
        (line,) = [line for line in found.err.splitlines() if line.startswith("error:")]
        assert (found.code, found.out) == (4, "")
        assert "likebut index light --small" in line
        assert f"--to {used} --out {file}" in line
        return line

    assert "the light map leads to open_clip pocket:clip; the profile's tower is open_clip" in told(other)
    for data in (known[:-10], known[:100], b"", known[:-5] + b"\0" + known[-4:]):
        file.write_bytes(data)
        assert "is damaged" in told()
    file.unlink()
    assert "no light map" in told()
    file.write_bytes(known)
    tower = small.parent / "tower"
    weights = (tower / "open_clip_model.safetensors").read_bytes()
    changed = load_file(tower / "open_clip_model.safetensors")
    changed["text_projection"] = changed["text_projection"] * 2
    save_file(changed, tower / "open_clip_model.safetensors")
    line = told()
    assert "learnt from another" in line
    assert f"--small {small}" in line
    (tower / "open_clip_model.safetensors").write_bytes(weights)
    assert likebut(*ASKED, "--index", index, "--profile", mine).code == 0


def test_doctor_tells_of_the_map_and_its_tower(likebut: Run, known: bytes, tmp_path: Path) -> None:
    (tmp_path / "map").write_bytes(known)
    mine = profile(tmp_path / "mine.toml", light=tmp_path / "map")
    rows = {row["what"]: row for row in json.loads(likebut("doctor", "--profile", mine, "-f", "json").out)}
    assert "of the ten nearest are right" in rows["light"]["value"]
    assert (rows["light"]["state"], rows["light encoder"]["state"]) == ("ok", "ok")
    (tmp_path / "map").write_bytes(b"")
    missing = likebut("doctor", "--profile", mine, "-f", "json")
    rows = {row["what"]: row for row in json.loads(missing.out)}
    assert (missing.code, rows["light"]["state"]) == (4, "missing")
    assert "light encoder" not in rows


def test_a_saved_session_says_whose_texts_they_are(likebut: Run, tmp_path: Path) -> None:
    composer = with_light_side(colour_composer(tmp_path, recipe=load_recipe("text-only")))
    session = composer.start(None)
    session.but("a red square")
    session.save(tmp_path / "said.json")
    shown = likebut("dialogue", "show", tmp_path / "said.json")
    assert shown.code == 0
    assert shown.err.splitlines() == ["texts by small colours, mapped: 90% of the ten nearest are right"]
