"""open_clip's weights by tag, file and hub name, and the activation they were trained with."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from likebut.pipeline.config.profile import EncoderChoice
from likebut.pipeline.encoders import check, make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.open_clip_weights import source_of
from likebut.pipeline.errors import ConfigError, LikebutError, ModelError
from tests.pipeline.encoders import duals, tiny

PAIRS = open_clip.list_pretrained()
SAYS = {"activation": "gelu"}


def spec(model: str, pretrained: str | None = None, **options: str) -> EncoderSpec:
    return EncoderSpec("open_clip", model, pretrained, "cpu", "float32", 4, options)


@pytest.fixture(scope="module", autouse=True)
def configs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """tiny-clip and tiny-clip-quickgelu among open_clip's own configs."""
    folder = tmp_path_factory.mktemp("configs")
    config = tiny.CONFIG["model_cfg"]
    for name, quick in (("tiny-clip", False), ("tiny-clip-quickgelu", True)):
        (folder / f"{name}.json").write_text(json.dumps({**config, "quick_gelu": quick}))
        open_clip.add_model_config(folder / f"{name}.json")
    yield
    for name in ("tiny-clip", "tiny-clip-quickgelu"):
        del open_clip.factory._MODEL_CONFIGS[name]


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    state: dict[str, torch.Tensor] = open_clip.CLIP(**tiny.CONFIG["model_cfg"]).state_dict()
    return state


def modules(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"module.{name}": value for name, value in state.items()}


FORMATS: dict[str, Callable[[dict[str, torch.Tensor], Path], None]] = {
    "bare.pt": torch.save,
    "trained.pt": lambda state, path: torch.save({"epoch": 3, "state_dict": modules(state)}, path),
    "under-a-key.pth": lambda state, path: torch.save({"state_dict": state}, path),
    "prefixed.bin": lambda state, path: torch.save(modules(state), path),
    "plain.safetensors": lambda state, path: save_file(state, path),
}


def vectors(encoder: Any) -> np.ndarray:
    image = Image.linear_gradient("L").convert("RGB")
    rows = encoder.encode_prepared([encoder.prepare(image)]), encoder.encode_texts(["a red apple"])
    return np.concatenate(rows)


def by_hand(quick: bool) -> np.ndarray:
    """What open_clip's own classes compute with the weights."""
    model = open_clip.CLIP(**{**tiny.CONFIG["model_cfg"], "quick_gelu": quick}).eval()
    model.load_state_dict(weights())
    image = Image.linear_gradient("L").convert("RGB")
    pixels = open_clip.image_transform(tiny.SIDE, is_train=False)(image)[None]
    tokens = open_clip.get_tokenizer("ViT-B-32")(["a red apple"], tiny.CONTEXT)
    with torch.inference_mode():
        rows = model.encode_image(pixels, normalize=True), model.encode_text(tokens, normalize=True)
    return torch.cat(rows).numpy()


@pytest.mark.parametrize("name", FORMATS)
def test_weights_of_a_file_give_the_vectors_of_the_activation_that_is_said(
    tmp_path: Path, name: str
) -> None:
    FORMATS[name](weights(), tmp_path / name)
    said = make_encoder(spec("tiny-clip", str(tmp_path / name), activation="gelu"))
    quick = make_encoder(spec("tiny-clip-quickgelu", str(tmp_path / name)))
    option = make_encoder(spec("tiny-clip", str(tmp_path / name), activation="quickgelu"))
    np.testing.assert_allclose(vectors(said), by_hand(False), atol=1e-5)
    np.testing.assert_allclose(vectors(quick), by_hand(True), atol=1e-5)
    np.testing.assert_allclose(vectors(option), by_hand(True), atol=1e-5)
    assert np.abs(by_hand(True) - by_hand(False)).max() > 1e-3  # else nothing would be shown
    assert quick.fingerprint == option.fingerprint != said.fingerprint


def test_a_file_is_known_by_what_is_in_it_and_not_by_its_place(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "a.pt")
    (tmp_path / "moved").mkdir()
    shutil.copy(tmp_path / "a.pt", tmp_path / "moved" / "a.pt")
    torch.save(weights(1), tmp_path / "b.pt")
    a, moved, b = (
        make_encoder(spec("tiny-clip", str(tmp_path / path), **SAYS))
        for path in ("a.pt", "moved/a.pt", "b.pt")
    )
    assert (a.name, a.fingerprint) == (moved.name, moved.fingerprint)
    assert a.name == "open_clip tiny-clip a.pt"
    assert b.fingerprint != a.fingerprint


