import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from studio.errors import BadInput, UnknownName
from studio.models.catalog import CATALOG, FOLDER_OF, Entry, chosen, installed, read_catalog
from studio.models.library import FOLDERS, KINDS, Library

GOOD = {
    "id": "net",
    "title": "Net",
    "kind": "upscaler",
    "url": "https://github.com/a/net.pth",
    "sha256": "0" * 64,
    "bytes": 3,
    "file": "net.pth",
    "licence": "MIT",
}


def toml(path: Path, *entries: dict[str, object]) -> Path:
    lines = [f"[[model]]\n{''.join(f'{k} = {v!r}{chr(10)}' for k, v in entry.items())}" for entry in entries]
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_the_shipped_catalog_can_be_read_and_every_file_has_a_licence_and_a_place():
    catalog = read_catalog()
    assert CATALOG.is_file()
    assert len(catalog) >= 25
    for entry in catalog.values():
        assert entry.licence
        assert entry.licence_url
        assert entry.about
        assert entry.bytes or re.search(r"about \d+ [GM]B\.", entry.about), f"how large is {entry.id}?"
        assert FOLDERS[FOLDER_OF[entry.kind]] == entry.kind
    assert len({entry.sha256 for entry in catalog.values()}) == len(catalog)


def test_what_may_not_be_used_commercially_says_so_before_it_is_fetched():
    catalog = read_catalog()
    for name in (
        "gfpgan-1.4",
        "gfpgan-1.3",
        "annotator-pidinet",
        *(e.id for e in chosen(catalog, "openpose")),
    ):
        assert "commercial" in catalog[name].terms


def test_a_group_is_fetched_by_its_name_and_an_unknown_name_lists_what_exists():
    catalog = read_catalog()
    kinds = {entry.kind for entry in chosen(catalog, "first-painter")}
    assert kinds >= {"checkpoint", "controlnet", "lora", "tiny"}, "live painting needs the last two"
    assert chosen(catalog, "gfpgan-1.4") == (catalog["gfpgan-1.4"],)
    with pytest.raises(UnknownName, match=r"gfpgan-1\.4"):
        chosen(catalog, "gfpgan-1.5")


def test_every_kind_of_model_has_a_folder_that_the_library_looks_into():
    assert set(FOLDER_OF) == set(KINDS)
    assert all(FOLDERS[folder] == kind for kind, folder in FOLDER_OF.items())


LEAVING = r"../net.pth a/net.pth a\net.pth /net.pth C:net.pth ..pth .pth net..pth net.pth. net.pth::$DATA"
OTHERS = "net.py net.exe net con.pth NUL.safetensors Com1.x.pth lpt9.pth \u202enet.pth né.pth"
SPACED = ("net.pth ", " net.pth", "nul .pth", "a\nnet.pth", "a\0.pth", "n" * 130 + ".pth", "")


@pytest.mark.parametrize("name", [*LEAVING.split(), *OTHERS.split(), *SPACED])
def test_a_file_name_cannot_leave_its_folder_nor_mean_anything_else(name: str):
    with pytest.raises(ValidationError):
        Entry.model_validate(GOOD | {"file": name})
    assert Entry.model_validate(GOOD | {"file": "4x_Net-v1.0 small.pth"})


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://github.com/a.pth"},
        {"url": "https://example.org/a.pth"},
        {"url": "https://github.com@example.org/a.pth"},
        {"url": "file:///etc/passwd"},
        {"sha256": "0" * 63},
        {"sha256": "Z" * 64},
        {"kind": "virus"},
        {"licence": ""},
        {"id": "../net"},
        {"bytes": -1},
        {"surprise": 1},
        {"licence_url": "javascript:alert(1)"},
    ],
)
def test_an_entry_that_could_do_harm_is_refused_with_its_reason(tmp_path: Path, change: dict[str, object]):
    assert "net" in read_catalog(toml(tmp_path / "good.toml", GOOD))
    with pytest.raises(BadInput):
        read_catalog(toml(tmp_path / "bad.toml", GOOD | change))


@pytest.mark.parametrize("second", [{"file": "NET.pth", "id": "other"}, {"file": "other.pth"}])
def test_two_entries_cannot_go_to_one_place_nor_have_one_name(tmp_path: Path, second: dict[str, object]):
    with pytest.raises(BadInput, match="Two entries"):
        read_catalog(toml(tmp_path / "c.toml", GOOD, GOOD | second))


def nothing(path: Path) -> None: ...


@pytest.mark.parametrize(
    "make",
    [
        nothing,
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_text("model = 3"),
        lambda path: path.write_text("[[model]\n"),
        lambda path: path.write_text("# " + "x" * 2**20),
        lambda path: path.mkdir(),
    ],
)
def test_what_is_no_catalog_is_a_sentence(tmp_path: Path, make: Callable[[Path], object]):
    make(tmp_path / "c.toml")
    with pytest.raises(BadInput):
        read_catalog(tmp_path / "c.toml")


def test_installed_is_what_lies_in_our_folder_or_in_another_programs_whole(tmp_path: Path):
    entry = Entry.model_validate(GOOD)
    ours, theirs = tmp_path / "models", tmp_path / "ComfyUI"
    here, there = ours / "upscalers" / "net.pth", theirs / "models" / "upscale_models" / "net.pth"
    for path in (here, there):
        path.parent.mkdir(parents=True)
    assert installed(entry, Library(ours, [theirs])) is None
    there.write_bytes(b"\x80\x04")
    assert installed(entry, Library(ours, [theirs])) is None
    there.write_bytes(b"\x80\x04.")
    assert installed(entry, Library(ours, [theirs])) == there
    here.write_bytes(b"\x80\x04.")
    assert installed(entry, Library(ours, [theirs])) == here


def test_the_work_that_is_declared_is_that_of_the_published_architecture():
    import torch
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.ESRGAN import ESRGAN
    from spandrel.architectures.GFPGAN import GFPGAN
    from torch.utils.flop_counter import FlopCounterMode

    from studio.post.parsenet import ParseNet
    from studio.post.retinaface import RetinaFace

    made: dict[str, Callable[[], torch.nn.Module]] = {
        "realesrgan-x4plus": lambda: ESRGAN(num_blocks=23, scale=4),
        "realesrgan-x4plus-anime-6b": lambda: ESRGAN(num_blocks=6, scale=4),
        "realesrgan-x2plus": lambda: ESRGAN(in_nc=12, num_blocks=23, scale=4, shuffle_factor=2),
        "realesr-general-x4v3": lambda: Compact(num_conv=32),
        "realesr-animevideo-v3": lambda: Compact(num_conv=16),
        "gfpgan-1.4": GFPGAN,
        "parsenet": ParseNet,
        "retinaface-resnet50": RetinaFace,
    }
    catalog = read_catalog()
    for name, build in made.items():
        with torch.device("meta"):
            net, side = build().eval(), 512 if catalog[name].kind == "face" else 64
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            net(torch.zeros(1, 3, side, side, device="meta"))
        unit = 1e9 if catalog[name].kind == "face" else 1e9 * side**2 / 1e6
        assert counter.get_total_flops() / 2 / unit == pytest.approx(catalog[name].work, rel=0.02), name
    named = {entry.id for entry in catalog.values() if entry.kind in ("upscaler", "face")}
    assert all(catalog[name].work for name in named - {"yunet"}), "yunet's work is not worth saying"
