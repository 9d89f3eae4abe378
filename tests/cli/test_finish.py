"""`studio finish`: files and folders through the chain, and on again where it was ended."""

import pytest
from PIL import Image

from studio import cli, metadata


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "in"
    pictures.mkdir()
    for name, kind, level in (("one.png", "PNG", 60), ("two.jpg", "JPEG", 90), ("two.webp", "WEBP", 120)):
        Image.new("RGB", (48, 32), (level, level, 200)).save(pictures / name, kind)
    (pictures / "notes.txt").write_text("no picture")
    return pictures


def finish(models, tmp_path, *words):
    places = ["--models", str(models), "--data", str(tmp_path / "data")]
    return cli.main(["finish", *map(str, words), *places])


def test_a_folder_is_finished_into_another_and_goes_on_where_it_was_ended(models, tmp_path, folder, capsys):
    out = tmp_path / "out"
    chain = ("--set", "post.0.kind=tone", "--set", "post.0.saturation=-1")
    assert finish(models, tmp_path, folder, out, *chain) == 0
    assert sorted(file.name for file in out.iterdir()) == ["one.png", "two.jpg.png", "two.webp.png"]
    found = metadata.read_file((out / "one.png").read_bytes())
    assert found.recipe is not None
    assert [step.kind for step in found.recipe.post] == ["tone"]
    assert found.recipe.source is not None
    assert found.blobs[found.recipe.source.image] == (folder / "one.png").read_bytes()
    with Image.open(out / "one.png") as made:
        red, _, blue = made.convert("RGB").getpixel((5, 5))
        assert (made.size, red) == ((48, 32), blue)
    (out / "one.png").unlink()
    kept = (out / "two.jpg.png").stat().st_mtime_ns
    capsys.readouterr()
    assert finish(models, tmp_path, folder, out, *chain) == 0
    assert capsys.readouterr().out.split() == [str(out / "one.png")]
    assert (out / "two.jpg.png").stat().st_mtime_ns == kept
    assert finish(models, tmp_path, folder, out, *chain) == 0
    assert "already" in capsys.readouterr().out


def test_one_picture_is_finished_by_a_preset_which_says_what_it_could_not_do(
    models, tmp_path, folder, capsys
):
    assert finish(models, tmp_path, folder / "one.png", tmp_path / "out", "--preset", "portrait") == 0
    assert "studio models get" in capsys.readouterr().out


def test_what_cannot_be_finished_is_said_and_the_others_are_done(models, tmp_path, folder, capsys):
    (folder / "broken.png").write_bytes(b"no picture")
    chain = ("--set", "post.0.kind=clahe")
    assert finish(models, tmp_path, folder, tmp_path / "out", *chain) == 2
    assert "broken.png" in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 3
    for words, said in (
        ((folder, tmp_path / "new"), "--preset"),
        ((folder, folder, *chain), "another folder"),
        ((tmp_path / "nowhere", tmp_path / "new", *chain), "no picture"),
    ):
        assert finish(models, tmp_path, *words) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
