"""`python -m tests.load_server`: many people at one `likebut serve`; prints figures, asserts nothing.

Every client has a session of its own: begins with a picture, says sentences, moves a slider, likes
hits, and checks that each answer is its own. Then the server is killed, started again, and asked for
the sessions.
The gallery is drawn, its rows repeated with noise until there are as many as are wanted.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent
CHANGES = ("at night", "as a sketch", "in the snow", "at the beach", "make it red", "make it blue")


@dataclass
class Seen:
    """What all clients saw."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    waits: int = 0
    mixed: int = 0
    sessions: dict[str, tuple[int, str]] = field(default_factory=dict)


def run(*words: str) -> None:
    subprocess.run([sys.executable, str(ROOT / "run.py"), *words], check=True, cwd=ROOT)


def gallery(folder: Path, count: int) -> Path:
    """An index of ``count`` rows: 300 drawn pictures, and copies of their rows with noise."""
    import numpy as np

    from likebut import Setup
    from likebut.indexes.store import Index
    from likebut.indexes.writing import Content, write_index
    from likebut.pipeline.setup.session import open

    run("pocket", "draw", "--out", str(folder / "gallery"), "--count", "300", "--queries", "1")
    run("index", "build", str(folder / "gallery"), "--out", str(folder / "small.index"))
    fingerprint = open(Setup()).encoder.fingerprint
    small = Index.open(folder / "small.index", fingerprint)
    rng, originals = np.random.default_rng(0), small.items(range(small.count))
    items = [
        replace(originals[n % small.count], id=f"{n // small.count:04d}-{originals[n % small.count].id}")
        for n in range(count)
    ]
    items.sort(key=lambda item: item.id)

    def gather(start: int, stop: int) -> Any:
        rows = small.take([items[n].row for n in range(start, stop)]).astype(np.float32)
        rows += rng.normal(0, 0.02, rows.shape).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    large = folder / "large.index"
    large.mkdir()
    write_index(
        large,
        Content(small.identity, small.dimension, "float16", items, (), (str(folder / "gallery"),), gather),
    )
    return large


class Server:
    """A `likebut serve` of its own process."""

    def __init__(self, index: Path, folder: Path) -> None:
        words = ["serve", "--index", str(index), "--port", "0", "--rate", "0", "--sessions", str(folder)]
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), *words], stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.kept = threading.local()
        assert self.process.stderr
        lines = iter(self.process.stderr)
        self.url = next(found[0] for line in lines if (found := re.search(r"http://[^/]+", line)))
        threading.Thread(target=self._heard, args=(lines,), daemon=True).start()
        while not self.ask("GET", "/api/state")["galleries"][0]["count"]:
            time.sleep(0.2)

    def _heard(self, lines: Any) -> None:
        for line in lines:
            print("server:", line, end="", file=sys.stderr)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.read(method, path, body))

    def read(self, method: str, path: str, body: Any = None) -> bytes:
        """The bytes of an answer, by a connection that this thread keeps, as browsers do.

        Raises HTTPError for a refusal.
        """
        if not hasattr(self.kept, "connection"):
            host = self.url.removeprefix("http://")
            self.kept.connection = http.client.HTTPConnection(host, timeout=120)
        data = None if body is None else json.dumps(body).encode()
        connection = self.kept.connection
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found: bytes = answer.read()
        if answer.status >= 400:
            raise urllib.error.HTTPError(path, answer.status, "", answer.headers, io.BytesIO(found))
        return found

    @property
    def memory(self) -> str:
        """MB of its own, and of the processes that it started."""
        own = psutil.Process(self.process.pid)
        all_of_it = [one.memory_info().rss / 1e6 for one in (own, *own.children(recursive=True))]
        return f"{all_of_it[0]:.0f} MB and {sum(all_of_it[1:]):.0f} MB of its processes"

    @property
    def processor(self) -> tuple[float, float]:
        """Seconds of the processor of its own, and of the processes that it started."""
        own = psutil.Process(self.process.pid)
        used = [sum(one.cpu_times()[:2]) for one in (own, *own.children(recursive=True))]
        return used[0], sum(used[1:])


