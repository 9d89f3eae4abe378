import pytest
import torch

from studio.errors import BrokenWeights
from studio.school.files import read_tensors, write_bytes, write_json, write_tensors


def test_tensors_come_back_with_their_facts(tmp_path):
    path = tmp_path / "deep" / "a.safetensors"
    write_tensors(path, {"x": torch.arange(6).view(2, 3).T}, {"step": 7})
    tensors, facts = read_tensors(path)
    assert torch.equal(tensors["x"], torch.arange(6).view(2, 3).T)
    assert facts == {"step": 7}


def test_a_file_is_replaced_in_one_step_and_nothing_is_left_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("studio.school.files.os.replace", full)
    with pytest.raises(OSError, match="no space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert not list(tmp_path.glob(".*"))


def test_half_a_file_is_said_to_be_broken(tmp_path):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"x": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BrokenWeights, match=r"a\.safetensors cannot be read"):
        read_tensors(path)


def test_json_keeps_chinese_readable(tmp_path):
    write_json(tmp_path / "a.json", {"词": "山水"})
    assert "山水" in (tmp_path / "a.json").read_text("utf-8")
