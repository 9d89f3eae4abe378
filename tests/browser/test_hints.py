"""A pose as a guide in a real Chromium: in its colours from the network to the ControlNet.

The weights are OpenPose's own network at random, saved as it is published; it sees limbs in anything.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from easel import drag, exported, fresh, layer, seen, tool
from PIL import Image
from playwright.sync_api import Page, expect

from studio import images, metadata
from studio.control.annotators import BODY
from studio.settings import PROJECT, Settings
from studio.studio import Studio

WAIT = 120_000  # the network is looked through by the worker, which has to load first
PICTURED = "inkstone.canvas.drawing().layers.filter(one => one.picture)"
SHOWN = """() => {
  const found = document.querySelector(".tracing .made img"), sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [found.naturalWidth, found.naturalHeight];
  sheet.getContext("2d").drawImage(found, 0, 0);
  return sheet.toDataURL("image/png").split(",")[1];
}"""
DONE = """old => [...document.querySelectorAll('.tile[data-kind=done]')]
  .some(tile => !old.includes(tile.dataset.job))"""

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("hints")
    (root / "models" / "annotators").mkdir(parents=True)
    (root / "models" / "starter").symlink_to(PROJECT / "models" / "starter")
    drawn = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in BODY.network().state_dict().items()}
    state = {
        BODY.named(name): torch.randn(shape, generator=drawn)
        * ((2 / shape[1:].numel()) ** 0.5 if len(shape) > 1 else 0.1)
        for name, shape in shapes.items()
    }
    torch.save(state, root / "models" / "annotators" / f"{BODY.file}.pth")
    with Studio(Settings(data=root / "data", models=root / "models", port=0, browser=False)) as studio:
        yield studio


@pytest.fixture(scope="module")
def opened(desk_page: Page) -> Page:
    desk_page.evaluate("inkstone.live.stop(); inkstone.tab('sketch')")
    desk_page.fill("#count input[type=number]", "1")
    desk_page.locator("#count input[type=number]").blur()
    desk_page.fill("#field-prompt textarea", "a lake")
    return desk_page


@pytest.fixture(scope="module")
def pose(opened: Page, tmp_path_factory: pytest.TempPathFactory) -> Pixels:
    """What the network sees in a picture that was laid onto an empty sheet of 256²."""
    photograph = tmp_path_factory.mktemp("photograph") / "dancer.png"
    spots = np.random.default_rng(3).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(spots).resize((256, 256)).save(photograph)
    opened.wait_for_selector(".c-sheet")
    fresh(opened)
    opened.click("button.trace")
    opened.set_input_files(".tracing input[type=file]", photograph)
    opened.click(".tracing [data-kind=openpose]")
    expect(opened.locator(".tracing [data-kind=openpose]")).to_have_attribute("aria-checked", "true")
    expect(opened.locator(".tracing .onto")).to_be_enabled()
    opened.wait_for_function("document.querySelector('.tracing .made img').naturalWidth === 256")
    png = base64.b64decode(opened.evaluate(SHOWN))
    found = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    opened.locator(".tracing .onto:not([disabled])").click()
    opened.wait_for_function(f"{PICTURED}.length === 1")
    return found


def guide(page: Page) -> Pixels:
    """What would be sent to the ControlNet."""
    image = exported(page, "lines")
    assert image
    return np.asarray(image)


def coloured(pixels: Pixels) -> int:
    """How many pixels are no grey."""
    return int((pixels.max(axis=2).astype(int) - pixels.min(axis=2) > 60).sum())


def test_a_pose_is_a_layer_in_its_own_colours_pixel_for_pixel(opened: Page, pose: Pixels):
    assert pose.shape == (256, 256, 3)
    assert coloured(pose) > 1000
    assert opened.evaluate(f"{PICTURED}.map(one => [one.kind, one.opacity])") == [["hint", 1]]
    assert (guide(opened) == pose).all()
    rows, columns = np.nonzero(pose.max(axis=2).astype(int) - pose.min(axis=2) > 120)
    middle = len(rows) // 2
    point = (int(columns[middle]), int(rows[middle]))
    near = pose[point[1] - 1 : point[1] + 2, point[0] - 1 : point[0] + 2].reshape(-1, 3).astype(int)
    [shown] = seen(opened, point)
    assert (abs(near - shown).max(axis=1) < 48).any(), "and so it is seen"


def test_it_is_edited_and_sent_as_it_then_is_with_lines_over_it(opened: Page, pose: Pixels, studio: Studio):
    tool(opened, "eraser")
    opened.evaluate("inkstone.canvas.settings.size = 40")
    drag(opened, (40, 60), (216, 60))
    tool(opened, "brush")
    opened.evaluate("Object.assign(inkstone.canvas.settings, { size: 24, color: '#00ff55' })")
    drag(opened, (40, 128), (216, 128))
    layer(opened, "lines")
    drag(opened, (40, 200), (216, 200))
    made = guide(opened)
    assert made[60, 128].tolist() == [0, 0, 0]
    assert made[128, 128].tolist() == [0x00, 0xFF, 0x55]
    assert made[200, 128].tolist() == [255, 255, 255]
    untouched = [*range(20), *range(90, 105), *range(155, 175), *range(230, 256)]
    assert (made[untouched] == pose[untouched]).all()
    opened.click("#paint")
    opened.wait_for_function(DONE, arg=[])
    owner = studio.painters.owner()
    recipe = metadata.read_file(studio.gallery.read(owner, studio.gallery.pictures(owner)[0].id)).recipe
    assert recipe
    [control] = recipe.controls
    assert control.hint == "none", "it already is what the ControlNet wants"
    sent = np.asarray(images.read(studio.inputs.read(owner, control.image)).convert("RGB"))
    assert (sent == made).all()


def test_it_comes_back_with_its_picture_in_colour_with_or_without_its_strokes(opened: Page, studio: Studio):
    made = guide(opened)
    owner = studio.painters.owner()
    [picture, *_] = studio.gallery.pictures(owner)
    fresh(opened)
    opened.locator(".strip .thumb").first.click()
    opened.click(".large .reuse")
    opened.wait_for_function(f"{PICTURED}.length === 1")
    opened.wait_for_function("!inkstone.canvas.isEmpty()")
    assert (guide(opened) == made).all()
    recipe = metadata.read_file(studio.gallery.read(owner, picture.id)).recipe
    assert recipe
    opened.evaluate(
        "([lines, size]) => inkstone.canvas.load({ size, lines: inkstone.url(`input/${lines}`) })",
        [recipe.controls[0].image, [256, 256]],
    )
    opened.wait_for_function(f"{PICTURED}.length === 1")
    assert opened.evaluate(f"{PICTURED}.map(one => one.kind)") == ["hint"]
    assert (guide(opened) == made).all()


def test_over_a_drawing_it_is_seen_through_and_still_guides_in_full(opened: Page, tmp_path: Path):
    fresh(opened)
    layer(opened, "lines")
    drag(opened, (40, 200), (216, 200))
    Image.new("RGB", (256, 256), (255, 0, 85)).save(tmp_path / "guide.png")
    opened.click("button.trace")
    opened.set_input_files(".tracing input[type=file]", tmp_path / "guide.png")
    opened.click(".tracing [data-kind=none]")
    expect(opened.locator(".tracing [data-kind=none]")).to_have_attribute("aria-checked", "true")
    opened.locator(".tracing .onto:not([disabled])").click()
    opened.wait_for_function(f"{PICTURED}.length === 1")
    [paper, line] = seen(opened, (128, 60), (128, 200))
    assert paper != (255, 0, 85)
    assert sum(line) < sum(paper) / 2, "her line is still seen"
    made = guide(opened)
    assert made[60, 128].tolist() == [255, 0, 85]
    assert made[200, 128].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["lines", "hint"])
def test_soft_edges_and_depths_are_sent_with_the_very_greys_that_were_found(opened: Page, kind: str):
    fresh(opened)
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    out = io.BytesIO()
    Image.fromarray(ramp).convert("RGB").save(out, "PNG")
    opened.evaluate(
        """([data, kind]) => {
          const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
          return inkstone.canvas.take(new Blob([bytes], { type: "image/png" }), kind);
        }""",
        [base64.b64encode(out.getvalue()).decode(), kind],
    )
    assert (guide(opened) == ramp[..., None]).all()
