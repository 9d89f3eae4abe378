"""Who paints here."""

from pathlib import Path

from studio.identity import BROWSERS, Painters


def test_a_browser_is_known_again_after_a_restart_and_only_its_hash_is_kept(tmp_path: Path):
    painters = Painters(tmp_path)
    anna, ben = painters.join(), painters.join()
    cookie = painters.admit(anna)
    again = Painters(tmp_path)
    assert again.find(cookie) == anna != ben
    assert again.find(cookie + "x") is None
    assert again.find(None) is None
    assert cookie not in "".join(path.read_text() for path in tmp_path.rglob("*.json"))


def test_the_owner_is_one_painter_however_many_browsers_she_has(tmp_path: Path):
    painters = Painters(tmp_path)
    owner = painters.owner()
    cookies = [painters.admit(owner) for _ in range(3)]
    again = Painters(tmp_path)
    assert again.owner() == owner
    assert again.role(owner) == "owner"
    assert {again.find(cookie) for cookie in cookies} == {owner}


def test_beyond_sixty_four_browsers_the_oldest_is_forgotten(tmp_path: Path):
    painters = Painters(tmp_path)
    owner = painters.owner()
    cookies = [painters.admit(owner) for _ in range(BROWSERS + 1)]
    assert painters.find(cookies[0]) is None
    assert painters.find(cookies[1]) == painters.find(cookies[-1]) == owner


def test_a_spoilt_file_admits_nobody_and_stops_nothing(tmp_path: Path):
    painters = Painters(tmp_path)
    anna = painters.join()
    cookie = painters.admit(anna)
    (tmp_path / anna / "owner.json").write_text('{"role": "owner", "cook')
    again = Painters(tmp_path)
    assert again.find(cookie) is None
    assert again.role(anna) == "guest"
    assert (tmp_path / anna / "owner.bad").exists()
