"""The page of a server in a real browser, used as a person uses it: keys, clicks, files, drops.

And a real `likebut serve` in a process of its own, on a free port.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.report import browser as plain

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0  # seconds for what a person would wait for
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "Home": ("Home", 36, ""),
    " ": ("Space", 32, " "),
}
SHIFT, CONTROL = 8, 2
NAMES = "[...hits.querySelectorAll('.name:not(.judged)')].map((one) => one.textContent)"


@dataclass
class App:
    """A page of a server."""

    page: plain.Page
    url: str

    def visit(self, path: str = "/") -> None:
        """Load an address and wait until the page knows its galleries, and shows hits that it is about."""
        self.page.ask("Page.navigate", url=self.url + path)
        here = f"location.href.startsWith('{self.url}') && document.readyState === 'complete'"
        self.wait(f"{here} && document.querySelector('#gallery option')")
        self.wait("location.pathname === '/' || !work.hidden || talk.children.length")

    def run(self, script: str) -> Any:
        """The value of an expression."""
        return self.page.run(script)

    def wait(self, what: str) -> None:
        """Until an expression holds."""
        deadline = time.monotonic() + PATIENCE
        while not self.page.run(f"!!({what})"):
            assert time.monotonic() < deadline, f"never: {what}; {self.page.errors}"
            time.sleep(0.03)

    def still(self) -> None:
        """Until no step is under way."""
        self.wait("!document.body.classList.contains('running')")

    def key(self, name: str, modifiers: int = 0) -> None:
        """One key, down and up; a letter or sign as it is typed."""
        code, number, text = KEYS.get(name, ("", ord(name.upper()[0]), name))
        about = {"key": name, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        text = "" if modifiers & CONTROL else text
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.page.ask("Input.dispatchKeyEvent", **about, **down)
        self.page.ask("Input.dispatchKeyEvent", **about, type="keyUp")

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self.page.ask("Input.insertText", text=text)

    def click(self, selector: str, number: int = 0) -> None:
        """A click on the nth element."""
        self.run(f"document.querySelectorAll({json.dumps(selector)})[{number}].click()")

    def say(self, sentence: str) -> None:
        """A sentence, as typed and sent with Enter; until its hits are there."""
        before = self.run("location.pathname")
        self.run("sentence.focus()")
        self.type(sentence)
        self.key("Enter")
        self.wait(f"location.pathname !== {json.dumps(before)}")
        self.still()

    def pick(self, number: int) -> None:
        """The next sentence is about the nth hit, from 0."""
        self.click("#hits .but", number)
        self.wait("hits.querySelector('.picked')")
        self.still()

    def mark(self, number: int, *, more: bool) -> None:
        """More like the nth hit, or less like it."""
        self.click("#hits .acts .round", 2 * number + (not more))
        self.looks_at("more" if more else "less")

    def choose(self, selector: str, value: str) -> None:
        """An option of a list."""
        self.run(f"{selector}.value = {json.dumps(value)}; {selector}.dispatchEvent(new Event('change'))")

    def write(self, selector: str, text: str, key: str = "Enter") -> None:
        """Another text in place of what is written there."""
        here = "document.activeElement"
        self.run(f"document.querySelector('{selector}').focus(); getSelection().selectAllChildren({here})")
        self.type(text)
        self.key(key)

    def forbid(self, text: str) -> None:
        """One text more of what must not be there."""
        adds = "[...understood.querySelectorAll('.add')]"
        self.run(f"{adds}.find(one => /Not in it/.test(one.textContent + one.ariaLabel)).click()")
        self.type(text)
        self.key("Enter")
        self.wait("understood.querySelector('.chip[data-role=forbidden] .written')")
        self.still()

    def looks_at(self, do: str) -> None:
        """Until the turn that is looked at came of this step."""
        self.wait(f"turns.querySelector('[aria-current=step]')?.dataset.do === '{do}'")
        self.still()

    def looks_at_words(self, words: str) -> None:
        """Until the turn that is looked at has these words."""
        self.wait(f"turns.querySelector('[aria-current=step] .text')?.textContent === {json.dumps(words)}")
        self.still()

    def listen(self) -> None:
        """From here on ``window.heard`` has all that the line of stages says."""
        script = (
            "new MutationObserver(() => heard.push(stages.innerText)).observe(stages, {childList: true})"
        )
        self.run(f"window.heard = []; {script}")

    def hits(self) -> list[str]:
        """The names of the hits, best first."""
        found: list[str] = self.run(
            "[...hits.querySelectorAll('.name:not(.judged)')].map(e => e.textContent)"
        )
        return found

    def turns(self) -> list[str]:
        """The words of the strip of turns."""
        found: list[str] = self.run("[...turns.querySelectorAll('.text')].map(e => e.textContent)")
        return found

    def focused(self) -> str:
        """What has the focus, in words for a person who listens."""
        return str(
            self.run("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")
        )

    def give(self, selector: str, *files: Path) -> None:
        """Files into a file field, as a person picks them."""
        root = self.page.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.page.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.page.ask("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def drop(self, data: bytes, name: str, kind: str, how: str = "drop") -> None:
        """A file that is dropped on the page, or pasted into it."""
        event = (
            "new ClipboardEvent('paste', {clipboardData: given, bubbles: true, cancelable: true})"
            if how == "paste"
            else "new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true})"
        )
        self.run(
            f"(() => {{ const given = new DataTransfer(), bytes = new Uint8Array({list(data)});"
            f"given.items.add(new File([bytes], {json.dumps(name)}, {{type: {json.dumps(kind)}}}));"
            f"document.body.dispatchEvent({event}); }})()"
        )

    def every_time(self, script: str) -> str:
        """Run a script before the page's own in all that is loaded from here on; what `never` takes."""
        made = self.page.ask("Page.addScriptToEvaluateOnNewDocument", source=script)
        return str(made["identifier"])

    def never(self, identifier: str) -> None:
        """No longer."""
        self.page.ask("Page.removeScriptToEvaluateOnNewDocument", identifier=identifier)

    def nameless(self) -> list[str]:
        """Controls that have no name for a person who listens."""
        nodes = self.page.ask("Accessibility.getFullAXTree")["nodes"]
        controls = ("button", "link", "textbox", "slider", "combobox", "checkbox", "img", "dialog")
        return [
            f"{node['role']['value']} {node.get('backendDOMNodeId')}"
            for node in nodes
            if not node["ignored"]
            and node["role"]["value"] in controls
            and not node.get("name", {}).get("value", "").strip()
        ]


