import pytest
from PIL import Image, ImageSequence

from studio import cli, metadata
from studio.cli.travel import recipe_of
from studio.errors import BadMetadata
from studio.images import encode_png
from studio.recipe import Recipe

START = Recipe(prompt="a boat at a lake", steps=2, width=64, height=64, seed=3, guidance=2.0)
END = START.but(prompt="a lake", seed=4)


def test_a_travel_is_a_strip_an_animation_and_a_film(models, tmp_path, capsys):
    import cv2

    (tmp_path / "a.json").write_text(START.to_json(), "utf-8")
    (tmp_path / "b.png").write_bytes(metadata.write_png(Image.new("RGB", (64, 64)), END, {}))
    ends = [str(tmp_path / "a.json"), str(tmp_path / "b.png")]
    folders = ["--models", str(models), "--data", str(tmp_path / "data")]
    assert cli.main(["travel", *ends, "--frames", "3", "--out", str(tmp_path / "out"), *folders]) == 0
    assert Image.open(tmp_path / "out" / "travel.png").size == (3 * 64, 64)
    with Image.open(tmp_path / "out" / "travel.webp") as film:
        assert len(list(ImageSequence.Iterator(film))) == 4
    film = cv2.VideoCapture(str(tmp_path / "out" / "travel.mp4"))
    assert (int(film.get(cv2.CAP_PROP_FRAME_COUNT)), film.read()[1].shape) == (3, (64, 64, 3))
    film.release()
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_travel_has_two_alike_ends_and_two_frames_at_least(models, tmp_path, capsys):
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_text(START.to_json(), "utf-8")
    b.write_text(END.but(steps=5).to_json(), "utf-8")
    folders = ["--models", str(models), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    for more, word in (([], "Steps"), (["--frames", "1"], "2 to 240"), (["--fps", "0"], "0.5 to 60")):
        assert cli.main(["travel", str(a), str(b), *more, *folders]) == 2
        assert word in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_picture_without_recipe_is_no_end(tmp_path):
    path = tmp_path / "plain.png"
    path.write_bytes(encode_png(Image.new("RGB", (8, 8))))
    with pytest.raises(BadMetadata, match="does not carry"):
        recipe_of(path)
