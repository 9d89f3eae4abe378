"""`studio paint`, in a studio of its own and through one that runs."""

import json

import pytest
from halls import page_of

from studio import cli, metadata
from studio.cli import paint
from studio.cli.command import settings
from studio.cli.paint import Here, partial_recipe
from studio.cli.running import announced
from studio.errors import BadInput, StudioError, UnknownName
from studio.settings import PROJECT, Settings
from studio.studio import Studio

SMALL = ("--set", "steps=2", "--set", "width=64", "--set", "height=64")


def asked(*words):
    return cli.parser().parse_args(["paint", *words])


def fields(*words):
    args = asked(*words)
    return partial_recipe(args, settings(args))


def test_only_what_is_said_is_set():
    assert fields("a lake") == {"prompt": "a lake"}
    assert fields("a lake", "--negative", "fog", "--seed", "18446744073709551615", "--model", "starter") == {
        "prompt": "a lake",
        "negative": "fog",
        "seed": 2**64 - 1,
        "model": "starter",
    }
    assert fields("a lake", "--set", "steps=30", "--set", "prompt=a hill") == {
        "prompt": "a hill",
        "steps": 30,
    }


def test_a_preset_goes_round_her_words():
    partial = fields("a lake", "--preset", "ink-mist", "--set", "steps=3")
    assert "a lake" in partial["prompt"]
    assert partial["prompt"] != "a lake"
    assert partial["steps"] == 3
    with pytest.raises(UnknownName, match="ink-mist"):
        fields("a lake", "--preset", "ink-fog")


def test_pictures_are_painted_kept_and_copied_out(studio, tmp_path, capsys):
    args = asked("a lake", *SMALL, "-n", "2", "--seed", "7", "--out", str(tmp_path / "out"), "--json")
    place = Here(studio)
    assert paint.paint(args, place, partial_recipe(args, studio.settings)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kept = {row.id: row.seed for row in studio.gallery.pictures(place.owner)}
    assert {line["picture"] for line in lines} == set(kept)
    assert sorted(kept.values()) == [7, 8]
    for line in lines:
        data = (tmp_path / "out" / line["file"].replace("\\", "/").rsplit("/", 1)[-1]).read_bytes()
        assert metadata.read_file(data).recipe.seed == kept[line["picture"]]


def test_a_picture_that_fails_is_told_and_the_others_are_kept(studio, capsys):
    args = asked("oom=2", *SMALL)
    with pytest.raises(StudioError, match="no room"):
        paint.paint(args, Here(studio), partial_recipe(args, studio.settings))
    with pytest.raises(BadInput, match="width"):
        paint.paint(args, Here(studio), {"width": 100})


class Interrupted(Here):
    """The artist presses Ctrl+C at the first step; or somebody else presses Stop."""

    def __init__(self, studio, by_hand):
        super().__init__(studio)
        self.by_hand = by_hand

    def events(self, group):
        for event in super().events(group):
            yield event
            if event["kind"] == "step":
                if self.by_hand:
                    raise KeyboardInterrupt
                self.cancel(group)


def test_ctrl_c_takes_the_pictures_out_of_the_line(studio):
    args = asked("ms=50", *SMALL, "-n", "3")
    with pytest.raises(KeyboardInterrupt):
        paint.paint(args, Interrupted(studio, by_hand=True), partial_recipe(args, studio.settings))
    status = studio.desk.status(studio.painters.owner())
    assert (status["running"], status["waiting"]) == (0, 0)


def test_stopped_by_somebody_else_is_no_success(studio):
    args = asked("ms=50", *SMALL, "-n", "2")
    with pytest.raises(StudioError, match="0 of 2"):
        paint.paint(args, Interrupted(studio, by_hand=False), partial_recipe(args, studio.settings))


def test_a_studio_that_runs_on_the_folder_paints(studio: Studio, tmp_path, capsys):
    folder = ("--data", str(studio.settings.data), "--models", str(studio.settings.models))
    with page_of(studio) as server, announced(studio.settings.data, server.url):
        words = ["paint", "a lake", *SMALL, "--seed", "5", "--json", "--out", str(tmp_path), *folder]
        assert cli.main(words) == 0
        line = json.loads(capsys.readouterr().out)
        assert studio.gallery.get(studio.painters.owner(), line["picture"]).seed == 5
        assert cli.main(["paint", "a lake", "--set", "sampler=Eulr", *folder]) == 2
        assert "Euler" in capsys.readouterr().err
        assert cli.main(["gallery", "list", "--json", *folder]) == 0
        assert json.loads(capsys.readouterr().out)["id"] == line["picture"]
    assert cli.main(["paint", "a lake", *folder]) == 2
    assert "does not answer" in capsys.readouterr().err


def test_words_the_starter_does_not_know_are_told_before_it_paints(tmp_path, capsys):
    models = PROJECT / "models"
    chosen = Settings(data=tmp_path, models=models)
    paint.warn({"prompt": "a cat by a lake", "model": "starter"}, chosen)
    assert "It does not know cat; it will paint the rest: lake." in capsys.readouterr().err
    paint.warn({"prompt": "a lake"}, chosen)
    paint.warn({"prompt": "a cat", "model": "nobody"}, chosen)
    assert capsys.readouterr().err == ""
