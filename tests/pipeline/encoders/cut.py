"""The pocket tower with fewer layers, in a folder of its own format: a small tower that knows its world."""

from __future__ import annotations

import json
import re
from pathlib import Path

from likebut.pipeline.machine.models import POCKET

PROFILE = Path(__file__).parents[3] / "pipeline" / "profiles" / "pocket.toml"


def cut(folder: Path, layers: int) -> Path:
    """Write the tower with so many layers for texts, and one for pictures: nobody asks it about them."""
    from safetensors.torch import load_file, save_file

    config = json.loads((POCKET / "clip" / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["layers"] = layers
    config["model_cfg"]["vision_cfg"]["layers"] = 1
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    weights = load_file(POCKET / "clip" / "open_clip_model.safetensors")

    def stays(name: str) -> bool:
        found = re.match(r"(visual\.)?transformer\.resblocks\.(\d+)\.", name)
        return found is None or int(found[2]) < (1 if found[1] else layers)

    kept = {name: value for name, value in weights.items() if stays(name)}
    save_file(kept, folder / "open_clip_model.safetensors")
    return folder


def profile(file: Path, tower: str | Path = "pocket:clip", light: Path | None = None) -> Path:
    """Write the pocket profile with another tower, or with a light query side."""
    lines = f"model = {json.dumps(str(tower))}"
    lines += f"\nlight = {json.dumps(str(light))}" if light else ""
    file.write_text(PROFILE.read_text().replace('model = "pocket:clip"', lines))
    return file
