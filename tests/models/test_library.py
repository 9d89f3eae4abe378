import hashlib
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import UnknownName
from studio.models.library import KINDS, Library, sha256


@pytest.fixture(scope="module")
def library(models: Path) -> Library:
    return Library(models)


def test_every_kind_and_family_is_found_by_its_tensors(library: Library):
    found = {(file.kind, file.id): (file.family, file.prediction) for file in library.scan()}
    assert found["checkpoint", "starter"] == ("starter", "v_prediction")
    assert found["checkpoint", "folder15"] == ("sd15", "epsilon")
    assert found["checkpoint", "own/file15"] == ("sd15", "epsilon")
    assert found["checkpoint", "file21"] == ("sd2", "v_prediction")
    assert found["checkpoint", "filexl"] == ("sdxl", "v_prediction")
    assert found["controlnet", "starter"][0] == "starter"
    assert found["lora", "starter-lcm"][0] == found["lora", "own-starter"][0] == "starter"
    for family in ("sd15", "sd2", "sdxl"):
        assert found["lora", f"kohya-{family}"][0] == found["controlnet", family][0] == family
    assert found["lora", "peft-sd15"][0] == "sd15"
    assert found["embedding", "mist"][0] == "sd15"
    assert found["embedding", "mist-xl"][0] == "sdxl"
    assert ("vae", "kl") in found
    assert library.find("checkpoint", "starter").title == "Starter · landscapes (山水)"
    assert library.default() == "starter"


