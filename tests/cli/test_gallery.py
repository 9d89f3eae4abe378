import json

from fakes import block_code

from studio import cli, metadata
from studio.gallery import Gallery
from studio.identity import Painters
from studio.recipe import Recipe

JOBS = ("a" * 32, "b" * 32)


def kept(data):
    owner = Painters(data / "gallery").owner()
    gallery = Gallery(data / "gallery")
    for n, job in enumerate(JOBS):
        recipe = Recipe(prompt=("a lake\nin snow", "a red sun")[n], seed=n)
        gallery.keep(owner, job, metadata.write_png(block_code(n), recipe, {}))
    gallery.close()


def test_the_gallery_is_listed_and_searched(tmp_path, capsys):
    kept(tmp_path)
    assert cli.main(["gallery", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{JOBS[1]}  a red sun", f"{JOBS[0]}  a lake"]
    assert cli.main(["gallery", "list", "--search", "SNOW", "--json", "--data", str(tmp_path)]) == 0
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["id"], row["prompt"], row["model"]) == (JOBS[0], "a lake\nin snow", "starter")
    assert row["file"].endswith(f"-{JOBS[0]}.png")


def test_a_lost_index_is_made_again(tmp_path, capsys):
    kept(tmp_path)
    (tmp_path / "index.db").unlink()
    assert cli.main(["gallery", "reindex", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "2 pictures are in the index.\n"


def test_an_index_in_use_is_left_alone(studio, capsys):
    assert cli.main(["gallery", "reindex", "--data", str(studio.settings.data)]) == 2
    assert "Another studio" in capsys.readouterr().err


def test_a_prompt_cannot_command_the_terminal():
    from studio.cli.gallery import printable

    assert printable("a lake\x1b[31m 山水\x07") == "a lake [31m 山水 "
