"""The gallery's bench hangs pictures as the studio would, and asks a real page for them."""

from studio.bench import gallery
from studio.gallery import Gallery, Wanted


def test_what_it_hangs_are_whole_pictures(tmp_path):
    owner = gallery.hang(tmp_path, 40)
    assert gallery.reindex(tmp_path, owner) > 0
    opened = Gallery(tmp_path / "gallery")
    assert len(opened.pictures(owner)) == 40
    assert {one.model for one in opened.pictures(owner)} == {"starter", "sd15/ink"}
    assert len(opened.pictures(owner, Wanted(search="远山"))) == 6
    assert opened.albums(owner) == {"Lakes": 2}
    opened.close()


def test_every_page_down_to_the_oldest_is_asked_for(settings, monkeypatch):
    monkeypatch.setattr(gallery, "PICTURES", 450)
    report = gallery.run(settings, rounds=2)
    asked = {row[0]: row[1] for row in report.rows}
    assert asked["every page down to the oldest"] == 3
    assert asked["newest"] == 2
    assert 0 < report.figures["list_p95_ms"] < 60_000


def test_the_quantile_is_one_of_the_values():
    assert gallery.quantile([3.0, 1.0, 2.0], 0.95) == 3.0
    assert gallery.quantile(list(range(1, 101)), 0.95) == 95
