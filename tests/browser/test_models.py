"""The Models tab in a real Chromium: what is here, what one press fetches, other programs' folders."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import tiny
from faulty import Faults, serving
from halls import models_folder, page_of, studio_at
from playwright.sync_api import Browser, Locator, Page, expect

from studio.models.catalog import Entry, read_catalog
from studio.models.downloads import Downloads
from studio.models.fetch import Policy
from studio.studio import Studio

HERE = Policy(hosts=("127.0.0.1",), schemes=("http",), ports=(), private_ok=True)
FILE = random.Random(9).randbytes(8_000_000)
OTHER = FILE[:-1] + bytes([FILE[-1] ^ 1])  # as long, one bit apart
LICENCE = "CC BY-NC 4.0"
TERMS = "Not for anything that is sold."


@pytest.fixture(scope="module")
def faults() -> Faults:
    """What the server of files does; a test may change it."""
    return Faults(body=FILE)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, faults: Faults) -> Iterator[Studio]:
    """A studio whose catalog is the shipped one and three files of a server on this machine."""
    root = tmp_path_factory.mktemp("models")
    with (
        serving(faults) as url,
        serving(Faults(body=OTHER)) as wrong,
        studio_at(root / "data", models_folder(root / "models")) as studio,
    ):
        entries = [entry("whole", url), entry("halved", url), entry("wrong", wrong)]
        studio.downloads.close()
        mine = {one.id: one for one in entries}
        studio.downloads = Downloads(studio.library, {**read_catalog(), **mine}, HERE)
        yield studio


def entry(name: str, url: str) -> Entry:
    said = {"id": name, "title": name.title(), "kind": "upscaler", "file": f"{name}.pth", "url": url}
    proof = {"sha256": hashlib.sha256(FILE).hexdigest(), "bytes": len(FILE)}
    return Entry.model_validate({**said, **proof, "licence": LICENCE, "terms": TERMS})


@pytest.fixture(scope="module")
def opened(chromium: Browser, studio: Studio) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    with page_of(studio) as server:
        page.goto(server.url)
        page.wait_for_function("window.inkstone && inkstone.ready === true")
        yield page
        context.close()
    assert said == []


@pytest.fixture
def page(opened: Page) -> Page:
    """The Models tab, come to anew."""
    opened.click("[role=tab][data-tab=settings]")
    opened.click("[role=tab][data-tab=models]")
    expect(offer(opened, "whole")).to_be_visible()
    return opened


def offer(page: Page, name: str) -> Locator:
    return page.locator(f".offers [data-id='{name}']")


def fetched(page: Page, name: str) -> Locator:
    """Presses Fetch and agrees to the licence; the card."""
    offer(page, name).locator(".strong").click()
    page.click("dialog.licence .agree")
    return offer(page, name)


def here(page: Page, title: str) -> Locator:
    return page.locator(".models .mine .model", has=page.locator("b", has_text=re.compile(f"^{title}$")))


def test_what_she_has_is_listed_and_what_she_puts_there_appears(page: Page, studio: Studio):
    starter = here(page, re.escape("Starter · landscapes (山水)"))
    expect(starter.locator(".facts")).to_have_text(re.compile(r"^starter · \d+ MB"))
    expect(here(page, "rain")).to_have_count(0)
    (studio.library.folder / "loras").mkdir()
    tiny.kohya_lora(studio.library.folder / "loras" / "rain.safetensors")
    page.click("[role=tab][data-tab=settings]")
    page.click("[role=tab][data-tab=models]")
    expect(here(page, "rain").locator(".facts")).to_have_text(re.compile("^sd15 · 1 MB"))
    starter.get_by_role("button", name="Paint with it").click()
    expect(page.locator("body")).to_have_attribute("data-tab", "txt2img")
    expect(page.locator("#field-model input")).to_have_value("Starter · landscapes (山水)")


def test_every_offer_says_its_size_and_licence_before_anything_is_pressed(page: Page):
    shown: dict[str, str] = dict(
        page.eval_on_selector_all(
            ".offers .model",
            "all => all.map(one => [one.dataset.id, one.querySelector('.facts').textContent])",
        )
    )
    catalog = read_catalog()
    assert set(shown) == {*catalog, "whole", "halved", "wrong"}
    for name, one in catalog.items():
        assert one.licence in shown[name], name
        assert bool(re.search(r"\d [MG]B", shown[name])) == bool(one.bytes), name
    assert shown["whole"] == f"8 MB · {LICENCE}"
    expect(offer(page, "whole").locator(".terms")).to_have_text(TERMS)


def test_the_licence_is_read_before_the_first_byte_comes(page: Page, faults: Faults):
    offer(page, "whole").get_by_role("button", name="Fetch").click()
    sheet = page.locator("dialog.licence")
    expect(sheet.locator(".what")).to_have_text(f"8 MB · {LICENCE}")
    expect(sheet.locator(".terms")).to_contain_text(TERMS)
    sheet.get_by_role("button", name="Not now").click()
    expect(sheet).to_be_hidden()
    assert faults.asked == [], "nothing is asked of anybody"
    card = fetched(page, "whole")
    expect(card.locator(".here")).to_have_text("Here already")
    expect(card.locator("button")).to_have_count(0)
    expect(here(page, "whole").locator(".facts")).to_contain_text("8 MB")
    assert len(faults.asked) == 1


def test_a_fetch_shows_how_far_it_is_is_stopped_and_goes_on_where_it_was(
    page: Page, faults: Faults, studio: Studio
):
    go, file = Event(), studio.library.folder / "upscalers" / "halved.pth"

    def half(to: Any) -> None:  # in pieces, for one that comes at once is reported once
        for at in range(0, len(FILE) // 2, 500_000):
            to.write(FILE[at : at + 500_000])
            go.wait(0.1)
        go.wait(60)

    faults.slow = half
    card = fetched(page, "halved")
    expect(card.locator(".progress")).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))
    expect(card.locator(".foot .facts")).to_have_text(re.compile(r"^\d MB / 8 MB"))
    page.reload()  # it goes on without the page
    page.wait_for_function("window.inkstone && inkstone.ready === true")
    expect(card.locator(".progress")).to_be_visible()
    card.get_by_role("button", name="Stop").click()
    again = card.get_by_role("button", name="Go on fetching")
    expect(again).to_be_visible()
    expect(here(page, "halved")).to_have_count(0)
    assert not file.exists()
    go.set()
    faults.slow = None
    asked = len(faults.asked)
    fetched(page, "halved")
    expect(card.locator(".foot .here")).to_have_text("Here already")
    begun = int(faults.asked[asked]["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < begun <= len(FILE) // 2, "what had come is not fetched again"
    assert file.read_bytes() == FILE


def test_another_file_than_the_one_promised_is_never_shown_as_here(page: Page, studio: Studio):
    place = studio.library.folder / "upscalers" / "wrong.pth"
    card = fetched(page, "wrong")
    expect(card.locator(".failed")).to_contain_text("what came is not the file of the catalog")
    expect(card.get_by_role("button", name="Fetch")).to_be_visible()
    expect(card.locator(".here")).to_have_count(0)
    expect(here(page, "wrong")).to_have_count(0)
    assert not place.exists()
    place.write_bytes(b"something of her own")
    page.reload()
    page.wait_for_function("window.inkstone && inkstone.ready === true")
    expect(here(page, "wrong")).to_have_count(1)
    expect(card.locator(".here")).to_have_count(0)
    fetched(page, "wrong")
    expect(card.locator(".failed")).to_contain_text("it is not the one of the catalog")
    assert place.read_bytes() == b"something of her own", "what is hers is not replaced"


def test_models_that_she_has_elsewhere_are_found_in_the_folder_she_types(
    page: Page, studio: Studio, tmp_path: Path
):
    folder = tmp_path / "ComfyUI"
    tiny.kohya_lora(folder / "models" / "loras" / "brook.safetensors")
    page.get_by_label("The folder's whole path").fill("ComfyUI")
    page.keyboard.press("Enter")
    expect(page.locator(".toast.fault")).to_contain_text("Give the whole path of the folder")
    page.get_by_label("The folder's whole path").fill(f"  {folder} ")
    page.get_by_role("button", name="Use this folder").click()
    expect(page.locator(".toast.note")).to_contain_text(re.compile(rf"^{re.escape(str(folder))}: 1 models"))
    expect(here(page, "brook").locator(".facts")).to_contain_text("sd15")
    expect(page.get_by_label("The folder's whole path")).to_have_value("")
    row = page.locator(".models .folders li", has_text=str(folder))
    row.get_by_role("button", name="Forget").click()
    expect(row).to_have_count(0)
    expect(here(page, "brook")).to_have_count(0)
    assert (folder / "models" / "loras" / "brook.safetensors").is_file(), "nothing of hers is touched"
