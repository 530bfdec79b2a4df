"""A real LLM is asked in twenty languages and answers in the one that the tower reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.engines.vllm import VLLMEngine
from likebut.pipeline.records.chat import Sampling
from likebut.pipeline.stages.ask import Question, ask
from likebut.pipeline.stages.languages import Reads
from tests.real.test_in_process import OPTIONS
from tests.real.translated import CAPTION, REQUESTS, WANTED

PROMPT = "reason/cirevl"


def test_twenty_languages_are_answered_in_english(
    language_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = EngineSpec("vllm", str(language_model), batch_size=64, options=OPTIONS)
    engine = VLLMEngine(spec)
    asked = [Question(CAPTION, said) for several in REQUESTS.values() for said in several]
    with Cache(tmp_path / "cache.sqlite") as cache:
        answers = ask(
            asked, prompting.load(PROMPT), CachedEngine(spec, cache, engine), Sampling(max_tokens=160)
        )
    engine.close()
    targets = iter([intent.target_caption for intent, _ in answers])
    met, english = {}, 0
    for language in REQUESTS:
        told = [next(targets) for _ in WANTED]
        english += sum(not Reads().foreign(text) for text in told)
        met[language] = sum(
            any(word in text.lower() for word in words) for text, words in zip(told, WANTED, strict=True)
        )
    with capsys.disabled():
        said = ", ".join(f"{language} {count}/{len(WANTED)}" for language, count in met.items())
        print(f"\n{PROMPT}: {sum(met.values())} of {len(asked)} requests understood ({said})")
        print(f"in Latin letters: {english} of {len(asked)}")
    assert english >= 0.95 * len(asked)
    assert met["English"] == len(WANTED)
    assert sum(met.values()) >= len(asked) / 2
