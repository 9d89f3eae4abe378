import json

import pytest

from studio import cli
from studio.bench import stages
from studio.bench.report import Report


def test_a_bench_is_a_table_or_one_json(monkeypatch, capsys):
    def run(settings, rounds=7):
        return Report("stages", ("what", "ms"), (("repeat", 0.5),), {"rounds": rounds})

    monkeypatch.setattr(stages, "run", run)
    assert cli.main(["bench", "stages"]) == 0
    assert "repeat" in capsys.readouterr().out
    assert cli.main(["bench", "stages", "--rounds", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rounds"] == 3


def test_an_unknown_bench_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        cli.main(["bench", "speed"])
    assert "overhead" in capsys.readouterr().err
