import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty import FILE, SHA256, Faults, serving

from studio.errors import BadInput, UnknownName
from studio.models.catalog import Entry
from studio.models.downloads import ACTIVE, Download, Downloads
from studio.models.fetch import Policy
from studio.models.library import Library

HERE = Policy(hosts=("127.0.0.1",), schemes=("http",), ports=(), private_ok=True, patience=5.0)


@pytest.fixture(autouse=True)
def no_network():
    """Overrides the folder's: these tests are about the network, of this machine only."""


def entries(url: str) -> dict[str, Entry]:
    said = {"kind": "upscaler", "url": url, "sha256": SHA256, "licence": "MIT", "groups": ["both"]}
    return {n: Entry.model_validate(said | {"id": n, "title": n, "file": f"{n}.pth"}) for n in ("a", "b")}


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def downloads(tmp_path: Path, faults: Faults) -> Iterator[Downloads]:
    with serving(faults) as url:
        downloads = Downloads(Library(tmp_path), entries(url), HERE)
        yield downloads
        downloads.close()


def ended(downloads: Downloads) -> dict[str, Download]:
    while any(one.state in ACTIVE for one in downloads.all()):
        time.sleep(0.01)
    return {one.id: one for one in downloads.all()}


def test_a_group_comes_one_after_another_once_its_licence_is_agreed_to(downloads: Downloads, tmp_path: Path):
    with pytest.raises(BadInput, match="licence MIT"):
        downloads.start("both", ["BSD"])
    with pytest.raises(UnknownName):
        downloads.start("c", ["MIT"])
    assert not downloads.all()
    assert downloads.start("both", ["MIT"]) == ("a", "b")
    assert {n: (one.state, one.done) for n, one in ended(downloads).items()} == {
        "a": ("done", len(FILE)),
        "b": ("done", len(FILE)),
    }
    assert downloads.start("both", []) == ()
    assert {file.id for file in downloads.library.files("upscaler")} == {"a", "b"}


def test_a_failure_is_told_and_the_next_one_comes_all_the_same(downloads: Downloads, faults: Faults):
    faults.status = 404
    downloads.start("a", ["MIT"])
    assert ended(downloads)["a"].state == "failed"
    assert "save it as a.pth" in downloads.all()[0].sentence
    faults.status = None
    downloads.start("both", ["MIT"])
    assert {one.state for one in ended(downloads).values()} == {"done"}


def test_what_comes_and_what_waits_can_be_stopped_and_asked_for_again(downloads: Downloads, faults: Faults):
    begun, over = threading.Event(), threading.Event()

    def silent(out: object) -> None:
        begun.set()
        over.wait(30)

    faults.slow = silent
    downloads.start("both", ["MIT"])
    assert begun.wait(30)
    assert downloads.start("both", ["MIT"]) == ()
    downloads.stop("b")
    downloads.stop("a")
    assert {n: one.state for n, one in ended(downloads).items()} == {"a": "stopped", "b": "stopped"}
    over.set()
    faults.slow = None
    assert downloads.start("both", ["MIT"]) == ("a", "b")
    assert {one.state for one in ended(downloads).values()} == {"done"}
    with pytest.raises(UnknownName):
        downloads.stop("c")
