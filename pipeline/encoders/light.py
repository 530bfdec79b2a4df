"""A light query side: texts by a small tower, mapped into the space of a big one (ISA's asymmetry).

What a gallery was encoded by stays; what is asked is encoded by less. The map is one file: safetensors,
with a header that says which two towers it joins, and how well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...indexes.mapping import Bridge
from ..errors import ConfigError, ModelError
from ..machine.outputs import check_file, replacing
from .contract import Encoder, EncoderSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME, _FORMAT = "likebut_light", 1
_HEADER = 1 << 16  # bytes of a file among which its name stands
_ARRAYS = ("before", "after", "turn")


@dataclass(frozen=True)
class End:
    """One of the two towers: its ``spec``, its ``facts`` by name, and the ``profile`` that named it.

    ``key`` is what the facts were remembered under: another one where a file of the weights was changed.
    """

    spec: EncoderSpec
    facts: Mapping[str, Any]
    profile: str
    key: str

    @property
    def fingerprint(self) -> str:
        """The hash of its weights."""
        return str(self.facts["fingerprint"])

    @property
    def name(self) -> str:
        """What the tower calls itself."""
        return str(self.facts["name"])


@dataclass(frozen=True)
class Light:
    """The map from ``small`` to ``big``: learnt from ``texts`` texts, with its ``agreement`` on others."""

    small: End
    big: End
    bridge: Bridge
    texts: int
    agreement: float

    @property
    def header(self) -> str:
        """Everything but the numbers, as JSON."""
        facts = {"small": asdict(self.small), "big": asdict(self.big)}
        counts = {"texts": self.texts, "agreement": self.agreement}
        return json.dumps({"format": _FORMAT, **facts, **counts}, sort_keys=True)

    @property
    def sha256(self) -> str:
        """The hash of all of it."""
        digest = hashlib.sha256(self.header.encode())
        for name in _ARRAYS:
            digest.update(getattr(self.bridge, name).astype("<f4").tobytes())
        return digest.hexdigest()

    @property
    def fingerprint(self) -> str:
        """What tells its vectors from those of either tower: the small one's weights, and the map."""
        return hashlib.sha256(f"{self.small.fingerprint} {self.sha256}".encode()).hexdigest()


def check_place(path: Path) -> None:
    """Raises ConfigError where no map can be written, and where a file is that is none."""
    check_file(path, "--out")
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if _NAME.encode() not in file.read(_HEADER):
                raise ConfigError(f"{path} is there already and is no light map", "name another file")


def write_light(path: Path, light: Light) -> None:
    """The file, whole or not at all. Raises ConfigError as `check_place`."""
    from safetensors.numpy import save

    check_place(path)
    arrays = {name: getattr(light.bridge, name).astype("<f4") for name in _ARRAYS}
    data = save(arrays, metadata={_NAME: light.header, "sha256": light.sha256})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        draft.write_bytes(data)


def read_light(path: Path, mend: str) -> Light:
    """The map of a file. Raises ModelError with the hint ``mend`` where it is missing, damaged or none."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"no light map {path}", mend)
    try:
        with safe_open(path, "np") as file:
            said = file.metadata() or {}
            arrays = [file.get_tensor(name) for name in _ARRAYS]
        if _NAME not in said:
            raise ModelError(f"{path} is no light map", mend)
        light = _light(json.loads(said[_NAME]), Bridge(*arrays))
        if light.sha256 != said["sha256"]:
            raise ValueError("its checksum is another")
    except OSError as problem:
        raise ModelError(f"cannot read the light map {path}: {problem.strerror}", mend) from problem
    except (SafetensorError, ValueError, KeyError, TypeError) as problem:
        raise ModelError(f"the light map {path} is damaged", mend) from problem
    return light


def _light(header: Mapping[str, Any], bridge: Bridge) -> Light:
    if header["format"] != _FORMAT:
        raise ValueError(f"format {header['format']}")
    small, big = (
        End(EncoderSpec(**said["spec"]), said["facts"], said["profile"], said["key"])
        for said in (header["small"], header["big"])
    )
    return Light(small, big, bridge, header["texts"], header["agreement"])


class LightTower:
    """The small tower and the map as one encoder, of texts alone."""

    documents_differ = False
    draft_size = 1
    preprocessing = "texts only"

    def __init__(self, small: Encoder, light: Light, mend: str) -> None:
        """Raises ModelError with the hint ``mend`` for weights that the map was not learnt from."""
        if small.fingerprint != light.small.fingerprint:
            raise ModelError(f"the light map was learnt from another {small.name}", mend)
        self._small, self._light = small, light
        self.name = f"{small.name}, mapped"
        self.fingerprint = light.fingerprint
        self.dimension = len(light.bridge.after)
        self.context_length = small.context_length

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows in the big tower's space."""
        return self._light.bridge(self._small.encode_texts(texts))

    def token_count(self, text: str) -> int:
        """How many tokens the small tower makes of the whole text, ends included."""
        return self._small.token_count(text)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """As `token_count`, at once where the small tower is far."""
        far: Any = getattr(self._small, "token_counts", None)
        return list(far(texts)) if far else [self.token_count(text) for text in texts]
