"""Can a profile run here? Models on disk and on the hub, servers and keys, memory."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.config.files import load_profile
from likebut.pipeline.config.profile import Profile
from likebut.pipeline.engines.probe import Answer
from likebut.pipeline.engines.server import Server
from likebut.pipeline.machine.memory import Memory
from likebut.pipeline.setup.check import check_profile

PLENTY = Memory(64 * 10**9, 64 * 10**9)
URL = "http://localhost:8000/v1"


def profile(**parts: dict[str, Any]) -> Profile:
    pocket = load_profile("pocket").model_dump()
    return Profile.model_validate({**pocket, **parts})


def states(found: Any) -> dict[str, str]:
    return {finding.what: finding.state for finding in found}


def values(found: Any) -> dict[str, str]:
    return {finding.what: finding.value for finding in found}


def look(chosen: Profile, memory: Memory = PLENTY, **options: Any) -> Any:
    return check_profile(chosen, memory=lambda device: memory, **options)


def put_in_hub(home: Path, name: str, parameters: int = 0) -> Path:
    """A hub model as the hub's library keeps it, with the header of a safetensors file."""
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("c" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("c" * 40)
    if parameters:
        header = json.dumps({"w": {"dtype": "BF16", "shape": [parameters // 2, 2]}}).encode()
        (snapshot / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return snapshot


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path


def test_the_pocket_profile_is_all_here() -> None:
    found = look(load_profile("pocket"))
    assert set(states(found).values()) == {"ok"}
    assert values(found)["encoder"] == "pocket:clip, 18.9 MB on disk, on cpu"


def test_hub_models_are_fetched_and_offline_they_are_missing(hub: Path) -> None:
    found = look(load_profile("cpu"))
    assert states(found) == {
        "captioner": "fetch",
        "reasoner": "fetch",
        "encoder": "fetch",
        "memory cpu": "ok",
    }
    assert "about 3.1 GB" in values(found)["reasoner"]
    found = look(load_profile("cpu"), offline=True)
    assert states(found)["reasoner"] == "missing"
    assert "Qwen/Qwen2.5-1.5B-Instruct is not on this machine" in values(found)["reasoner"]


def test_a_fetched_model_counts_with_what_is_on_disk(hub: Path) -> None:
    put_in_hub(hub, "org/name", parameters=10**9)
    found = look(profile(reasoner={"model": "org/name", "device": "cpu", "dtype": "bfloat16"}))
    assert states(found)["reasoner"] == "ok"
    # 10⁹ weights in 2 bytes, and the pocket captioner and encoder (3.8 and 9.4 million) in 4.
    assert "about 3.5 GB for 2.1 GB of weights" in values(found)["memory cpu"]


def test_a_number_format_twice_as_wide_takes_twice_the_memory(hub: Path) -> None:
    put_in_hub(hub, "org/name", parameters=10**9)
    found = look(profile(reasoner={"model": "org/name", "device": "cpu", "dtype": "float32"}))
    assert "for 4.1 GB of weights" in values(found)["memory cpu"]


def test_a_model_that_was_fetched_in_part_is_fetched_further(hub: Path) -> None:
    snapshot = put_in_hub(hub, "org/name", parameters=100)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    found = look(profile(reasoner={"model": "org/name", "device": "cpu"}))
    assert states(found)["reasoner"] == "fetch"
    assert states(found)["memory cpu"] == "unknown"


def test_a_hub_model_without_weights_is_not_here(hub: Path) -> None:
    put_in_hub(hub, "org/name")
    found = look(profile(reasoner={"model": "org/name", "device": "cpu"}))
    assert states(found)["reasoner"] == "fetch"
    assert "of unknown size" in values(found)["reasoner"]


def test_a_folder_that_is_not_there_or_has_no_weights_is_missing(tmp_path: Path) -> None:
    found = look(profile(reasoner={"model": str(tmp_path / "none"), "device": "cpu"}))
    assert states(found)["reasoner"] == "missing"
    found = look(profile(reasoner={"model": str(tmp_path), "device": "cpu"}))
    assert "lacks weights" in values(found)["reasoner"]


def test_a_device_that_is_not_here_is_missing() -> None:
    found = look(profile(reasoner={"model": "pocket:reasoner", "device": "cuda:97"}))
    assert states(found)["reasoner"] == "missing"
    assert "cuda:97" in values(found)["reasoner"]


@pytest.mark.parametrize(("free", "total", "state"), [(12, 64, "ok"), (5, 64, "tight"), (5, 8, "missing")])
def test_memory_is_enough_or_tight_or_too_small(hub: Path, free: int, total: int, state: str) -> None:
    # in float32: (0.507 + 1.54 + 0.151) · 4 = 8.8 GB, · 1.2 + 1 = 11.6 GB
    chosen = load_profile("cpu")
    parts = {
        name: getattr(chosen, name).model_dump() | {"dtype": "float32"}
        for name in ("captioner", "reasoner", "encoder")
    }
    found = look(profile(**parts), Memory(free * 10**9, total * 10**9))
    assert states(found)["memory cpu"] == state
    assert "about 11.6 GB for 8.8 GB of weights" in values(found)["memory cpu"]


def served(answer: Answer, url: str = URL, offline: bool = False) -> Any:
    asked: list[Server] = []

    def ask(server: Server) -> Answer:
        asked.append(server)
        return answer

    choice = {"engine": "openai", "model": "qwen", "options": {"base_url": url}}
    found = look(profile(captioner=choice, reasoner=choice), ask=ask, offline=offline)
    assert len(asked) <= 1  # two parts, one server, one question
    return found, asked


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (Answer(True, models=("llama", "qwen")), "ok", "answers, and has qwen"),
        (Answer(True), "ok", "answers"),
        (Answer(True, models=("llama",)), "unknown", "does not list qwen; it has llama"),
        (Answer(True, "refuses the key (HTTP 401)"), "missing", "refuses the key"),
        (Answer(False, "no answer (refused)"), "missing", "start it, or correct base_url"),
    ],
)
def test_a_server_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, state: str, words: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found, _ = served(answer)
    assert states(found)[f"server {URL}"] == state
    assert words in values(found)[f"server {URL}"]
    assert states(found)["OPENAI_API_KEY"] == "ok"  # a server on this machine needs none


def test_a_key_is_told_to_be_set_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = "https://api.example.org/v1"
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found, _ = served(Answer(True), elsewhere)
    assert states(found)["OPENAI_API_KEY"] == "missing"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    found, _ = served(Answer(True), elsewhere)
    assert values(found)["OPENAI_API_KEY"] == "set"
    assert "sk-secret" not in repr(found)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-s\necret")
    found, _ = served(Answer(True), elsewhere)
    assert states(found)[f"server {elsewhere}"] == "missing"


def test_offline_asks_no_other_machine() -> None:
    found, asked = served(Answer(True), "https://api.example.org/v1", offline=True)
    assert asked == []
    assert states(found)["server https://api.example.org/v1"] == "missing"
    assert len(served(Answer(True), offline=True)[1]) == 1


def test_an_option_that_does_not_hold_is_told() -> None:
    choice = {"engine": "openai", "model": "qwen", "options": {"base_ulr": URL}}
    found = look(profile(reasoner=choice))
    assert "did you mean 'base_url'" in values(found)["reasoner"]


def test_an_encoder_says_what_is_wrong_before_anything_is_fetched(tmp_path: Path) -> None:
    quick = {"model": "ViT-B-32", "pretrained": "openai"}
    assert '"ViT-B-32-quickgelu"' in values(look(profile(encoder=quick)))["encoder"]
    file = tmp_path / "tuned.pt"
    tuned = {"model": "ViT-B-32-quickgelu", "pretrained": str(file)}
    found = look(profile(encoder=tuned))
    assert states(found)["encoder"] == "missing"
    assert f"no file of weights {file}" in values(found)["encoder"]
    file.write_bytes(b"0" * 2_000_000)
    found = look(profile(encoder=tuned))
    assert states(found)["encoder"] == "ok"
    assert "2.0 MB on disk" in values(found)["encoder"]


def test_a_tower_that_needs_a_package_or_is_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "siglip"}')
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "SiglipTokenizer"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    tower = {"encoder": "transformers", "model": str(tmp_path)}
    assert states(look(profile(encoder=tower)))["encoder"] == "ok"
    monkeypatch.setattr("likebut.pipeline.encoders.dual.find_spec", lambda name: None)
    assert "pip install 'likebut[siglip]'" in values(look(profile(encoder=tower)))["encoder"]
    (tmp_path / "config.json").write_text('{"model_type": "resnet"}')
    assert "kind 'resnet'" in values(look(profile(encoder=tower)))["encoder"]