class Client(threading.Thread):
    """One person."""

    def __init__(self, server: Server, number: int, ends: float, seen: Seen, lock: threading.Lock) -> None:
        super().__init__()
        self.server, self.number, self.ends, self.seen, self.lock = server, number, ends, seen, lock
        self.random = random.Random(number)
        self.session, self.turns, self.said = "", 0, ""

    def run(self) -> None:
        gallery = self.server.ask("GET", "/api/state")["galleries"][0]
        begun = self.timed("begin", "POST", "/api/sessions", {"gallery": gallery["id"]})
        if not begun:
            return
        self.session = begun["id"]
        row = self.random.randrange(gallery["count"])
        item = self.server.ask("GET", f"/api/items?gallery={gallery['id']}&skip={row}&count=1")["items"][0]
        self.step("start", do="start", hit=item["id"])
        while time.monotonic() < self.ends:
            self.said = f"{self.random.choice(CHANGES)} {self.number}"
            found = self.step("sentence", do="but", sentence=self.said)
            for value in range(5):
                weights = {"reference": value / 5}
                found = self.step("re-rank", do="weigh", values=weights, live=value > 0) or found
                time.sleep(self.random.uniform(0.05, 0.2))
            if found and found["hits"]:
                found = self.step("re-rank", do="more", hits=[found["hits"][0]["id"]]) or found
                hit = self.random.choice(found["hits"])
                self.step("pick", do="pick", hit=hit["id"])
                self.picture(hit["picture"])
            time.sleep(self.random.uniform(0.5, 2.0))

    def step(self, what: str, **step: Any) -> Any:
        found = self.timed(what, "POST", f"/api/sessions/{self.session}/steps", step)
        if not found:
            return None
        sentences = [turn["sentence"] for turn in found["turns"] if turn["sentence"]]
        own = found["id"] == self.session and len(found["turns"]) >= self.turns
        own = own and all(text.endswith(f" {self.number}") for text in sentences)
        own = own and (not self.said or what != "sentence" or sentences[-1] == self.said)
        with self.lock:
            self.seen.mixed += not own
            self.seen.sessions[self.session] = (len(found["turns"]), sentences[-1] if sentences else "")
        self.turns = len(found["turns"])
        return found

    def picture(self, path: str) -> None:
        started = time.perf_counter()
        self.server.read("GET", path)
        with self.lock:
            self.seen.seconds.setdefault("picture", []).append(time.perf_counter() - started)

    def timed(self, what: str, method: str, path: str, body: Any) -> Any:
        started = time.perf_counter()
        while True:
            try:
                found = self.server.ask(method, path, body)
                break
            except urllib.error.HTTPError as problem:
                if problem.code == 429:
                    with self.lock:
                        self.seen.waits += 1
                    time.sleep(float(problem.headers["Retry-After"]))
                    continue
                with self.lock:
                    self.seen.errors[f"{what}: {problem.code} {problem.read()[:120]!r}"] += 1
                return None
            except OSError as problem:
                with self.lock:
                    self.seen.errors[f"{what}: {problem}"] += 1
                return None
        with self.lock:
            self.seen.seconds.setdefault(what, []).append(time.perf_counter() - started)
        return found


def told(seen: Seen, clients: int, seconds: float) -> None:
    print(f"\n{clients} clients, {seconds:.0f} s; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'what':10} {'count':>6} {'p50 ms':>8} {'p95 ms':>8} {'most ms':>8}")
    for what, values in seen.seconds.items():
        ranked = sorted(values)
        p50, p95 = (ranked[int(share * (len(ranked) - 1))] * 1e3 for share in (0.5, 0.95))
        print(f"{what:10} {len(ranked):6} {p50:8.0f} {p95:8.0f} {ranked[-1] * 1e3:8.0f}")
    print(f"errors: {sum(seen.errors.values())}; told to wait (429): {seen.waits}; mixed up: {seen.mixed}")
    for words, count in seen.errors.most_common(5):
        print(f"  {count} × {words}")


def main() -> None:
    """Run the load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pictures", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["LIKEBUT_CACHE"] = str(folder / "answers.sqlite")
        index = gallery(folder, given.pictures)
        server = Server(index, folder / "sessions")
        first = Client(server, -1, 0.0, Seen(), threading.Lock())
        first.run()
        first.step("sentence", do="but", sentence="at night -1")  # models are loaded by now
        before, used, seen, lock = server.memory, server.processor, Seen(), threading.Lock()
        ours = time.process_time()
        ends = time.monotonic() + given.seconds
        clients = [Client(server, number, ends, seen, lock) for number in range(given.clients)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        told(seen, given.clients, given.seconds)
        own, models = (after - was for after, was in zip(server.processor, used, strict=True))
        ours = time.process_time() - ours
        print(f"processor: server {own:.0f} s, its processes {models:.0f} s, clients {ours:.0f} s")
        print(f"memory of the server: {before} before; {server.memory} after")
        server.process.kill()
        server.process.wait()
        again = Server(index, folder / "sessions")
        kept = 0
        for ident, (turns, words) in seen.sessions.items():
            found = again.ask("GET", f"/api/sessions/{ident}")
            sentences = [turn["sentence"] for turn in found["turns"] if turn["sentence"]]
            kept += (len(found["turns"]), sentences[-1] if sentences else "") == (turns, words)
        print(f"after kill -9: {kept} of {len(seen.sessions)} sessions are there as they were")
        again.process.kill()
        again.process.wait()


if __name__ == "__main__":
    main()
