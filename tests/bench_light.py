"""What a light query side costs in answers, and saves in time and memory.

    python -m tests.bench_light [--count 3000] [--queries 500] [--seed 78] [--large]

The pocket tower answers the drawn benchmark of a seed that no training used, whole, and then with its texts
by smaller towers: its own cut to 3, 2 and 1 of 4 layers, and MiniLM (extra `text`), which never saw this
world. Their maps are learnt from drawn texts. Prints the agreement, Recall@1 and @10 by the default recipe,
milliseconds a text (one at a time, one thread) and what loading adds to a process. With --large also the
time and memory of ViT-L-14 (random weights; answers would mean nothing).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import likebut
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.learning import learn_light
from likebut.pipeline.benchmarks import pocket
from likebut.pipeline.config.files import load_profile
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.light import write_light
from likebut.pipeline.pocket.captions import some_texts
from likebut.pipeline.records.trace import Query
from tests.bench import save_open_clip
from tests.pipeline.encoders.cut import cut, profile

MEASURE = """
import json, sys, time
import psutil, torch, open_clip, sentence_transformers
from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
torch.set_num_threads(1)
texts = json.load(sys.stdin)
before = psutil.Process().memory_info().rss
encoder = make_encoder(EncoderSpec(**json.loads(sys.argv[1])))
encoder.encode_texts(texts[:10])
times = []
for text in texts:
    started = time.perf_counter()
    encoder.encode_texts([text])
    times.append(time.perf_counter() - started)
after = psutil.Process().memory_info().rss
print(json.dumps([1000 * sorted(times)[len(times) // 2], (after - before) / 1e6]))
"""


def measured(spec: EncoderSpec, texts: list[str]) -> str:
    """Milliseconds a text (the median) and the MB that loading added, of a process of its own."""
    said = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(asdict(spec))],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    milliseconds, added = json.loads(said.splitlines()[-1])
    return f"{milliseconds:7.2f} ms a text  {added:6.0f} MB"


def ranked(setup: likebut.Setup, folder: Path) -> list[int]:
    """The rank of the first right hit of every query of the benchmark in ``folder``; 99 for none."""
    benchmark = pocket.load(folder)
    paths = {item.id: item.path for item in benchmark.items}
    composer = likebut.open(setup)
    queries = [Query(case.id, paths[case.reference], case.modification) for case in benchmark.cases]
    ranks = []
    for case, trace in zip(benchmark.cases, composer.compose(queries, 10), strict=True):
        right = {str(paths[target]) for target in case.targets}
        ranks.append(next((hit.rank for hit in trace.ranking.hits if hit.path in right), 99))
    return ranks


def told(ranks: list[int], whole: list[int]) -> str:
    """Recall@1 and @10 in percent, and on how many queries the first differs from the whole tower's."""
    first, ten = (100 * sum(rank <= k for rank in ranks) / len(ranks) for k in (1, 10))
    pairs = list(zip(ranks, whole, strict=True))
    won, lost = (sum(one == 1 < other for one, other in way) for way in (pairs, [p[::-1] for p in pairs]))
    return f"n {len(ranks)}  R@1 {first:5.1f} (+{won} -{lost})  R@10 {ten:5.1f}"


def spec_of(name: str) -> EncoderSpec:
    """The tower of a profile."""
    choice = load_profile(name).encoder
    return EncoderSpec(
        choice.encoder, choice.model, choice.pretrained, "cpu", choice.dtype, choice.batch_size
    )


def large(folder: Path) -> EncoderSpec:
    """ViT-L-14, as open_clip makes it, of random weights."""
    import open_clip

    folder.mkdir()
    save_open_clip(open_clip.create_model("ViT-L-14"), "ViT-L-14", folder)
    return EncoderSpec("open_clip", str(folder), None, "cpu", "float32")


def main() -> None:
    """Draw, learn, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=78)
    parser.add_argument("--large", action="store_true")
    given = parser.parse_args()
    texts = some_texts(20_000, seed=0)
    with TemporaryDirectory() as room:
        base = Path(room)
        pocket.load(base / "drawn", pictures=given.count, queries=given.queries, seed=given.seed)
        answers = base / "answers.sqlite"
        setup = likebut.Setup(folders=(base / "drawn",), cache=answers)
        big = CachedEncoder(spec_of("pocket"), Cache(answers))
        whole = ranked(setup, base / "drawn")
        print(f"whole     {told(whole, whole)}  {measured(big.spec, texts[:300])}", flush=True)
        towers = {f"cut to {n}": str(profile(base / f"{n}.toml", cut(base / f"{n}", n))) for n in (3, 2, 1)}
        for name, small in {**towers, "MiniLM": "text"}.items():
            own = CachedEncoder(spec_of(small), Cache(answers))
            light = learn_light(texts, (small, own), ("pocket", big), least=0.0)
            write_light(base / "map.light", light)
            mine = profile(base / "mine.toml", light=base / "map.light")
            setup = likebut.Setup(folders=(base / "drawn",), cache=answers, profile=str(mine))
            scores = f"{told(ranked(setup, base / 'drawn'), whole)}  {measured(own.spec, texts[:300])}"
            print(f"{name:8}  {scores}  agreement {light.agreement:.3f}", flush=True)
        if given.large:
            print(f"ViT-L-14  {measured(large(base / 'large'), texts[:50])}", flush=True)


if __name__ == "__main__":
    main()
