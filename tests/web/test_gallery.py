"""The gallery's routes: choosing, marking, the trash, taking out; and only what is hers."""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Iterator
from io import BytesIO

import httpx
import pytest
from halls import models_folder, owner_client, page_of, studio_at
from PIL import Image

from studio import images, metadata
from studio.gallery import Picture
from studio.recipe import Recipe, Source
from studio.studio import Studio


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("gallery")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture(scope="module")
def owner(studio: Studio) -> Iterator[httpx.Client]:
    with page_of(studio) as server:
        yield owner_client(server)


@pytest.fixture(autouse=True)
def bare_walls(studio: Studio) -> Iterator[None]:
    yield
    her = studio.painters.owner()
    studio.gallery.trash(her, *(one.id for one in studio.gallery.pictures(her, limit=1000)))
    studio.gallery.empty(her)


def hang(studio: Studio, *prompts: str, painter: str = "", **fields: object) -> list[Picture]:
    her = painter or studio.painters.owner()
    recipes = [Recipe(prompt=p, seed=n, width=64, height=64).but(**fields) for n, p in enumerate(prompts)]
    pngs = [metadata.write_png(Image.new("RGB", (64, 64), (n, 90, 60)), r, {}) for n, r in enumerate(recipes)]
    return [studio.gallery.keep(her, secrets.token_hex(16), png) for png in pngs]


def prompts(owner: httpx.Client, **asked: str) -> list[str]:
    answer = owner.get("/studio/gallery", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["prompt"] for one in answer.json()["pictures"]]


def post(owner: httpx.Client, act: str, **said: object) -> httpx.Response:
    return owner.post(f"/studio/gallery/{act}", json=said)


def test_pictures_are_chosen_by_what_the_page_offers(studio: Studio, owner: httpx.Client):
    boat, pine, hill = hang(studio, "a boat", "a pine", "山水")
    hang(studio, "made", source=Source(image="f" * 64))
    assert prompts(owner) == ["made", "山水", "a pine", "a boat"]
    assert prompts(owner, search="BO") == ["a boat"]
    assert prompts(owner, search="山") == ["山水"]
    assert prompts(owner, kind="img2img") == ["made"]
    assert prompts(owner, before=hill.id) == ["a pine", "a boat"]
    assert prompts(owner, since=str(hill.created)) == ["made", "山水"]
    assert post(owner, "star", pictures=[boat.id, pine.id]).status_code == 200
    assert post(owner, "star", pictures=[boat.id], on=0).status_code == 200
    assert prompts(owner, star="1") == ["a pine"]
    post(owner, "album", pictures=[boat.id, hill.id], album="湖")
    assert post(owner, "rename", album="湖", name="Lake").status_code == 200
    assert prompts(owner, album="Lake") == ["山水", "a boat"]
    said = owner.get("/studio/gallery/summary", params={"offset": "28800"}).json()
    assert (said["total"], said["starred"], said["albums"]) == (4, 1, {"Lake": 2})
    assert said["kinds"] == {"txt2img": 3, "img2img": 1}
    post(owner, "dissolve", album="Lake")
    assert owner.get("/studio/gallery/summary").json()["albums"] == {}


def test_many_go_to_the_trash_come_back_and_go_for_good(studio: Studio, owner: httpx.Client):
    rows = hang(studio, "1", "2", "3")
    ids = [row.id for row in rows]
    assert post(owner, "trash", pictures=ids).status_code == 200
    assert (prompts(owner), prompts(owner, trashed="1")) == ([], ["3", "2", "1"])
    assert post(owner, "restore", pictures=ids[:1]).status_code == 200
    assert prompts(owner) == ["1"]
    assert post(owner, "empty").json() == {"deleted": 2}
    assert prompts(owner, trashed="1") == []


