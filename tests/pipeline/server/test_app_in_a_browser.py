"""The page of `likebut serve` in a real browser, against a real server on the pocket profile."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from likebut.pipeline.pocket.draw import draw_gallery
from tests.pipeline.report.browser import PROGRAM
from tests.pipeline.server.browsing import CONTROL, NAMES, SHIFT, App, opened, served

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium on the PATH")

HOSTILE = (
    "<img src=x onerror=alert(1)>.png",
    "<script>alert(2)<&script>.png",
    "\"double\" 'single' `back` & <b>.png",
    "مرحبا \u202egnp.exe עברית.png",
    "🦊🧡👩‍👩‍👧‍👦 %2e%2e #?&a=b, c.png",
    "long-" + "x" * 220 + ".png",
    "--in; rm -rf $HOME.png",
    "${7*7}{{7*7}}.png",
)


@pytest.fixture(scope="module")
def galleries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Drawn pictures, and some of them under names that attack."""
    folder = tmp_path_factory.mktemp("pictures")
    plain, hostile = folder / "plain", folder / "<b onclick=alert(3)>"
    draw_gallery(plain, 60, seed=4)
    hostile.mkdir()
    for number, name in enumerate(HOSTILE):
        shutil.copy(plain / f"scene-{number:05}.png", hostile / name)
    return plain, hostile


