"""Formats that Pillow reads only with a plugin, and raw files of cameras, of which the preview is taken."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from os.path import splitext

from .errors import BadImage

# endings, the plugin's module, the package that brings it, and likebut's extra for it
_PLUGINS = (
    (("heic", "heif", "hif"), "pillow_heif", "pillow-heif", "heic"),
    (("avif", "avifs"), "pillow_avif", "pillow-avif-plugin", ""),
    (("jxl",), "pillow_jxl", "pillow-jxl-plugin", "jxl"),
)
_RAW_READER = "rawpy"
_RAW = frozenset(
    ending
    for line in (
        "3fr ari arw bay cr2 cr3 crw dcr dng erf fff iiq k25 kdc mef mos mrw",
        "nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f",
    )
    for ending in line.split()
)


@cache
def optional_suffixes() -> frozenset[str]:
    """The endings (".heic") that the plugins on this machine read."""
    found = {f".{ending}" for endings, module, *_ in _PLUGINS if find_spec(module) for ending in endings}
    if find_spec(_RAW_READER):
        found |= {f".{ending}" for ending in _RAW}
    if ".avif" not in found and _pillow_reads_avif():
        found |= {".avif", ".avifs"}
    return frozenset(found)


def _pillow_reads_avif() -> bool:
    """Whether Pillow itself does; looked at without loading it."""
    spec = find_spec("PIL")
    return spec is not None and find_spec("PIL._avif") is not None


def why_not(suffix: str) -> str:
    """What to do about pictures of an ending that are left out; empty for files that are none."""
    ending = suffix.removeprefix(".")
    if ending in _RAW:
        return f"previews of raw files: pip install {_RAW_READER} (or likebut's extra raw), or export JPEGs"
    for endings, _, package, name in _PLUGINS:
        if ending in endings:
            extra = f" (or likebut's extra {name})" if name else ""
            return f"pip install {package}{extra}"
    return ""


@cache
def load_plugins() -> None:
    """Make Pillow know the plugins that are installed."""
    for _, module, *_ in _PLUGINS:
        if find_spec(module):
            plugin = import_module(module)
            if module == "pillow_heif":
                plugin.register_heif_opener()


def needs_plugin(data: bytes) -> bool:
    """Whether a file begins as those do that a plugin may have to read."""
    return data[4:8] == b"ftyp" or data[:2] == b"\xff\x0a" or data[4:8] == b"JXL "


def is_raw(name: str) -> bool:
    """Whether a file is a camera's raw one, by its ending, and its preview can be had here."""
    ending = splitext(name)[1].lower()
    return ending.removeprefix(".") in _RAW and ending in optional_suffixes()


def preview(data: bytes, name: str) -> bytes:
    """The picture that the camera put into its raw file, with its orientation. Raises ``BadImage``.

    Developing the sensor's own pixels would take seconds and look unlike what the person saw.
    """
    rawpy = import_module(_RAW_READER)
    try:
        with rawpy.imread(BytesIO(data)) as raw:
            found = raw.extract_thumb()
    except rawpy.LibRawError as error:
        lacks = isinstance(error, rawpy.LibRawNoThumbnailError | rawpy.LibRawUnsupportedThumbnailError)
        reason = "no preview in the raw file" if lacks else "not a raw file that can be read"
        raise BadImage(name, reason) from error
    if found.format == rawpy.ThumbFormat.JPEG:
        return bytes(found.data)
    height, width, _ = found.data.shape
    return b"P6 %d %d 255\n" % (width, height) + bytes(found.data)
