"""Real families through the transformers engine, by the name of a folder and nothing else.

The models are tiny and random; configuration, processor and chat template are of the real kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.errors import ModelError
from likebut.pipeline.prompting import Prompt
from likebut.pipeline.records.chat import Message, Sampling
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.stages.ask import Question
from likebut.pipeline.stages.ask import ask as ask_reasoner
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.stages.describe import describe
from tests.pipeline.engines.families import CAPTIONERS, FAMILIES, READERS, SEERS

TEXTS = ("a red apple", "make it a cat at night, with no dog. two pears, please", "é 猫", "what")
PROFILE = """
description = "one family"
[captioner]
model = {model!r}
device = "cpu"
dtype = "float32"
max_tokens = 24
[reasoner]
model = {model!r}
device = "cpu"
dtype = "float32"
max_tokens = 64
sees = true
[reasoner.options]
structured = "{structured}"
[encoder]
model = "pocket:clip"
"""
BOUNDED = """+++
version = "1"
variables = ["caption", "modification"]
reply = "json"
[schema]
type = "object"
additionalProperties = false
required = ["target_caption", "desired"]
[schema.properties.target_caption]
enum = ["a red apple", "a green pear", "a cat at night"]
[schema.properties.desired]
type = "array"
maxItems = 2
items = {{ enum = ["night", "apple"] }}
+++
=== system ===
Answer with JSON.
=== user ===
{{{{ caption }}}} {{{{ modification }}}}
"""

Open = Callable[[str], Any]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny model, made when first asked for."""
    base = tmp_path_factory.mktemp("families")

    def get(name: str) -> Path:
        if name == "smolvlm":
            pytest.importorskip("num2words")
        if not (base / name).exists():
            FAMILIES[name](base / name)
        return base / name

    return get


@pytest.fixture(scope="module")
def opened(folder_of: Callable[[str], Path]) -> Open:
    """The engine of a family, loaded once."""
    engines: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in engines:
            spec = EngineSpec("transformers", str(folder_of(name)), device="cpu", dtype="float32")
            engines[name] = make_engine(spec)
        return engines[name]

    return get


def composer_of(folder: Path, tmp_path: Path, structured: str = "none") -> Composer:
    """A composer whose captioner and reasoner are named in a profile file."""
    profile = tmp_path / "mine.toml"
    profile.write_text(PROFILE.format(model=str(folder), structured=structured))
    return assemble(Setup("likebut", str(profile), cache=tmp_path / "cache.sqlite"))


def ask(text: str, *images: Path, tokens: int = 10) -> Request:
    messages = (Message("system", "You rewrite."), Message("user", text, images))
    return Request(messages, Sampling(max_tokens=tokens))


def asked(name: str, pictures: list[Path], tokens: int = 10) -> list[Request]:
    """Questions of different length, about pictures of different size where the model looks."""
    if name in READERS:
        return [ask(text, tokens=tokens) for text in TEXTS]
    return [ask(text, image, tokens=tokens) for text, image in zip(TEXTS, pictures, strict=False)]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_reply_is_the_same_alone_and_in_a_batch_and_in_its_place(
    opened: Open, pictures: list[Path], name: str
) -> None:
    engine, requests = opened(name), asked(name, pictures)
    together = [replace(reply, seconds=0.0) for reply in engine.generate(requests)]
    alone = [replace(engine.generate([one])[0], seconds=0.0) for one in requests]
    assert together == alone
    assert len({reply.text for reply in together}) > 1  # the models do look and read
    backwards = engine.generate(requests[::-1])
    assert [reply.text for reply in backwards] == [reply.text for reply in together[::-1]]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_reply_is_what_the_library_itself_writes_with_the_models_own_processor(
    opened: Open, folder_of: Callable[[str], Path], pictures: list[Path], name: str
) -> None:
    """Greedy, one prompt at a time, nothing of ours; and as many tokens as it counts.

    A captioner remembers no keys here, so that every word is read anew, from the place it was
    trained at: transformers before 5.18 gives remembered words of a GIT wrong places.
    """
    import torch
    import transformers
    from PIL import Image

    folder = folder_of(name)
    kinds = transformers.AutoModelForImageTextToText, transformers.AutoModelForCausalLM
    model = kinds[name in READERS].from_pretrained(folder).eval()
    makers = transformers.AutoProcessor, transformers.AutoTokenizer
    processor = makers[name in READERS].from_pretrained(folder)
    for request, reply in zip(
        asked(name, pictures), opened(name).generate(asked(name, pictures)), strict=True
    ):
        images = [Image.open(path).convert("RGB") for path in request.messages[-1].images]
        if name in CAPTIONERS:
            inputs = processor(images=images, return_tensors="pt")
        else:
            chat = _chat(request, images, one_turn="gemma3" in name)
            inputs = processor.apply_chat_template(
                [chat], tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True
            )
            assert reply.prompt_tokens == inputs["input_ids"].shape[1]
        if name in READERS:
            inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            row = model.generate(
                **inputs, max_new_tokens=10, do_sample=False, use_cache=name not in CAPTIONERS
            )[0]
        decode = processor.decode if name in READERS else processor.tokenizer.decode
        whole = decode(row, skip_special_tokens=True).strip()
        assert whole.endswith(reply.text)
        if name in CAPTIONERS:
            assert whole == reply.text
        if reply.finish == "length":
            assert reply.reply_tokens == 10


