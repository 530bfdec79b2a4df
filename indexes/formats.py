"""Formats that Pillow reads only with a plugin, and pictures that are not read at all."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

# endings, the plugin's module, and the package that brings it
_PLUGINS = (
    (("heic", "heif", "hif"), "pillow_heif", "pillow-heif"),
    (("avif", "avifs"), "pillow_avif", "pillow-avif-plugin"),
    (("jxl",), "pillow_jxl", "pillow-jxl-plugin"),
)
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
    found = {f".{ending}" for endings, module, _ in _PLUGINS if find_spec(module) for ending in endings}
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
        return "raw files of cameras are not read: export them as JPEG, PNG or TIFF"
    for endings, _, package in _PLUGINS:
        if ending in endings:
            extra = " (or likebut's extra heic)" if package == "pillow-heif" else ""
            return f"pip install {package}{extra}"
    return ""


@cache
def load_plugins() -> None:
    """Make Pillow know the plugins that are installed."""
    for _, module, _ in _PLUGINS:
        if find_spec(module):
            plugin = import_module(module)
            if module == "pillow_heif":
                plugin.register_heif_opener()


def needs_plugin(data: bytes) -> bool:
    """Whether a file begins as those do that a plugin may have to read."""
    return data[4:8] == b"ftyp" or data[:2] == b"\xff\x0a" or data[4:8] == b"JXL "
