"""A models folder with one tiny file of every kind, made once; and a machine without a network."""

import socket
from pathlib import Path

import pytest
import tiny


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch):
    def refused(*args: object, **named: object):
        raise AssertionError(f"a network connection was tried: {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "connect_ex", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny.starter_folder(root / "starter")
    tiny.controlnet_folder(root / "starter" / "controlnet", "starter")
    tiny.peft_lora(root / "starter" / "lcm_lora" / "lcm.safetensors", "starter")
    tiny.sd15_folder(root / "checkpoints" / "folder15")
    tiny.sd15_file(root / "checkpoints" / "own" / "file15.safetensors", words=600)
    tiny.sd15_file(root / "checkpoints" / "old15.ckpt", words=600)
    tiny.sd21_file(root / "checkpoints" / "file21.safetensors", words=600)
    tiny.sdxl_file(root / "checkpoints" / "filexl.safetensors", words=600, v_pred=True)
    for family in ("sd15", "sd2", "sdxl"):
        tiny.kohya_lora(root / "loras" / f"kohya-{family}.safetensors", family)
        tiny.controlnet_file(root / "controlnet" / f"{family}.safetensors", family)
        tiny.config_folder(root / "configs" / family, family, words=600)
    tiny.peft_lora(root / "loras" / "peft-sd15.safetensors", "sd15")
    tiny.kohya_lora(root / "loras" / "own-starter.safetensors", "starter")
    tiny.vae_file(root / "vae" / "kl.safetensors")
    tiny.embedding_file(root / "embeddings" / "bad-hands.pt")
    tiny.embedding_file(root / "embeddings" / "mist.safetensors")
    tiny.sdxl_embedding_file(root / "embeddings" / "mist-xl.safetensors")
    return root


@pytest.fixture
def reference():
    """The modules that a tiny file of a family was written from."""
    return lambda family: tiny.original_modules(family, 600, 0)