@pytest.fixture(scope="module")
def running(galleries: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with (
        served(galleries, tmp_path_factory.mktemp("served")) as url,
        opened(tmp_path_factory.mktemp("chromium"), url) as app,
    ):
        yield app


@pytest.fixture
def app(running: App) -> Iterator[App]:
    """The page, with nothing heard yet; nothing may go wrong in it, or leave this server."""
    running.page.size(1280, 900)
    running.visit()
    page = running.page
    for heard in (page.errors, page.requests, page.dialogs):
        heard.clear()
    yield running
    page.dark(False)
    assert page.errors == []
    assert page.dialogs == []
    own = (running.url, "data:", f"blob:{running.url}")
    assert [url for url in page.requests if not url.startswith(own)] == []


def begun(app: App, sentence: str = "at night") -> None:
    """Pictures like the first of the gallery, then a sentence about them."""
    app.wait("items.children.length")
    app.click("#items .shot")
    app.wait("hits.children.length && !work.hidden")
    app.still()
    app.say(sentence)


def test_a_picture_of_ones_own_and_a_sentence_are_all_that_is_needed(
    app: App, galleries: tuple[Path, Path]
) -> None:
    app.give("#file", galleries[0] / "scene-00003.png")
    app.wait("hits.children.length > 10")
    app.wait("reference.src.includes('/picture/') && reference.naturalWidth")
    assert app.run("lead.textContent") == "Like this, but"
    assert app.focused() == "sentence"
    app.listen()
    app.say("at night")
    assert app.run("location.pathname").endswith("/1")
    assert "Looking at the picture" in app.run("heard.join()")
    assert app.run("progress.hidden")
    assert app.run("spoken.textContent") == app.run("count.textContent") == "40 hits"
    assert "at night" in app.run("understood.textContent")
    assert app.turns()[-1] == "but at night"
    app.wait("[...hits.querySelectorAll('img')].slice(0, 4).every(i => i.naturalWidth)")
    assert app.run("sentence.value") == ""


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(app: App, galleries: tuple[Path, Path], how: str) -> None:
    app.drop((galleries[0] / "scene-00005.png").read_bytes(), "mine.png", "image/png", how)
    app.wait("hits.children.length && !work.hidden")
    app.still()
    assert app.run("reference.alt").startswith("Like this: ")


def test_words_alone_are_enough(app: App) -> None:
    app.say("a red car")
    assert app.run("count.textContent") == "40 hits"
    assert app.run("lead.textContent") == "Like that, but"


def test_what_is_no_picture_is_said_so(app: App) -> None:
    app.drop(b"hello", "notes.txt", "text/plain")
    app.wait("talk.textContent.includes('notes.txt is no picture')")
    app.drop(b"hello", "x.png", "image/png")
    app.wait("talk.querySelector('.note.bad .hint')")
    assert app.run("talk.getAttribute('aria-live')") == "polite"
    app.still()
    assert app.run("work.hidden")
    app.page.errors.clear()  # the browser logs that the upload was refused


MOVING = """(async () => {
  const real = fetch;
  let now = 0;
  Object.assign(window, {kept: new Set(hits.children), sent: [], most: 0});
  window.fetch = async (path, given) => {
    if (!String(path).endsWith('/steps')) return real(path, given);
    sent.push(JSON.parse(given.body).values);
    most = Math.max(most, ++now);
    try { return await real(path, given); } finally { now--; }
  };
  const row = [...weights.querySelectorAll('.weigh')].find((one) => one.dataset.role === 'reference');
  const slider = row.querySelector('input');
  slider.id = 'moved';
  for (let n = 1; n <= 40; n++) {
    slider.value = n / 20;
    slider.dispatchEvent(new Event('input'));
    await new Promise((done) => setTimeout(done, 5));
  }
})()"""


def test_a_slider_ranks_anew_while_it_moves(app: App) -> None:
    begun(app)
    before, turns = app.hits(), len(app.turns())
    app.run(MOVING)
    app.wait(
        "sent.length && sent.at(-1).reference === 2 && moved.closest('.weigh').innerText.includes('+2.00')"
    )
    app.wait("[...hits.querySelectorAll('.moved')].some(e => e.textContent)")
    after = app.hits()
    assert after != before
    assert app.run("most") == 1  # one request in flight, the latest wins
    assert app.run("sent.length") < 40
    assert len(app.turns()) == turns + 1
    same = "[...hits.children].filter(one => kept.has(one)).length"
    assert app.run(same) == len(set(before) & set(after)) > 10  # cards move, they are not made anew
    app.run("moved.focus()")
    app.key("Home")
    app.wait("moved.closest('.weigh').innerText.includes('+0.10')")
    app.wait("document.getElementById('reset-all').hidden")
    app.wait(f"{NAMES}.join() === {json.dumps(before)}.join()")
    app.run("moved.value = -1; moved.dispatchEvent(new Event('input'))")
    app.run("moved.dispatchEvent(new Event('dblclick'))")
    app.wait("moved.closest('.weigh').innerText.includes('+0.10')")
    assert app.run("document.activeElement.id") == "moved"


def test_nothing_glides_for_those_who_want_it_still(app: App) -> None:
    begun(app)
    slider = "weights.querySelector('input')"
    look = "most = Math.max(most, hits.getAnimations({subtree: true}).length)"
    for value, wish, moving in ((-1, "no-preference", True), (2, "reduce", False)):
        features = [{"name": "prefers-reduced-motion", "value": wish}]
        app.page.ask("Emulation.setEmulatedMedia", features=features)
        app.wait("!document.getAnimations().length")
        app.run(f"window.most = 0; window.looking = setInterval(() => {{ {look} }}, 5)")
        before = app.hits()
        app.run(f"{slider}.value = {value}; {slider}.dispatchEvent(new Event('input'))")
        app.wait(f"{NAMES}.join() !== {json.dumps(before)}.join()")
        assert app.run("new Promise((done) => setTimeout(() => done(most > 0), 60))") is moving
        app.run("clearInterval(looking)")


def test_what_was_understood_is_edited_where_it_stands(app: App) -> None:
    begun(app)
    chips = (
        "[...understood.querySelectorAll('.chip[data-role=preserved] .written')].map(e => e.textContent)"
    )
    before = app.run(chips)
    assert len(before) > 1
    app.click(".chip[data-role=preserved] .round")
    app.wait(f"{chips}.length === {len(before) - 1}")
    app.still()
    assert app.run(chips) == before[1:]
    app.forbid("a dog")
    app.wait("weights.textContent.includes('a dog')")
    app.still()
    app.write("#understood .strong", "three blue boats", "Escape")
    assert app.run("understood.querySelector('.strong').textContent") != "three blue boats"
    app.write("#understood .strong", "three blue boats", "Enter")
    app.looks_at("change")
    app.wait("understood.querySelector('.strong').textContent === 'three blue boats'")
    app.still()


def test_but_again_from_a_hit_then_back_and_elsewhere(app: App) -> None:
    begun(app)
    first, name = app.hits(), app.hits()[2]
    app.pick(2)
    assert app.focused() == "sentence"
    assert name in app.run("reference.alt")
    app.say("as a sketch")
    assert app.hits() != first
    assert app.run("turns.querySelector('[aria-current=step] .text').textContent") == "but as a sketch"
    app.run("document.activeElement.blur()")
    app.key("u")
    app.looks_at_words("but at night")
    assert app.hits() == first
    assert app.run("turns.querySelector('.aside .text').textContent") == "but as a sketch"
    app.key("z", CONTROL)
    app.looks_at("start")
    app.click("#turns .aside button", 1)
    app.looks_at_words("but as a sketch")


def test_more_and_less_like_a_hit(app: App) -> None:
    begun(app)
    name = app.hits()[3]
    app.mark(3, more=False)
    assert name not in app.hits()
    app.mark(1, more=True)
    assert app.run("hits.querySelectorAll('.acts .round[aria-pressed=true]').length") == 1


def test_an_address_brings_back_what_it_showed(app: App) -> None:
    begun(app)
    address, night = app.run("location.pathname"), app.hits()
    app.say("as a sketch")
    sketch = app.hits()
    app.visit(address)
    app.wait("hits.children.length")
    assert app.hits() == night
    app.run("turns.querySelectorAll('button')[2].click()")
    app.wait("location.pathname.endsWith('/2')")
    app.still()
    app.run("history.back()")
    app.looks_at_words("but at night")
    app.run("history.forward()")
    app.looks_at_words("but as a sketch")
    assert app.hits() == sketch
    app.visit("/s/AAAAAAAAAAAAAAAA/0")
    app.wait("talk.querySelector('.bad') && location.pathname === '/'")
    app.page.errors.clear()  # the browser logs the 404


def test_hits_are_selected_and_taken_along(app: App) -> None:
    begun(app)
    names = app.hits()
    assert "hits=" not in app.run("document.getElementById('export-csv').href")
    app.run("hits.querySelector('.shot').focus()")
    for name, modifiers in ((" ", 0), ("ArrowRight", 0), ("ArrowRight", 0), (" ", SHIFT)):
        app.key(name, modifiers)
    assert app.run("document.querySelector('#export summary').textContent") == "Export 3 selected"
    assert app.run("spoken.textContent") == "3 pictures selected"
    csv = app.run("fetch(document.getElementById('export-csv').href).then(a => a.text())")
    assert [names[n] in csv for n in (0, 1, 2, 3)] == [True, True, True, False]
    paths = app.run("fetch(document.getElementById('export-paths').href).then(a => a.text())")
    assert len(paths.splitlines()) == 3
    assert json.loads(app.run("fetch(document.getElementById('export-json').href).then(a => a.text())"))
    size = app.run(
        "fetch(document.getElementById('export-zip').href).then(a => a.blob()).then(b => b.size)"
    )
    assert size > 1000
    app.run("navigator.clipboard.writeText = async (text) => { window.taken = text }; copy.click()")
    app.wait("talk.textContent.includes('3 paths copied')")
    assert app.run("taken").splitlines() == paths.splitlines()
    app.click("#all")
    assert app.run("hits.querySelectorAll('.chosen').length") == 0
    app.click("#all")
    assert app.run("hits.querySelectorAll('.chosen').length") == len(names)


def test_a_hit_is_shown_large_and_one_goes_on_from_there(app: App) -> None:
    begun(app)
    names = app.hits()
    app.run("hits.querySelectorAll('.shot')[1].focus()")
    app.key("Enter")
    app.wait("large.open")
    title = "document.getElementById('large-name').textContent"
    assert app.run(title) == names[1]
    app.wait("document.getElementById('large-picture').src.includes('size=0')")
    assert app.run("shares.children.length") > 2
    app.key("ArrowRight")
    assert app.run(title) == names[2]
    app.key("Escape")
    app.wait("!large.open")
    app.wait(f"document.activeElement.dataset.name === '{names[2]}'")
    assert app.focused().startswith("Hit 3: ")
    app.key("Enter")
    app.run("[...large.querySelectorAll('button')].find(one => /Begin/.test(one.textContent)).click()")
    app.wait(
        "turns.querySelector('[aria-current=step]').dataset.do === 'start' && turns.children.length === 3"
    )
    app.still()


def test_two_recipes_side_by_side(app: App) -> None:
    begun(app)
    app.choose("other", "image-only")
    app.wait("!compare.hidden")
    assert app.run("[...compare.querySelectorAll('h3')].map(e => e.textContent)") == [
        "likebut",
        "image-only",
    ]
    moves = app.run("[...compare.querySelectorAll('section:last-child .moved')].map(e => e.textContent)")
    assert any(move.startswith(("▲", "▼")) for move in moves)
    app.choose("other", "")
    app.wait("compare.hidden && !hits.hidden")


def test_everything_is_done_with_the_keyboard_alone(app: App) -> None:
    app.run("document.activeElement.blur()")
    app.key("?")
    app.wait("document.getElementById('keys').open")
    app.key("Escape")
    app.wait("!document.getElementById('keys').open")
    app.key("/")
    assert app.focused() == "sentence"
    app.type("a blue boat")
    app.key("Enter")
    app.wait("hits.children.length")
    app.still()
    for _ in range(40):
        app.key("Tab")
        if app.run("document.activeElement.className") == "shot":
            break
    assert app.focused().startswith("Hit 1: ")
    assert app.run("getComputedStyle(document.activeElement.closest('.hit')).outlineStyle") == "solid"
    columns = app.run("getComputedStyle(hits).gridTemplateColumns.split(' ').length")
    for key, rank in (("ArrowRight", 2), ("ArrowDown", 2 + columns), ("ArrowUp", 2), ("ArrowLeft", 1)):
        app.key(key)
        assert app.focused().startswith(f"Hit {rank}: ")
    assert app.run("hits.querySelectorAll('.shot[tabindex=\"0\"]').length") == 1
    app.key("ArrowRight")
    app.key("+")
    app.looks_at("more")
    assert app.run("document.activeElement.className") == "shot"
    gone = app.run("document.activeElement.dataset.name")
    app.key("-")
    app.looks_at("less")
    assert gone not in app.hits()
    app.wait("document.activeElement.className === 'shot'")
    app.key("b")
    app.wait("hits.querySelector('.picked') && document.activeElement.id === 'sentence'")
    app.still()
    app.type("at night")
    app.key("Enter")
    app.wait("turns.querySelector('[aria-current=step] .text').textContent.includes('at night')")
    app.still()
    app.run("weights.querySelector('input').focus()")
    app.key("ArrowRight")
    app.looks_at("weigh")


def test_names_are_never_more_than_text(app: App) -> None:
    app.choose("gallery", app.run("gallery.options[1].value"))
    app.wait(f"items.children.length === {len(HOSTILE)}")
    assert app.run("gallery.selectedOptions[0].textContent") == "<b onclick=alert(3)> (8)"
    app.say("<img src=x onerror=alert(4)> at night")
    assert set(app.hits()) == set(HOSTILE)
    for width in (1280, 360):
        app.page.size(width, 900)
        assert app.run("document.documentElement.scrollWidth") <= width
    app.page.size(1280, 900)
    app.run("hits.querySelector('.shot').click()")
    for _ in HOSTILE:
        app.key("ArrowRight")
    app.key("Escape")
    app.click("#hits .but")
    app.wait("hits.querySelector('.picked')")
    app.still()
    app.say("</span><script>alert(5)</script>")
    app.mark(0, more=True)
    app.run("[...understood.querySelectorAll('.add')].at(-1).click()")
    app.type("<svg onload=alert(6)>")
    app.key("Enter")
    app.wait("understood.textContent.includes('<svg onload=alert(6)>')")
    app.still()
    for number, name in enumerate(app.hits()):
        app.click("#hits .mark input", number)
        taken = app.run("fetch(document.getElementById('export-paths').href).then(a => a.text())")
        assert Path(taken.rstrip("\n")).name == name
        app.click("#hits .mark input", number)
    app.click("#earlier")
    app.wait("sessions.open")
    app.key("Escape")
    made = "document.querySelectorAll('#main script, [onerror], [onload], [onclick]').length"
    assert app.run(made) == 0
    assert app.run(
        "[...document.images].every(i => i.src.startsWith(location.origin) || !i.getAttribute('src'))"
    )
    app.run("getSelection().removeAllRanges()")


def test_sessions_are_found_again_and_put_away(app: App) -> None:
    begun(app, "as a sketch")
    app.click("#fresh")
    app.wait("location.pathname === '/' && !going.hidden")
    app.wait("recent.querySelector('b').textContent.includes('as a sketch')")
    count = app.run("document.getElementById('all-sessions').children.length")
    app.click("#recent a")
    app.wait("location.pathname.startsWith('/s/') && hits.children.length")
    app.click("#earlier")
    app.wait("sessions.open")
    app.click("#all-sessions .round")
    app.wait(f"document.getElementById('all-sessions').children.length === {count - 1}")
    assert app.run("location.pathname") == "/"
    app.wait("work.hidden")
    app.run("sessions.close()")


def test_the_recipe_is_changed_for_what_was_asked(app: App) -> None:
    begun(app)
    app.pick(2)
    app.say("as a sketch")
    before, reference = app.hits(), app.run("reference.src")
    app.choose("recipe", "text-only")
    app.wait("turns.querySelectorAll('.aside').length === 1 && location.pathname.endsWith('/3')")
    app.still()
    assert app.run("recipe.value") == "text-only"
    assert app.run("reference.src") == reference
    assert app.hits() != before
    app.click("#turns .text")
    app.wait("location.pathname.endsWith('/0')")
    app.still()
    app.choose("recipe", "likebut")
    app.wait("location.pathname.endsWith('/4') && recipe.value === 'likebut'")
    assert app.run("turns.querySelector('[aria-current=step]').dataset.do") == "start"


FAKED = """{ const real = fetch; window.fetch = async (path, given = {}) => {
  const address = String(path);
  if (address === '/api/state' && window.fakedState) {
    return Response.json({...await (await real(path, given)).json(), ...fakedState});
  }
  if (address.startsWith('/api/estimate') && window.fakedEstimate) return Response.json(fakedEstimate);
  if (address.endsWith('/steps') && window.faked) return faked(given, real, path);
  return real(path, given); } }"""


@pytest.fixture
def faking(app: App) -> Iterator[App]:
    """A page whose server can be made to answer otherwise."""
    identifier = app.every_time(FAKED)
    yield app
    app.never(identifier)


def test_a_step_is_cancelled_while_it_runs(faking: App) -> None:
    faking.visit()
    begun(faking)
    before = faking.hits()
    faking.run(
        "window.faked = ({signal}) => new Response(new ReadableStream({start(c) {"
        'c.enqueue(new TextEncoder().encode(\'event: stage\\r\\ndata: {"stage": "rea\'));'
        'c.enqueue(new TextEncoder().encode(\'son", "done": false}\\r\\n\\r\\n\'));'
        "signal.addEventListener('abort', () => c.error(signal.reason)) }}),"
        "{headers: {'Content-Type': 'text/event-stream'}})"
    )
    faking.run("sentence.focus()")
    faking.type("by the sea")
    faking.key("Enter")
    faking.wait("stages.textContent === 'Thinking it over' && !progress.hidden")
    assert faking.run("found.getAttribute('aria-busy')") == "true"
    faking.click("#cancel")
    faking.wait("talk.textContent.includes('cancelled') && progress.hidden")
    assert faking.hits() == before
    assert faking.run("sentence.value") == "by the sea"  # to be sent again


def test_a_busy_server_is_waited_for_and_a_lost_one_named(faking: App) -> None:
    faking.visit()
    faking.run(
        "window.faked = (given, real, path) => { faked = (given, real, path) => real(path, given);"
        "return new Response('{}', {status: 429, headers: {'Retry-After': '1'}}) };"
    )
    faking.listen()
    faking.say("a red car")
    assert "asking again in 1 s" in faking.run("heard.join()")
    assert faking.run("hits.children.length")
    faking.run("window.faked = () => { throw new TypeError('no network') }; document.activeElement.blur()")
    faking.key("u")
    faking.wait("talk.textContent.includes('the server cannot be reached')")
    assert faking.run("talk.querySelector('.hint').textContent")


def test_a_question_is_answered_with_a_button(faking: App) -> None:
    faking.visit()
    faking.run(
        "window.asked = []; window.faked = async (given, real, path) => {"
        "asked.push(JSON.parse(given.body)); const answer = await real(path, {...given, headers: "
        "{...given.headers, Accept: 'application/json'}}); const session = await answer.json();"
        "const question = {question: 'Which boat?', options: ['the red one', 'all']};"
        "if (asked.length === 1) session.question = question;"
        "return Response.json(session) }"
    )
    faking.say("a boat")
    assert faking.run("question.checkVisibility() && question.innerText").startswith("Which boat?")
    faking.click("#options button")
    faking.wait("asked.length === 2 && question.hidden")
    faking.still()
    assert faking.run("asked[1].sentence") == "the red one"


def test_what_it_costs_is_said_before_anybody_is_paid(faking: App) -> None:
    own = faking.every_time(
        "window.fakedState = {costs: {spent: 0}};"
        "window.fakedEstimate = {calls: 2, dollars: 0.004, words: '2 calls, about $0.0040'}"
    )
    try:
        faking.visit()
        faking.run("sentence.focus()")
        faking.type("a red car")
        faking.key("Enter")
        faking.wait("cost.innerText.startsWith('2 calls, about $0.0040')")
        assert faking.run("location.pathname") == "/"
        faking.key("Enter")
        faking.wait("hits.children.length")
        faking.still()
        faking.wait("cost.hidden && !sentence.value")
    finally:
        faking.never(own)


def test_a_gallery_that_is_being_indexed_is_waited_for(faking: App) -> None:
    own = faking.every_time("window.fakedState = {busy: {what: 'indexing plain', done: 30, all: 60}}")
    try:
        faking.visit()
        faking.wait("!busy.hidden")
        assert faking.run("busy.innerText") == "indexing plain: 30 of 60"
        faking.run("window.fakedState = null")
        faking.wait("busy.hidden")
    finally:
        faking.never(own)


CONTRAST = """(() => {
  const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return parts(getComputedStyle(document.body).backgroundColor);
  };
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.placeholder;
  return [...document.querySelectorAll('body *')].filter((e) => own(e) && e.checkVisibility() && !e.disabled
    && !e.closest('option, .unseen, .skip, noscript'))
    .map((e) => {
      const style = getComputedStyle(e, e.placeholder && !e.value ? '::placeholder' : null);
      const [a, b] = [light(parts(style.color)), light(ground(e))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), `${e.tagName}.${e.className}#${e.id}`];
    }).filter(([ratio]) => ratio < 4.5);
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_can_be_read_and_every_control_has_a_name(app: App, dark: bool) -> None:
    """Contrast of text and ground, WCAG 2: at least 4.5."""
    app.page.dark(dark)
    app.wait("items.children.length")
    assert app.run(CONTRAST) == []
    assert app.nameless() == []
    begun(app)
    app.pick(1)
    app.click("#hits .acts .round", 2)
    app.wait("hits.querySelector('[aria-pressed=true].round')")
    app.still()
    app.run("document.activeElement.blur()")
    app.key("u")
    app.wait("turns.querySelector('.aside')")
    app.still()
    app.drop(b"hello", "notes.txt", "text/plain")
    app.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    app.forbid("a dog")
    app.still()
    assert app.run(CONTRAST) == []
    assert app.nameless() == []
    for button, name in (("#hits .shot", "large"), ("#help", "keys"), ("#earlier", "sessions")):
        app.click(button)
        app.wait(f"document.getElementById('{name}').open")
        assert app.run(CONTRAST) == []
        assert app.nameless() == []
        app.run(f"document.getElementById('{name}').close()")
    ground = app.run("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(21, 22, 26)" if dark else "rgb(246, 246, 243)")


def test_a_phone_shows_all_of_it_without_scrolling_sideways(app: App) -> None:
    app.page.size(360, 740)
    wide = "document.documentElement.scrollWidth"
    app.wait("items.children.length")
    assert app.run(wide) <= 360
    begun(app)
    assert app.run(wide) <= 360
    assert app.run("getComputedStyle(hits).gridTemplateColumns.split(' ').length") == 2
    assert app.run("!tune.checkVisibility()")
    app.click("#tune-open")
    assert app.run("tune.checkVisibility() && tune.getBoundingClientRect().right <= 360")
    assert app.run("weights.querySelector('input').getBoundingClientRect().right <= 360")
    app.key("Escape")
    assert app.run("!tune.checkVisibility()")
    app.choose("other", "image-only")
    app.wait("!compare.hidden")
    assert app.run(wide) <= 360
    app.choose("other", "")
    app.click("#hits .shot")
    app.wait("large.open")
    assert app.run("large.getBoundingClientRect().right <= 360 && large.scrollWidth <= large.clientWidth")
    assert app.run(wide) <= 360
    app.run("large.close()")


def test_the_page_is_whole_before_any_script_runs(app: App) -> None:
    with urllib.request.urlopen(app.url) as answer:
        html = answer.read().decode()
    for region in ("<header", "<main", "<nav", "<aside", "<footer", 'aria-live="polite"', "<noscript>"):
        assert region in html
    assert " style=" not in html
    assert "<style" not in html
    assert html.count("<script") == 1
    ids = app.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