def test_scanning_needs_no_torch(models: Path):
    code = f"""
import sys
from pathlib import Path
from studio.models.library import Library
assert len(Library(Path({str(models)!r})).scan()) > 15
assert not {{"torch", "diffusers", "transformers"}} & sys.modules.keys()
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_pickle_format_is_listed_unread_and_known_when_it_is_asked_for(models: Path):
    library = Library(models)
    old = library.find("checkpoint", "old15")
    assert old.family == ""
    assert "pickle" in old.note
    assert library.identified(old).family == "sd15"
    assert library.find("checkpoint", "old15").family == "sd15"
    library.scan()
    assert library.find("checkpoint", "old15").family == "sd15"
    assert library.identified(library.find("embedding", "bad-hands")).family == "sd15"


def test_a_file_that_cannot_be_used_is_listed_with_the_reason(tmp_path: Path):
    whole = tiny.kohya_lora(tmp_path / "loras" / "whole.safetensors").read_bytes()
    (tmp_path / "loras" / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "page.safetensors").write_text("<!DOCTYPE html><title>Log in</title>")
    (tmp_path / "checkpoints" / "lfs.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid x"
    )
    tiny.kohya_lora(tmp_path / "checkpoints" / "astray.safetensors")
    library = Library(tmp_path)
    notes = {file.id: (file.kind, file.family, file.note) for file in library.scan()}
    assert "cut short" in notes["half"][2]
    assert "web page" in notes["page"][2]
    assert "git lfs pull" in notes["lfs"][2]
    assert notes["half"][1] == notes["page"][1] == notes["lfs"][1] == ""
    assert notes["astray"] == ("lora", "sd15", "It lies in a folder for checkpoints.")


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("a", "b"):
        tiny.embedding_file(tmp_path / "embeddings" / f"{name}.safetensors")
    library = Library(tmp_path)
    library.scan()
    read: list[str] = []
    from studio.models import library as module

    original = module.identify
    monkeypatch.setattr(
        module, "identify", lambda path, width: read.append(path.name) or original(path, width)
    )
    tiny.embedding_file(tmp_path / "embeddings" / "b.safetensors", width=1024)
    library.scan()
    assert read == ["b.safetensors"]
    assert library.find("embedding", "b").family == "sd2"


def test_a_model_put_there_later_is_found_by_its_name(tmp_path: Path):
    library = Library(tmp_path)
    assert library.files() == ()
    assert library.default() == "starter"
    tiny.embedding_file(tmp_path / "embeddings" / "later.safetensors")
    assert library.find("embedding", "later").family == "sd15"


def test_a_prompt_may_leave_out_the_folder(library: Library):
    assert library.find("checkpoint", "file15").id == "own/file15"
    with pytest.raises(UnknownName):
        library.find("lora", "file15")


def test_folders_of_other_studios_are_understood(tmp_path: Path):
    forge, comfy = tmp_path / "forge", tmp_path / "comfy"
    tiny.embedding_file(forge / "embeddings" / "one.safetensors")
    tiny.kohya_lora(forge / "models" / "Lora" / "inks" / "brush.safetensors")
    tiny.vae_file(forge / "models" / "VAE" / "kl.safetensors")
    tiny.kohya_lora(comfy / "big disk" / "models" / "loras" / "inks" / "brush.safetensors")
    tiny.controlnet_file(comfy / "big disk" / "t2i" / "scribble.safetensors")
    paths = "my_disk:\n  base_path: big disk\n  is_default: true\n  loras: models/loras\n"
    paths += "  controlnet: |\n    cn\n    t2i\n  clip_vision: x\nempty:\n"
    (comfy / "extra_model_paths.yaml").write_text(paths)
    library = Library(tmp_path / "ours", [forge, comfy / "extra_model_paths.yaml"])
    ids = {(file.kind, file.id) for file in library.scan()}
    assert ids == {
        ("embedding", "one"),
        ("vae", "kl"),
        ("lora", "inks/brush"),
        ("lora", "my_disk/inks/brush"),
        ("controlnet", "scribble"),
    }
    assert library.warnings == ()


def test_a_broken_list_or_a_missing_disk_is_a_warning(tmp_path: Path):
    (tmp_path / "extra_model_paths.yaml").write_text("a: [")
    library = Library(tmp_path / "ours", [tmp_path / "extra_model_paths.yaml", tmp_path / "gone"])
    assert library.scan() == ()
    assert len(library.warnings) == 2


def test_two_files_of_one_name_have_two_ids(tmp_path: Path):
    tiny.embedding_file(tmp_path / "embeddings" / "mist.safetensors")
    tiny.embedding_file(tmp_path / "embeddings" / "mist.pt")
    assert {file.id for file in Library(tmp_path).scan()} == {"mist", "mist.safetensors"}


def test_links_are_followed_and_circles_end(tmp_path: Path):
    away = tiny.embedding_file(tmp_path / "away" / "inside.safetensors").parent
    folder = tmp_path / "models" / "embeddings"
    folder.mkdir(parents=True)
    os.symlink(away, folder / "linked")
    os.symlink(folder, away / "back")
    os.symlink(tmp_path / "nowhere.safetensors", folder / "dangling.safetensors")
    assert [file.id for file in Library(tmp_path / "models").files("embedding")] == ["linked/inside"]


CLASSIC = [
    "..",
    "../starter",
    "/etc/passwd",
    "C:\\x",
    "~",
    "%2e%2e",
    "a\0b",
    "own/../own/file15",
    "con",
    "x" * 5000,
]


def test_names_are_looked_up_and_never_joined(library: Library):
    for name in CLASSIC:
        for kind in KINDS:
            with pytest.raises(UnknownName):
                library.find(kind, name)


@given(st.text(max_size=60))
def test_no_text_finds_a_file_that_was_not_scanned(library: Library, name: str):
    known = {file.id for file in library.files("checkpoint")}
    if name not in known:
        with pytest.raises(UnknownName, match="starter"):
            library.find("checkpoint", name)


def test_ids_are_the_same_however_a_file_system_spells_letters(tmp_path: Path):
    spelled = unicodedata.normalize("NFD", "über")
    tiny.embedding_file(tmp_path / "embeddings" / f"{spelled}.safetensors")
    assert Library(tmp_path).find("embedding", "über").family == "sd15"


def test_digests_are_taken_once(models: Path, tmp_path: Path):
    library = Library(models)
    lora, starter = library.find("lora", "kohya-sd15"), library.find("checkpoint", "starter")
    cache = tmp_path / "digests.json"
    assert sha256(lora, cache) == hashlib.sha256(lora.path.read_bytes()).hexdigest()
    assert sha256(starter, cache) == sha256(starter) != sha256(lora)
    assert len(json.loads(cache.read_text())) == 2
    cache.write_text(json.dumps({lora.source: "remembered"}))
    assert sha256(lora, cache) == "remembered"
    cache.write_text("not json")
    assert sha256(lora, cache) == sha256(lora)
