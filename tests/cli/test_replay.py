"""`studio replay`: same or different, and why, with real networks of a few channels."""

import pytest
from PIL import Image

from studio import cli, metadata
from studio.images import encode_png
from studio.models.library import Library
from studio.painting.painter import Painter
from studio.recipe import Recipe
from studio.settings import Settings

RECIPE = Recipe(prompt="a boat at a lake", steps=2, width=64, height=64, seed=3, guidance=2.0)


@pytest.fixture(scope="module")
def picture(models, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    return Painter(Settings(data=data, models=models), Library(models)).one(RECIPE, {})


def replay(file, models, tmp_path, *more):
    return cli.main(["replay", str(file), "--models", str(models), "--data", str(tmp_path), *more])


def test_a_picture_is_painted_again_pixel_for_pixel(picture, models, tmp_path, capsys):
    file = tmp_path / "one.png"
    file.write_bytes(picture.png)
    assert replay(file, models, tmp_path, "--out", str(tmp_path / "again.png")) == 0
    assert "Same" in capsys.readouterr().out
    assert metadata.read_file((tmp_path / "again.png").read_bytes()).recipe == RECIPE


def test_another_picture_is_told_with_how_much_and_why(picture, models, tmp_path, capsys):
    facts = {**picture.facts, "versions": {**picture.facts["versions"], "diffusers": "0.1"}}
    file = tmp_path / "one.png"
    file.write_bytes(metadata.write_png(Image.new("RGB", (64, 64)), RECIPE, facts))
    assert replay(file, models, tmp_path) == 1
    said = capsys.readouterr().out
    assert "Different" in said
    assert "diffusers: 0.1 then" in said
    file.write_bytes(metadata.write_png(Image.new("RGB", (32, 64)), RECIPE, picture.facts))
    assert replay(file, models, tmp_path) == 1
    said = capsys.readouterr().out
    assert "the size was 32×64" in said
    assert "Nothing that the file records" in said


def test_what_cannot_be_painted_again_is_said(picture, models, tmp_path, capsys):
    file = tmp_path / "one.png"
    for data, word in (
        (encode_png(Image.new("RGB", (8, 8))), "does not carry a recipe"),
        (b"nothing", "not a PNG"),
        (metadata.write_png(Image.new("RGB", (8, 8)), RECIPE.but(model="gone"), {}), "no checkpoint"),
        (picture.png[: len(picture.png) - 400], "cut short"),
    ):
        file.write_bytes(data)
        assert replay(file, models, tmp_path) == 2
        assert word in capsys.readouterr().err
    assert replay(tmp_path / "none.png", models, tmp_path) == 2
    assert "cannot be read" in capsys.readouterr().err