def test_a_file_whose_activation_nobody_says_is_refused(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "a.pt")
    with pytest.raises(ConfigError, match="do not say their activation") as caught:
        make_encoder(spec("tiny-clip", str(tmp_path / "a.pt")))
    assert '"tiny-clip-quickgelu"' in caught.value.hint
    assert 'activation = "gelu"' in caught.value.hint
    with pytest.raises(ConfigError, match="has QuickGELU") as caught:
        make_encoder(spec("tiny-clip-quickgelu", str(tmp_path / "a.pt"), activation="gelu"))
    assert '"tiny-clip"' in caught.value.hint
    with pytest.raises(ConfigError, match="no 'relu'"):
        make_encoder(spec("tiny-clip", str(tmp_path / "a.pt"), activation="relu"))


def test_towers_of_other_libraries_bring_their_activation(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    file.write_bytes(b"")
    assert not source_of(spec("ViT-B-16-SigLIP-i18n-256", str(file), **SAYS)).quick
    both = [
        model
        for model in open_clip.list_models()
        if "timm_model_name" in (config := open_clip.get_model_config(model))["vision_cfg"]
        and "hf_model_name" in config["text_cfg"]
    ]
    assert both
    for model in both:
        assert not source_of(spec(model, str(file))).quick


def test_a_file_for_siglip_is_prepared_as_siglips_tags_are(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"")
    wanted = open_clip.get_pretrained_cfg("ViT-B-16-SigLIP", "webli")
    found = source_of(spec("ViT-B-16-SigLIP", str(tmp_path / "a.pt"), **SAYS)).preprocessing
    assert {"mean", "resize_mode"} <= found.keys()
    assert found == {name: wanted[name] for name in found}
    assert source_of(spec("ViT-L-14", str(tmp_path / "a.pt"), **SAYS)).preprocessing == {}


def test_a_file_that_is_not_there_or_is_of_another_model_is_refused_in_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    torch.save({"visual.proj": torch.zeros(2, 2)}, other)
    cut = tmp_path / "cut.pt"
    torch.save(weights(), cut)
    cut.write_bytes(cut.read_bytes()[:900])
    notes = tmp_path / "notes.safetensors"
    notes.write_text("hello")
    code = tmp_path / "code.pt"
    torch.save({"state_dict": print}, code)
    for path in (tmp_path / "absent.pt", other, cut, notes, code):
        with pytest.raises(ModelError, match=path.stem) as caught:
            make_encoder(spec("tiny-clip", str(path), **SAYS))
        assert "\n" not in caught.value.message


def test_a_folder_or_hub_model_says_all_itself(tmp_path: Path) -> None:
    folder = str(tiny.clip(tmp_path / "clip"))
    for model in (folder, "hf-hub:likebut/absent"):
        with pytest.raises(ConfigError, match="takes no pretrained"):
            check(spec(model, "laion2b_s34b_b79k"))
        with pytest.raises(ConfigError, match="takes no activation"):
            check(spec(model, activation="gelu"))
        check(spec(model))


def test_every_tag_of_open_clip_is_taken_under_its_own_activation_and_no_other() -> None:
    """Over open_clip's whole table: refused where it would only warn, with the config that is taken."""
    refused = 0
    for model, tag in PAIRS:
        trained = open_clip.get_pretrained_cfg(model, tag).get("quick_gelu", False)
        has = (open_clip.get_model_config(model) or {}).get("quick_gelu", False)
        if has or not trained:
            assert source_of(spec(model, tag)).pretrained == tag
            continue
        refused += 1
        with pytest.raises(ConfigError, match="trained with QuickGELU") as caught:
            check(spec(model, tag))
        named = caught.value.hint.split('"')[1]
        assert source_of(spec(named, tag)).pretrained == tag
        assert source_of(spec(model, tag, activation="quickgelu")).quick
    assert refused > 20


@pytest.mark.parametrize(
    ("model", "tag"),
    [
        ("ViT-B-32", "laion2b_s34b_b79k"),
        ("ViT-L-14", "datacomp_xl_s13b_b90k"),
        ("ViT-H-14", "laion2b_s32b_b79k"),
    ],
)
def test_a_tag_trained_with_gelu_is_refused_under_quickgelu(model: str, tag: str) -> None:
    with pytest.raises(ConfigError, match="trained with GELU") as caught:
        check(spec(f"{model}-quickgelu", tag))
    assert f'model = "{model}"' in caught.value.hint
    with pytest.raises(LikebutError, match="not trained with activation 'quickgelu'"):
        check(spec(model, tag, activation="quickgelu"))


README = Path(__file__).parents[3] / "README.md"
# The formats that the makers publish: RemoteCLIP and GeoRSCLIP a bare state dict, those that were trained
# with open_clip's own script (BMC-CLIP) a checkpoint of it.
PUBLISHED = {"RemoteCLIP": "bare.pt", "RS5M": "bare.pt", "BMC-CLIP": "trained.pt"}


def lines_of_the_readme() -> dict[str, dict[str, Any]]:
    """The encoders that the README lists for other worlds than photographs, by their first word."""
    text = README.read_text(encoding="utf-8").split("**Towers for other worlds**")[1]
    block = text.split("```toml\n")[1].split("```")[0]
    return {line.partition(" = ")[0]: tomllib.loads(line) for line in block.splitlines() if " = " in line}


@pytest.mark.parametrize("name", lines_of_the_readme())
def test_every_line_for_another_world_holds_and_its_file_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The line as it stands, on a tiny model under the real config's name, in the format it comes in."""
    choice = EncoderChoice(**lines_of_the_readme()[name][name])
    if not choice.pretrained:
        check(EncoderSpec("open_clip", choice.model))
        return
    quick = (open_clip.get_model_config(choice.model) or {}).get("quick_gelu", False)
    monkeypatch.setitem(
        open_clip.factory._MODEL_CONFIGS, choice.model, {**tiny.CONFIG["model_cfg"], "quick_gelu": quick}
    )
    path = tmp_path / Path(choice.pretrained).name
    kind = next((kind for key, kind in PUBLISHED.items() if key in path.name), "under-a-key.pth")
    FORMATS["plain.safetensors" if path.suffix == ".safetensors" else kind](weights(), path)
    encoder = make_encoder(
        EncoderSpec("open_clip", choice.model, str(path), "cpu", "float32", 4, choice.options)
    )
    np.testing.assert_allclose(vectors(encoder), by_hand(quick), atol=1e-5)


def test_a_biomedical_clip_of_the_hub_is_found_where_the_hub_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shape: a ViT of timm, a BERT of transformers, weights in open_clip_pytorch_model.bin."""
    from huggingface_hub import constants
    from transformers import BertConfig, BertModel

    words = duals._bert()
    sizes = {**duals.TOWER, "vocab_size": len(words), "max_position_embeddings": 64}
    BertModel(BertConfig(**sizes)).save_pretrained(tmp_path / "bert")
    words.save_pretrained(tmp_path / "bert")
    bert = str(tmp_path / "bert")
    text: dict[str, Any] = {
        "hf_model_name": bert,
        "hf_model_pretrained": False,
        "hf_tokenizer_name": bert,
        "hf_proj_type": "mlp",
        "hf_pooler_type": "cls_last_hidden_state_pooler",
        "context_length": 32,
    }
    vision = {
        "timm_model_name": "test_vit",
        "timm_model_pretrained": False,
        "timm_pool": "",
        "timm_proj": "linear",
        "image_size": 64,
    }
    model_config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    torch.manual_seed(3)
    made = open_clip.model.CustomTextCLIP(
        **{**model_config, "text_cfg": {**text, "hf_model_pretrained": False}}
    )
    repository = tmp_path / "hub" / "models--microsoft--BiomedCLIP"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    config = {"model_cfg": model_config, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3}}
    (snapshot / "open_clip_config.json").write_text(json.dumps(config))
    torch.save(made.state_dict(), snapshot / "open_clip_pytorch_model.bin")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    encoder: Any = make_encoder(spec("hf-hub:microsoft/BiomedCLIP"))
    tokens = words(["a red apple"], return_tensors="pt", padding="max_length", max_length=32)["input_ids"]
    with torch.inference_mode():
        wanted = made.eval().encode_text(tokens, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_texts(["a red apple"]), wanted, atol=1e-5)
    assert json.loads(encoder.preprocessing)["std"] == [0.25] * 3