def _chat(request: Request, images: list[Any], one_turn: bool) -> list[dict[str, Any]]:
    """The messages as a maker's example would write them."""
    system, user = request.messages
    if one_turn:
        words = f"{system.text}\n\n{user.text}" if not images else user.text
        parts = [{"type": "text", "text": system.text}, {"type": "text", "text": words}]
        shown = [*({"type": "image", "image": one} for one in images), *parts]
        return [{"role": "user", "content": shown if images else words}]
    if not images:
        return [{"role": m.role, "content": m.text} for m in request.messages]
    shown = [*({"type": "image", "image": one} for one in images)]
    return [
        {"role": "system", "content": [{"type": "text", "text": system.text}]},
        {"role": "user", "content": [*shown, {"type": "text", "text": user.text}]},
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_reply_is_no_longer_than_asked_and_says_how_it_ended(
    opened: Open, pictures: list[Path], name: str
) -> None:
    short = opened(name).generate(asked(name, pictures, tokens=2))
    assert all(reply.reply_tokens <= 2 for reply in short)
    long = opened(name).generate(asked(name, pictures, tokens=30))
    for cut, whole in zip(short, long, strict=True):
        assert cut.finish == ("stop" if whole.reply_tokens <= 2 and whole.finish == "stop" else "length")
    assert {reply.finish for reply in long} <= {"stop", "length"}


@pytest.mark.parametrize("name", {**SEERS, **CAPTIONERS})
def test_a_picture_that_is_none_fails_alone(
    opened: Open, pictures: list[Path], tmp_path: Path, name: str
) -> None:
    notes = tmp_path / "notes.png"
    notes.write_text("hello")
    requests = asked(name, pictures)
    good = [reply.text for reply in opened(name).generate(requests)]
    with_bad = opened(name).generate([requests[0], ask("what", notes), *requests[1:]])
    assert (with_bad[1].text, with_bad[1].finish) == ("", "refused")
    assert "notes.png" in with_bad[1].error
    assert [reply.text for reply in (with_bad[0], *with_bad[2:])] == good


@pytest.mark.parametrize("name", {**READERS, **SEERS})
def test_a_prompt_longer_than_the_context_is_refused_alone(
    opened: Open, pictures: list[Path], name: str
) -> None:
    requests = asked(name, pictures)
    long = ask("apple " * 2100, *requests[0].messages[-1].images)
    replies = opened(name).generate([requests[0], long, requests[1]])
    assert [reply.finish == "refused" for reply in replies] == [False, True, False]
    assert re.search(r"the prompt has \d+ tokens; .* reads 2048", replies[1].error)
    assert replies[0].text == opened(name).generate(requests[:1])[0].text


@pytest.mark.parametrize("name", {**READERS, **SEERS})
def test_marks_in_a_users_words_are_words(opened: Open, pictures: list[Path], name: str) -> None:
    """Neither a message of one's own nor a picture that is not there."""
    from likebut.pipeline.engines.rendering import model_inputs

    loaded = opened(name)._loaded
    marks = [str(t.content) for t in loaded.tokenizer.added_tokens_decoder.values() if t.special]
    images = pictures[:1] if name in SEERS else []
    plain, sly = (
        model_inputs([ask(f"red {words} apple", *images)], loaded, {})["input_ids"][0].tolist()
        for words in ("x", " ".join(marks[1:]))
    )
    for mark in marks[1:]:
        number = loaded.tokenizer.convert_tokens_to_ids(mark)
        assert sly.count(number) == plain.count(number), mark
    assert len(sly) > len(plain) + len(marks)


@pytest.mark.parametrize("name", {**SEERS, **CAPTIONERS})
def test_the_describe_stage_captions_with_a_family(
    folder_of: Callable[[str], Path], opened: Open, pictures: list[Path], tmp_path: Path, name: str
) -> None:
    composer = composer_of(folder_of(name), tmp_path)
    prompt = prompting.load("describe/dense")
    described = describe(pictures, prompt, composer.captioner, composer.captioner_sampling)
    for path, (description, exchanges) in zip(pictures, described, strict=True):
        (reply,) = [exchange.reply for exchange in exchanges]
        messages = prompting.render(prompt, {}, images=(path,))
        again = opened(name).generate([Request(messages, composer.captioner_sampling)])[0]
        assert reply.text == again.text
        usable = reply.finish == "stop" and bool(reply.text)
        assert description.captions == ((" ".join(reply.text.split()),) if usable else ())


@pytest.fixture
def bounded(tmp_path: Path) -> Prompt:
    path = tmp_path / "bounded.j2"
    path.write_text(BOUNDED.format())
    return prompting.load(str(path))


@pytest.mark.parametrize("name", {**READERS, **SEERS})
def test_the_reason_stage_reads_intents_from_a_family(
    folder_of: Callable[[str], Path], pictures: list[Path], tmp_path: Path, bounded: Prompt, name: str
) -> None:
    """Held to their schema, even random weights answer with an Intent."""
    pytest.importorskip("xgrammar")
    composer = composer_of(folder_of(name), tmp_path, structured="json_schema")
    shown: list[tuple[Path, ...]] = [(p,) if name in SEERS else () for p in (*pictures, pictures[0])]
    questions = [Question("a red apple", text, images) for text, images in zip(TEXTS, shown, strict=True)]
    answers = ask_reasoner(questions, bounded, composer.reasoner, composer.reasoner_sampling, retries=0)
    for intent, exchanges in answers:
        assert not intent.fallback
        assert intent.target_caption in ("a red apple", "a green pear", "a cat at night")
        assert not exchanges[0].repaired
        assert exchanges[0].reply.finish == "stop"


def test_a_template_may_be_told_not_to_let_the_model_think(folder_of: Callable[[str], Path]) -> None:
    """Qwen3 thinks unless its template is told otherwise; the profile tells it."""
    folder = str(folder_of("qwen3"))
    texts = []
    for options in ({}, {"template": {"enable_thinking": False}}):
        engine: Any = make_engine(
            EngineSpec("transformers", folder, device="cpu", dtype="float32", options=options)
        )
        from likebut.pipeline.engines.rendering import model_inputs

        ids = model_inputs([ask("what")], engine._loaded, engine.template)["input_ids"][0]
        texts.append(engine._loaded.tokenizer.decode(ids))
    assert texts[0].endswith("<|im_start|>assistant\n")
    assert texts[1].endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_a_package_that_a_processor_lacks_is_named(
    folder_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of("smolvlm")
    from transformers.models.smolvlm import processing_smolvlm

    monkeypatch.setattr(processing_smolvlm, "num2words", None)
    with pytest.raises(ModelError, match="num2words") as caught:
        make_engine(EngineSpec("transformers", str(folder), device="cpu"))
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_answers_in_bfloat16_too(
    folder_of: Callable[[str], Path], pictures: list[Path], name: str
) -> None:
    spec = EngineSpec("transformers", str(folder_of(name)), device="cpu", dtype="bfloat16")
    engine = make_engine(spec)
    replies = engine.generate(asked(name, pictures, tokens=4))
    assert all(reply.reply_tokens and not reply.error for reply in replies)


def test_a_picture_that_a_processor_refuses_is_an_error_of_its_own_request(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Qwen's processors take no picture that is more than 200 times as wide as it is high."""
    from PIL import Image

    thin, good = tmp_path / "thin.png", tmp_path / "good.png"
    Image.new("RGB", (500, 2), "red").save(thin)
    Image.new("RGB", (40, 40), "red").save(good)
    spec = EngineSpec("transformers", str(folder_of("qwen2.5-vl")), device="cpu", dtype="float32")
    asked = [
        Request((Message("user", "what", (path,)),), Sampling(max_tokens=4)) for path in (good, thin, good)
    ]
    first, refused, last = make_engine(spec).generate(asked)
    assert (first.error, last.error) == ("", "")
    assert first.text == last.text
    assert refused.finish == "refused"
    assert "refuses the picture: absolute aspect ratio" in refused.error