def test_a_picture_tells_its_recipe_and_its_family(studio: Studio, owner: httpx.Client):
    (first,) = hang(studio, "first", seed=2**64 - 1)
    taken = studio.inputs.put(her := studio.painters.owner(), studio.gallery.bare(her, first.id))
    (made,) = hang(studio, "made", source=Source(image=taken))
    said = owner.get(f"/studio/gallery/about/{first.id}").json()
    assert said["recipe"]["seed"] == str(2**64 - 1)
    assert [one["id"] for one in said["children"]] == [made.id]
    assert [one["id"] for one in owner.get(f"/studio/gallery/about/{made.id}").json()["parents"]] == [
        first.id
    ]


@pytest.mark.parametrize(("kind", "pillow"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_picture_leaves_in_each_format_with_its_recipe_or_without(
    studio: Studio, owner: httpx.Client, kind: str, pillow: str
):
    (row,) = hang(studio, "a secret boat")
    for bare in ("", "1"):
        answer = owner.get(f"/studio/gallery/file/{row.id}", params={"kind": kind, "bare": bare})
        assert answer.headers["content-disposition"].startswith("attachment; filename")
        assert Image.open(BytesIO(answer.content)).format == pillow
        found = metadata.read_file(answer.content)
        assert (found.recipe is None, b"secret" in answer.content) == (bool(bare), not bare)
        assert b"AIGC" in answer.content or kind != "png", "the marks of its origin stay"


def test_many_leave_in_one_zip_under_names_nobody_wrote(studio: Studio, owner: httpx.Client):
    rows = hang(studio, "../../etc/passwd", "b", "c")
    ids = " ".join(row.id for row in rows)
    answer = owner.post("/studio/gallery/zip", data={"pictures": ids, "kind": "png"})
    file = zipfile.ZipFile(BytesIO(answer.content))
    assert file.testzip() is None
    assert len(set(file.namelist())) == 3
    assert all(name.startswith("inkstone-") and "/" not in name for name in file.namelist())
    digests = {images.digest(studio.gallery.read(studio.painters.owner(), row.id)) for row in rows}
    assert {images.digest(file.read(name)) for name in file.namelist()} == digests
    bare = owner.post("/studio/gallery/zip", data={"pictures": ids, "kind": "webp", "bare": "1"})
    small = zipfile.ZipFile(BytesIO(bare.content))
    assert all(metadata.read_file(small.read(name)).recipe is None for name in small.namelist())


def test_what_is_anothers_is_not_there(studio: Studio, owner: httpx.Client):
    bob = "b" * 32
    (theirs,) = hang(studio, "theirs", painter=bob)
    (mine,) = hang(studio, "mine")
    both = [mine.id, theirs.id]
    answers = [
        owner.get("/studio/gallery", params={"before": theirs.id}),
        owner.get(f"/studio/gallery/about/{theirs.id}"),
        owner.get(f"/studio/gallery/file/{theirs.id}"),
        owner.post("/studio/gallery/zip", data={"pictures": " ".join(both)}),
        post(owner, "star", pictures=both),
        post(owner, "album", pictures=both, album="mine"),
        post(owner, "trash", pictures=both),
        post(owner, "restore", pictures=both),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert prompts(owner) == ["mine"], "and nothing was done to hers either"
    assert owner.get("/studio/gallery/summary").json()["albums"] == {}
    assert studio.gallery.get(bob, theirs.id).trashed is None


def test_strange_requests_get_a_sentence(owner: httpx.Client):
    answers = [
        owner.get("/studio/gallery", params={"since": "nan"}),
        owner.get("/studio/gallery", params={"until": "soon"}),
        owner.get("/studio/gallery/summary", params={"offset": "1e9"}),
        owner.post("/studio/gallery/zip", content=b"\xff\xff"),
        owner.post("/studio/gallery/zip", data={"pictures": "a", "kind": "exe"}),
        post(owner, "star", pictures=[]),
        post(owner, "star", pictures="all"),
        post(owner, "album", pictures=["a" * 32], album="\n"),
        post(owner, "rename", album="a", name=""),
    ]
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert all(answer.json()["sentence"] for answer in answers)
    assert post(owner, "star", pictures=[["a"], {"b": 1}]).status_code == 404
    assert owner.get("/studio/gallery/about/..%2F..%2Fstudio.db").status_code == 404
