"""Devices and number formats: what was asked for, or an error."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from likebut.pipeline.config.files import load_profile
from likebut.pipeline.errors import ConfigError, ModelError
from likebut.pipeline.machine import devices
from likebut.pipeline.machine.devices import choose_device, choose_dtype, forbid_network


def machine(monkeypatch: pytest.MonkeyPatch, *, cuda: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("here", "chosen"),
    [({}, "cpu"), ({"mps": True}, "mps"), ({"cuda": 1}, "cuda"), ({"cuda": 1, "mps": True}, "cuda")],
)
def test_auto_takes_the_best_there_is(
    monkeypatch: pytest.MonkeyPatch, here: dict[str, Any], chosen: str
) -> None:
    machine(monkeypatch, **here)
    assert choose_device("auto") == chosen


@pytest.mark.parametrize("asked", ["cuda", "cuda:0", "mps"])
def test_a_missing_device_is_an_error_never_a_fallback(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    machine(monkeypatch)
    with pytest.raises(ModelError, match=asked):
        choose_device(asked)


def test_devices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cuda=2)
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(ModelError, match="2 CUDA devices"):
        choose_device("cuda:2")


@pytest.mark.parametrize("asked", ["gpu", "cuda:x", "cuda:-1", ""])
def test_a_word_that_names_no_device_is_refused(asked: str) -> None:
    with pytest.raises(ConfigError, match="no device"):
        choose_device(asked)


def test_numbers_are_as_asked_or_the_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_dtype("float16", "cpu") is torch.float16
    with pytest.raises(ConfigError, match="int7"):
        choose_dtype("int7", "cpu")
    for native, dtype in ((False, torch.float16), (True, torch.bfloat16)):

        def supported(including_emulation: bool = True, native: bool = native) -> bool:
            return native or including_emulation  # an older card emulates it, slowly

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        assert choose_dtype("auto", "cuda:1") is dtype
    assert choose_dtype("auto", "mps") is torch.float32


@pytest.mark.parametrize(
    ("amx", "avx", "dtype"),
    [(True, False, torch.bfloat16), (False, True, torch.bfloat16), (False, False, torch.float32)],
)
def test_bfloat16_is_chosen_only_on_cpus_that_multiply_it(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    assert choose_dtype("auto", "cpu") is dtype


@pytest.mark.parametrize("before", ["", "import huggingface_hub; "])
def test_the_network_is_forbidden_before_and_after_the_hub_is_imported(before: str) -> None:
    code = (
        f"{before}from likebut.pipeline.machine.devices import forbid_network; forbid_network()\n"
        "from huggingface_hub import constants; print(constants.HF_HUB_OFFLINE)"
    )
    clean = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE",)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.strip() == "True"


def test_forbidding_the_network_reaches_child_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "0")
    forbid_network()
    assert os.environ["TRANSFORMERS_OFFLINE"] == "1"


def test_a_profile_limits_the_threads_of_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    before, asked = torch.get_num_threads(), load_profile("pocket").threads
    assert (asked, load_profile("cpu").threads) == (1, 0)
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        torch.set_num_threads(2)
        devices.limit_threads(asked)
        devices.choose_device("cpu")
        assert torch.get_num_threads() == 1
        torch.set_num_threads(2)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")  # who sets it knows better
        devices.limit_threads(asked)
        devices.choose_device("cpu")
        assert torch.get_num_threads() == 2
    finally:
        devices.limit_threads(0)
        torch.set_num_threads(before)
