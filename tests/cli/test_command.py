import argparse

import pytest

from studio.cli.command import assignments, folders, settings
from studio.errors import BadInput


@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        ([], {}),
        (["steps=30", "guidance=2.5"], {"steps": 30, "guidance": 2.5}),
        (["sampler=Euler a"], {"sampler": "Euler a"}),
        (["prompt=a=b"], {"prompt": "a=b"}),
        (["vae=null", "seed=18446744073709551615"], {"vae": None, "seed": 2**64 - 1}),
        (["post.0.kind=clahe", "post.0.clip=3"], {"post": [{"kind": "clahe", "clip": 3}]}),
        (["loras.1.model=b", "loras.0.model=a"], {"loras": [{"model": "a"}, {"model": "b"}]}),
        (["source.strength=0.5"], {"source": {"strength": 0.5}}),
        (['loras=[{"model": "a"}]'], {"loras": [{"model": "a"}]}),
        (["post.1.kind=clahe"], {"post": {"1": {"kind": "clahe"}}}),
    ],
)
def test_assignments_are_json_where_they_are_json_and_dots_go_inside(pairs, fields):
    assert assignments(pairs) == fields


@pytest.mark.parametrize("pairs", [["steps"], ["=3"], [" =3"], ["source=1", "source.strength=0.5"]])
def test_what_assigns_nothing_is_said(pairs):
    with pytest.raises(BadInput):
        assignments(pairs)


def chosen(*words):
    parser = argparse.ArgumentParser()
    folders(parser)
    parser.add_argument("--port", type=int)
    parser.add_argument("--no-browser", action="store_true")
    return settings(parser.parse_args(words))


def test_the_command_line_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("INKSTONE_DATA", str(tmp_path / "one"))
    monkeypatch.setenv("INKSTONE_DEVICE", "cpu")
    found = chosen("--data", str(tmp_path / "two"), "--extra-models", "a", "--extra-models", "b")
    assert (found.data, found.device) == (tmp_path / "two", "cpu")
    assert [folder.name for folder in found.extra_models] == ["a", "b"]
    assert found.browser
    assert not chosen("--no-browser").browser


@pytest.mark.parametrize("words", [("--port", "99999"), ("--data", "")])
def test_a_setting_that_makes_no_sense_is_a_sentence(words, monkeypatch):
    monkeypatch.setenv("INKSTONE_THREADS", "many")
    with pytest.raises(BadInput, match="threads"):
        chosen(*words)
