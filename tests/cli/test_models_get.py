import io
import json
from pathlib import Path

import pytest
import tiny
from faulty import FILE, SHA256, Faults, serving

from studio import cli
from studio.models import catalog, fetch

HERE = fetch.Policy(hosts=("127.0.0.1",), schemes=("http",), ports=(), private_ok=True, patience=5.0)


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A catalog of two files on a server of this machine."""
    faults = Faults()
    with serving(faults) as url:
        entry = f"kind = 'upscaler'\nurl = '{url}'\nsha256 = '{SHA256}'\nlicence = 'Own licence'\n"
        entry += "terms = 'Not for commercial use.'\ngroups = ['both']\n"
        rows = [f"[[model]]\nid = '{n}'\ntitle = 'Net {n}'\nfile = '{n}.pth'\n{entry}" for n in ("a", "b")]
        path = tmp_path / "catalog.toml"
        path.write_text("\n".join(rows))
        monkeypatch.setattr(fetch, "STRICT", HERE)
        monkeypatch.setattr(catalog.read_catalog, "__defaults__", (path, HERE))
        yield faults


def models(tmp_path: Path, *words: str) -> int:
    return cli.main(["models", *words, "--models", str(tmp_path / "models")])


def test_a_file_is_fetched_once_its_licence_is_agreed_to(faults: Faults, tmp_path: Path, capsys):
    assert models(tmp_path, "get", "a") == 2
    said = capsys.readouterr()
    assert "Own licence" in said.out
    assert "Not for commercial use." in said.out
    assert "--accept-licence" in said.err
    assert not faults.asked
    assert models(tmp_path, "get", "a", "--accept-licence") == 0
    place = tmp_path / "models" / "upscalers" / "a.pth"
    assert place.read_bytes() == FILE
    assert str(place) in capsys.readouterr().out
    assert models(tmp_path, "get", "a") == 0
    assert "here already" in capsys.readouterr().out
    assert len(faults.asked) == 1


def test_at_the_keyboard_only_a_yes_is_a_yes(faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    for typed, status, asked in (("\n", 1, 0), ("n\n", 1, 0), ("y\n", 0, 1)):
        monkeypatch.setattr("sys.stdin", Keyboard(typed))
        assert models(tmp_path, "get", "a") == status
        assert len(faults.asked) == asked


def test_a_group_is_fetched_whole_and_the_catalog_says_what_is_here(faults: Faults, tmp_path: Path, capsys):
    assert models(tmp_path, "get", "b", "both", "--accept-licence") == 0
    (tmp_path / "models" / "upscalers" / "b.pth").unlink()
    capsys.readouterr()
    assert models(tmp_path, "catalog") == 0
    rows = {line[2:].split()[0]: line[0] for line in capsys.readouterr().out.splitlines() if "Own" in line}
    assert rows == {"a": "✓", "b": " "}
    assert models(tmp_path, "catalog", "--json") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["id"], row["installed"]) for row in told] == [("a", True), ("b", False)]


def test_a_failure_is_one_sentence_with_what_to_do_by_hand(faults: Faults, tmp_path: Path, capsys):
    faults.body = FILE[::-1]
    assert models(tmp_path, "get", "a", "--accept-licence") == 2
    told = capsys.readouterr().err
    assert "SHA-256 differs" in told
    assert "save it as a.pth in the folder" in told
    assert not list((tmp_path / "models" / "upscalers").iterdir())
    assert models(tmp_path, "get", "c") == 2
    assert "There are: a, b, both." in capsys.readouterr().err
    assert models(tmp_path, "get") == 2
    assert "studio models catalog" in capsys.readouterr().err


def test_the_shipped_catalog_is_shown_with_its_licences(tmp_path: Path, capsys):
    assert models(tmp_path, "catalog") == 0
    told = capsys.readouterr().out
    assert "gfpgan-1.4" in told
    assert "non-commercial" in told


def test_the_models_of_another_program_are_used_where_they_lie(tmp_path: Path, capsys):
    tiny.kohya_lora(tmp_path / "ComfyUI" / "models" / "loras" / "ink.safetensors")
    assert models(tmp_path, "use", str(tmp_path / "ComfyUI")) == 0
    assert "1 model in" in capsys.readouterr().out
    assert models(tmp_path, "list") == 0
    assert "ink" in capsys.readouterr().out
    assert models(tmp_path, "use", str(tmp_path / "ComfyUI"), "--forget") == 0
    capsys.readouterr()
    assert models(tmp_path, "list") == 0
    assert "ink" not in capsys.readouterr().out
    assert models(tmp_path, "use", str(tmp_path / "nowhere")) == 2
    assert "There is no folder" in capsys.readouterr().err
