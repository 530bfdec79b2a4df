"""`python -m likebut.pipeline.pocket.train clip|captioner|reasoner`: make a pocket model anew, seeded."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...machine.models import POCKET

WORK = Path(".training")


def main() -> None:
    """Train the named model into the package's models folder (or ``--out``)."""
    parser = argparse.ArgumentParser(prog="python -m likebut.pipeline.pocket.train", description=__doc__)
    parser.add_argument("model", choices=("tower", "clip", "captioner", "reasoner"))
    parser.add_argument("--out", type=Path, help="folder to write (default: the shipped models)")
    parser.add_argument("--tower-images", type=int, default=520_000)
    parser.add_argument("--examples", type=int, help="pictures or texts to train on")
    parser.add_argument("--resume", action="store_true", help="go on from the weights that are there")
    parser.add_argument("--seed", type=int, default=21, help="of the reasoner's examples")
    options = parser.parse_args()
    out = options.out or POCKET / str(options.model)
    if options.model == "reasoner":
        from .reasoner import train_reasoner

        train_reasoner(out, options.examples or 400_000, resume=options.resume, seed=options.seed)
        return
    from .tower import train_tower

    if options.model == "tower" or not (options.resume or (WORK / "tower.safetensors").exists()):
        train_tower(WORK, options.tower_images)
    if options.model == "clip":
        from .clip import train_clip

        train_clip(WORK, out, options.examples or 300_000, resume=options.resume)
    elif options.model == "captioner":
        from .captioner import train_captioner

        train_captioner(WORK, out, options.examples or 260_000)


if __name__ == "__main__":
    main()