@contextmanager
def opened(folder: Path, url: str) -> Iterator[App]:
    """A browser that reaches this machine alone, at a server's page."""
    here = [flag for flag in plain.FLAGS if "host-resolver" not in flag]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "FLAGS", [*here, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])
        with plain.browser(folder) as page:
            yield App(page, url)


@contextmanager
def served(galleries: Sequence[Path], folder: Path) -> Iterator[str]:
    """The address of a `likebut serve` that is ready; all that it writes is kept in ``folder``."""
    given = [part for gallery in galleries for part in ("--in", str(gallery))]
    command = [sys.executable, str(ROOT / "run.py"), "serve", "--port", "0", "--rate", "0", *given]
    own = {"CACHE": folder / "cache.sqlite", "SETTINGS": folder / "config.toml"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIKEBUT_")}
    environment |= {f"LIKEBUT_{name}": str(path) for name, path in own.items()}
    told = folder / "said.txt"
    with told.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--sessions", str(folder / "sessions")],
            env=environment | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        yield _ready(process, told)
    finally:
        process.terminate()
        process.wait(20)


def _ready(process: subprocess.Popen[bytes], told: Path) -> str:
    deadline = time.monotonic() + 4 * PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
        if found := re.search(r"http://127\.0\.0\.1:\d+", told.read_text()):
            with urllib.request.urlopen(f"{found.group()}/api/state", timeout=PATIENCE) as answer:
                state = json.load(answer)
            if all(gallery["count"] for gallery in state["galleries"]) and not state["busy"]:
                return found.group()
    raise AssertionError(f"the server did not get ready: {told.read_text()}")
