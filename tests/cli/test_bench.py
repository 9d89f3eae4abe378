import json

import pytest

from studio import cli
from studio.bench import stages, tiles
from studio.bench.report import Report


def test_a_bench_is_a_table_or_one_json(monkeypatch, capsys):
    def run(settings, rounds=7):
        return Report("stages", ("what", "ms"), (("repeat", 0.5),), {"rounds": rounds})

    monkeypatch.setattr(stages, "run", run)
    assert cli.main(["bench", "stages"]) == 0
    assert "repeat" in capsys.readouterr().out
    assert cli.main(["bench", "stages", "--rounds", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rounds"] == 3


def test_a_long_one_measures_the_sizes_asked_for_and_says_each_line_beside_the_json(monkeypatch, capsys):
    def run(settings, sizes=(), tell=print):
        tell("the first")
        return Report("tiles", ("megapixels",), tuple((size,) for size in sizes))

    monkeypatch.setattr(tiles, "run", run)
    assert cli.main(["bench", "tiles", "--sizes", "1,4", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["rows"] == [[1], [4]]
    assert said.err == "the first\n"


@pytest.mark.parametrize("sizes", ["", "1,", "0", "-4", "65", "nan", "large"])
def test_sizes_that_no_picture_has_are_refused(capsys, sizes):
    with pytest.raises(SystemExit):
        cli.main(["bench", "tiles", f"--sizes={sizes}"])
    assert "--sizes" in capsys.readouterr().err


def test_an_unknown_bench_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        cli.main(["bench", "speed"])
    assert "overhead" in capsys.readouterr().err
