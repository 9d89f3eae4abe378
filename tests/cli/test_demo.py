"""`studio demo`: a studio of its own, the page's address, and the film."""

from pathlib import Path

from studio import cli
from studio.cli import demo, filming


def opened(monkeypatch) -> list[tuple[object, object]]:
    seen: list[tuple[object, object]] = []
    monkeypatch.setattr(demo, "opened", lambda chosen, film: seen.append((chosen, film)))
    return seen


def test_it_paints_in_a_folder_of_its_own_that_goes_afterwards(monkeypatch, capsys):
    seen = opened(monkeypatch)
    assert cli.main(["demo", "--no-browser"]) == 0
    ((chosen, film),) = seen
    assert film is None
    assert chosen.data.name.startswith("inkstone-demo-")
    assert not chosen.data.exists()
    assert "goes when it closes" in capsys.readouterr().out


def test_a_folder_that_is_named_is_kept(monkeypatch, tmp_path):
    seen = opened(monkeypatch)
    assert cli.main(["demo", "--data", str(tmp_path)]) == 0
    assert seen[0][0].data == tmp_path
    assert tmp_path.exists()


def test_the_film_is_written_where_it_was_asked_for(monkeypatch, tmp_path, models):
    addresses: list[str] = []
    monkeypatch.setattr(filming, "record", lambda url: addresses.append(url) or b"RIFFfilm")
    film = Path(tmp_path, "pictures", "film.webp")
    words = ["demo", "--film", str(film), "--data", str(tmp_path / "data"), "--models", str(models)]
    assert cli.main(words) == 0
    assert film.read_bytes() == b"RIFFfilm"
    assert "?key=" in addresses[0]
