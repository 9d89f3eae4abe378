"""A saved picture remembers everything that should be remembered, and nothing that should not."""

import json
import random
import re
import socket
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from studio import containers, images, metadata
from studio.errors import BadInput, BadPicture
from studio.metadata import Found, export, read_file, recipe_from_infotext, without, write_png
from studio.post import Clahe
from studio.recipe import Control, Lora, Mask, Recipe, Source

VECTORS = json.loads((Path(__file__).parent / "vectors" / "infotext_vectors.json").read_text("utf-8"))
IMAGE = Image.linear_gradient("L").resize((16, 24)).convert("RGB")
INPUTS = {images.digest(data): data for data in (images.encode_png(IMAGE), b"\0mask " * 9, b"")}
FIRST, SECOND, _ = INPUTS
RECIPE = Recipe(
    prompt='一叶扁舟, (misty:1.2) 🎨\nsecond line: "quoted"',
    negative="naïve, text",
    seed=2**64 - 1,
    width=256,
    height=384,
    loras=(Lora(model="ink/wash", unet=0.7),),
    source=Source(image=FIRST, strength=0.5),
    mask=Mask(image=SECOND),
    controls=(Control(image=FIRST, model="starter", hint="canny"),),
    post=(Clahe(amount=0.25),),
)
FACTS: dict[str, Any] = {
    "seconds": {"denoise": 1.25},
    "model": {"id": "starter", "title": "Starter", "family": "starter", "sha256": "ab" * 32},
    "loras": [{"id": "ink/wash", "sha256": "cd" * 32}],
    "versions": {"inkstone": "0.1.0"},
    "device": "cpu",
    "dtype": "bfloat16",
    "when": "2026-11-21T10:00:00Z",
    "template": None,
    "parent": None,
    "warnings": [],
}
SAVED = write_png(IMAGE, RECIPE, FACTS, INPUTS)
KINDS = {"png": SAVED, "jpeg": export(SAVED, "jpeg"), "webp": export(SAVED, "webp")}


def test_a_saved_picture_remembers_its_recipe_its_facts_and_its_inputs():
    found = read_file(SAVED)
    assert found == Found(RECIPE, RECIPE.model_dump(mode="json"), INPUTS, FACTS, "inkstone", ())
    assert images.read(SAVED).tobytes() == IMAGE.tobytes()


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_an_exported_picture_remembers_all_but_its_inputs(kind: str):
    found = read_file(KINDS[kind])
    assert (found.recipe, found.facts, found.blobs, found.warnings) == (RECIPE, FACTS, {}, ())
    assert images.read(KINDS[kind]).size == IMAGE.size
    assert b"\0mask " not in KINDS[kind]


words = st.text(max_size=60) | st.text("{}[]()\"'\\:,\n\r\t 猫🎨é", max_size=60)


@settings(max_examples=120, deadline=None)
@given(words, words, st.integers(0, 2**64 - 1), st.floats(1, 30), st.integers(1, 12))
def test_any_recipe_comes_back_exactly(prompt: str, negative: str, seed: int, guidance: float, skip: int):
    recipe = Recipe(prompt=prompt, negative=negative, seed=seed, guidance=guidance, clip_skip=skip)
    png = write_png(IMAGE, recipe, FACTS)
    assert read_file(png).recipe == recipe
    for kind in ("jpeg", "webp"):
        assert read_file(export(png, kind)).recipe == recipe
    Image.open(BytesIO(png)).load()


@pytest.mark.parametrize("letter", ["a", "猫", "🎨", "\n", '"'])
def test_the_longest_prompts_come_back_from_every_format(letter: str):
    recipe = Recipe(prompt=letter * 10_000, negative=letter * 10_000)
    png = write_png(IMAGE, recipe, FACTS)
    for data in (png, export(png, "jpeg"), export(png, "webp")):
        assert read_file(data).recipe == recipe
        assert images.read(data).size == IMAGE.size


def xmp_of(kind: str, data: bytes) -> ElementTree.Element:
    with Image.open(BytesIO(data)) as image:
        packet = image.info["XML:com.adobe.xmp" if kind == "png" else "xmp"]
    text = packet if isinstance(packet, str) else packet.decode()
    return ElementTree.fromstring(text[text.index("<x:xmpmeta") : text.index("<?xpacket end")])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("composite", [False, True])
def test_every_format_carries_both_marks_of_its_origin(kind: str, composite: bool):
    recipe = RECIPE if composite else Recipe(prompt="x")
    data = write_png(IMAGE, recipe, FACTS)
    data = data if kind == "png" else export(data, kind)
    root = xmp_of(kind, data)
    source = root.find(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    name = "compositeWithTrainedAlgorithmicMedia" if composite else "trainedAlgorithmicMedia"
    assert source is not None
    assert source.text == f"http://cv.iptc.org/newscodes/digitalsourcetype/{name}"
    label = root.find(".//{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC")
    assert label is not None
    assert set(json.loads(label.text or "")) == {
        "Label",
        "ContentProducer",
        "ProduceID",
        "ReservedCode1",
        "ContentPropagator",
        "PropagateID",
        "ReservedCode2",
    }
    assert json.loads(label.text or "")["Label"] == "1"


def test_the_png_also_has_the_label_under_its_own_key():
    with Image.open(BytesIO(SAVED)) as image:
        assert json.loads(image.info["AIGC"])["ContentProducer"].startswith("Inkstone ")


def test_two_pictures_have_different_numbers_and_nothing_of_their_pixels():
    labels = [xmp_of("png", write_png(IMAGE, RECIPE, FACTS)).findtext(".//{*}AIGC") or "" for _ in range(2)]
    first, second = (json.loads(label)["ProduceID"] for label in labels)
    assert first != second


def test_other_programs_find_the_infotext_before_any_pixel():
    text = metadata.write_infotext(RECIPE, FACTS)
    with Image.open(BytesIO(SAVED)) as image:
        assert image.info["parameters"] == text
    for kind in ("jpeg", "webp"):
        with Image.open(BytesIO(KINDS[kind])) as image:
            assert image.getexif().get_ifd(0x8769)[0x9286] == b"UNICODE\0" + text.encode("utf-16-be")


@pytest.mark.parametrize("vector", VECTORS["exif_user_comment"], ids=lambda v: v["text"][:8] or "empty")
def test_a_user_comment_is_byte_for_byte_the_recorded_one(vector: dict[str, str]):
    wanted = bytes.fromhex(vector["hex"])
    assert metadata.user_comment(vector["text"]) == wanted
    block = metadata.exif_block(vector["text"])
    assert block[44:] == wanted
    exif = Image.Exif()
    exif.load(block)
    assert exif.get_ifd(0x8769)[0x9286] == wanted
    # the entry itself: tag, type UNDEFINED, length, offset
    assert block[28:40] == struct.pack(">HHII", 0x9286, 7, len(wanted), 44)


CANARIES = ("/home/canary/studio", "C:\\Users\\canary\\models", "canary-visitor", "canary-host")


def test_no_path_host_or_visitor_leaves_the_studio(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "canary-host")
    monkeypatch.setenv("HOME", "/home/canary")
    monkeypatch.setenv("USERPROFILE", "/home/canary")
    facts = FACTS | {
        "painter": "canary-visitor",
        "host": "canary-host",
        "folder": CANARIES[0],
        "warnings": [
            f"{CANARIES[0]}/models/a.safetensors is old",
            f"{CANARIES[1]}\\b.ckpt",
            "/home/canary/x",
        ],
    }
    png = write_png(IMAGE, RECIPE, facts, INPUTS)
    for data in (png, export(png, "jpeg"), export(png, "webp")):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            assert "canary".encode(encoding) not in data
    assert read_file(png).facts["warnings"] == ["a.safetensors is old", "b.ckpt", "~/x"]


def test_names_with_slashes_that_are_no_paths_stay():
    facts = FACTS | {"warnings": ["ink/wash and 1/2 or https://example.org/a/b"], "template": "/a/b/ {x|y}"}
    assert read_file(write_png(IMAGE, RECIPE, facts)).facts == facts


def test_inputs_and_recipe_can_be_taken_out_but_the_marks_stay():
    bare = read_file(without(SAVED))
    assert (bare.recipe, bare.blobs) == (RECIPE, {})
    silent = without(SAVED, inputs=False, recipe=True)
    assert read_file(silent) == Found(blobs=INPUTS)
    nothing = without(SAVED, recipe=True)
    assert read_file(nothing) == Found()
    assert "一叶扁舟".encode() not in nothing
    for data in (nothing, export(nothing, "jpeg"), export(nothing, "webp")):
        assert b"compositeWithTrainedAlgorithmicMedia" in data
        assert b"ContentProducer" in data
    assert images.read(nothing).tobytes() == IMAGE.tobytes()
    for strip in (without, lambda data: export(data, "webp")):
        with pytest.raises(BadPicture):
            strip(KINDS["jpeg"])


def test_the_input_chunk_is_ancillary_private_and_safe_to_copy_and_lies_behind_the_pixels():
    kinds = [kind for kind, _ in containers.png_chunks(SAVED)]
    assert kinds.index(metadata.INPUT) > kinds.index(b"IDAT")
    assert [bool(letter & 0x20) for letter in metadata.INPUT] == [True, True, False, True]


def test_a_damaged_input_is_left_out_with_a_word():
    at = SAVED.index(b"\0mask ")
    found = read_file(SAVED[:at] + b"\1" + SAVED[at + 1 :])
    assert SECOND not in found.blobs
    assert "damaged" in found.warnings[0]
    assert found.recipe == RECIPE


def test_inputs_that_are_too_large_are_left_out_with_a_word(monkeypatch):
    monkeypatch.setattr(metadata, "INPUT_BYTES", 60)
    found = read_file(write_png(IMAGE, RECIPE, FACTS, INPUTS))
    assert FIRST not in found.blobs
    assert "too large" in found.facts["warnings"][0]


def test_a_recipe_of_another_version_gives_what_can_be_understood():
    values = RECIPE.model_dump(mode="json") | {"version": 2, "steps": 9_999, "brush": "wolf hair"}
    found = read_file(png_with(inkstone=json.dumps({"recipe": values})))
    assert found.recipe is None
    assert found.origin == "inkstone"
    assert found.partial["prompt"] == RECIPE.prompt
    assert "steps" not in found.partial
    assert any("brush" in word for word in found.warnings)
    assert any("steps" in word for word in found.warnings)


def png_with(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        info.add_itxt(keyword, text)
    return images.encode_png(IMAGE, info)


A1111 = (
    "a lone boat\nNegative prompt: fog\nSteps: 25, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 7, "
    "Size: 512x770, Model hash: 6ce0161689, Model: v1-5, Clip skip: 2"
)
A1111_PARTIAL = {
    "prompt": "a lone boat",
    "negative": "fog",
    "steps": 25,
    "sampler": "DPM++ 2M",
    "schedule": "Karras",
    "guidance": 6.5,
    "seed": 7,
    "width": 512,
    "height": 768,
    "clip_skip": 2,
}


def test_broken_settings_of_ours_fall_back_to_the_infotext():
    for broken in ("{", "[]", '{"recipe": 3}', "[" * 100_000, "NaN"):
        found = read_file(png_with(inkstone=broken, parameters=A1111))
        assert (found.origin, found.partial) == ("a1111", A1111_PARTIAL)
        assert "broken" in found.warnings[0]


def test_a_picture_of_a1111_gives_a_partial_recipe_from_every_format():
    jpeg, webp = BytesIO(), BytesIO()
    IMAGE.save(jpeg, "JPEG", exif=containers.EXIF + metadata.exif_block(A1111))
    IMAGE.save(webp, "WEBP", exif=metadata.exif_block(A1111))
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", A1111, zip=True)
    for data in (
        png_with(parameters=A1111),
        images.encode_png(IMAGE, info),
        jpeg.getvalue(),
        webp.getvalue(),
    ):
        found = read_file(data)
        assert (found.origin, found.recipe, found.partial) == ("a1111", None, A1111_PARTIAL)
        assert found.facts == {"model": {"title": "v1-5", "sha256": "6ce0161689"}}
        assert found.warnings == ("The height, 770, was rounded to a multiple of 8.",)
        assert Recipe.of(found.partial).steps == 25


def test_a_user_comment_in_the_files_own_byte_order_is_understood_too():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode("utf-16-le")
    out = BytesIO()
    IMAGE.save(out, "JPEG", exif=exif)
    assert read_file(out.getvalue()).partial == A1111_PARTIAL


def test_a_camera_comment_is_no_recipe():
    out = BytesIO()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0Screenshot"
    IMAGE.save(out, "JPEG", exif=exif)
    assert read_file(out.getvalue()) == Found()


def test_what_infotext_asks_and_we_lack_is_said():
    partial, warnings = recipe_from_infotext(
        metadata.parse_infotext(
            "x\nSteps: many, Sampler: Restart, CFG scale: 99, Seed: 1, Size: 512x512, Script: xyz, Refiner: r"
        )
    )
    assert partial == {"prompt": "x", "negative": "", "seed": 1, "width": 512, "height": 512}
    said = " ".join(warnings)
    for word in ("Steps", "Restart", "guidance", "refiner, script"):
        assert word in said


def test_a_comfyui_graph_is_followed_from_its_sampler():
    graph = {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 5,
                "steps": 12,
                "cfg": 6,
                "sampler_name": "euler_ancestral",
                "scheduler": "normal",
                "denoise": 1,
                "model": ["4", 0],
                "positive": ["9", 0],
                "negative": ["9", 1],
                "latent_image": ["5", 0],
            },
        },
        "2": {
            "class_type": "KSampler",
            "inputs": {"sampler_name": "euler", "positive": ["3", 0], "denoise": 0.4},
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "paint.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 640, "height": 448}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "clip": ["4", 1]}},
        "8": {"class_type": "PrimitiveString", "inputs": {"value": "a boat"}},
        "9": {
            "class_type": "ControlNetApplyAdvanced",
            "inputs": {"positive": ["6", 0], "negative": ["7", 0]},
        },
    }
    text = json.dumps(graph)
    webp = BytesIO()
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + text
    IMAGE.save(webp, "WEBP", exif=exif)
    for data in (png_with(prompt=text, workflow="{}"), webp.getvalue()):
        found = read_file(data)
        assert found.origin == "comfyui"
        assert found.facts == {"model": {"title": "paint.safetensors"}}
        assert found.partial == {
            "prompt": "a boat",
            "negative": "fog",
            "steps": 12,
            "guidance": 6.0,
            "seed": 5,
            "width": 640,
            "height": 448,
            "sampler": "Euler a",
            "schedule": "Normal",
        }


def test_a_comfyui_graph_may_run_in_circles_or_be_no_graph():
    circle = {"1": {"inputs": {"sampler_name": "x", "positive": ["1", 0], "steps": ["1", 0]}}}
    for graph in (
        circle,
        {},
        {"1": 3},
        {"1": {"inputs": []}},
        {"1": {"inputs": {"sampler_name": 1, "positive": []}}},
    ):
        assert read_file(png_with(prompt=json.dumps(graph))).origin == "comfyui"


def test_invokeai_and_fooocus_are_understood():
    invoke = {
        "positive_prompt": "a boat",
        "negative_prompt": "fog",
        "width": 512,
        "height": 512,
        "seed": 3,
        "cfg_scale": 7.5,
        "steps": 30,
        "scheduler": "dpmpp_2m_k",
        "model": {"name": "paint"},
        "loras": [{}],
    }
    found = read_file(png_with(invokeai_metadata=json.dumps(invoke)))
    assert (found.origin, found.facts["model"]["title"]) == ("invokeai", "paint")
    assert (found.partial["sampler"], found.partial["schedule"]) == ("DPM++ 2M", "Karras")
    assert found.warnings == ("Not taken over: LoRAs.",)
    fooocus = {
        "prompt": "a boat",
        "resolution": "(896, 1152)",
        "sampler": "euler_ancestral",
        "scheduler": "normal",
        "styles": "__import__('os').system('false')",
        "seed": "12",
    }
    found = read_file(png_with(parameters=json.dumps(fooocus), fooocus_scheme="fooocus"))
    assert found.origin == "fooocus"
    assert (found.partial["width"], found.partial["height"]) == (896, 1152)
    assert Recipe.of(found.partial).seed == 12


def test_half_a_surrogate_pair_in_foreign_json_stays_harmless():
    text = json.dumps({"positive_prompt": "x\ud83d", "model": {"name": "\udc00"}, "scheduler": "\ud800"})
    found = read_file(png_with(invokeai_metadata=text))
    json.dumps([found.partial, found.facts, found.warnings], ensure_ascii=False).encode()
    assert found.partial["prompt"] == "x\ufffd"


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_args: object, **_kwargs: object):
        raise AssertionError("a picture was opened or decoded")

    monkeypatch.setattr(Image, "open", decoded)
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    monkeypatch.setattr(Image, "_getdecoder", decoded)


def test_reading_settings_decodes_no_pixel(no_decoding):
    for data in KINDS.values():
        assert read_file(data).recipe == RECIPE


def test_a_giant_header_is_refused_without_a_pixel(no_decoding):
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    data = containers.png_file([(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")])
    with pytest.raises(BadPicture, match=re.escape("50,000 × 50,000")):
        read_file(data)


def test_compressed_texts_cannot_blow_up(no_decoding):
    bomb = b"parameters\0\0" + zlib.compress(bytes(2**26), 9)
    head, *rest = containers.png_chunks(SAVED)
    rest = [pair for pair in rest if pair[0] not in metadata.TEXTS]
    found = read_file(containers.png_file([head, (b"zTXt", bomb), *rest]))
    assert found.recipe is None
    assert "longer than" in found.warnings[0]


def test_what_is_no_picture_is_refused():
    for data in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"text"):
        with pytest.raises(BadPicture):
            read_file(data)


def test_a_cut_off_picture_still_tells_its_recipe():
    found = read_file(SAVED[: SAVED.index(b"IDAT") + 20])
    assert found.recipe == RECIPE
    assert "cut short" in found.warnings[0]


def fuzz(seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(dice.choice(list(KINDS.values())))
    for _ in range(dice.randint(1, 12)):
        at = dice.randrange(len(data))
        change = dice.random()
        if change < 0.7:
            data[at] = dice.randrange(256)
        elif change < 0.85:
            del data[at : at + dice.randint(1, 50)]
        else:
            data[at:at] = dice.randbytes(dice.randint(1, 50))
    try:
        found = read_file(bytes(data))
    except BadPicture:
        return
    json.dumps([found.partial, found.facts, found.warnings], ensure_ascii=False).encode()
    assert all(images.digest(blob) == name for name, blob in found.blobs.items())


def test_mutated_files_never_crash():
    for seed in range(1500):
        fuzz(seed)


def test_an_export_that_no_format_can_hold_is_refused_in_words():
    wide = write_png(Image.new("RGB", (16_400, 1)), RECIPE, FACTS)
    with pytest.raises(BadInput, match="PNG"):
        export(wide, "webp")
    assert read_file(export(wide, "jpeg")).recipe == RECIPE


def test_alpha_survives_where_it_can():
    png = write_png(Image.new("RGBA", (16, 16), (200, 10, 10, 0)), RECIPE, FACTS)
    assert images.read(export(png, "webp")).mode == "RGBA"
    assert read_file(export(png, "webp")).recipe == RECIPE
    assert images.read(export(png, "jpeg")).getpixel((8, 8)) == (255, 255, 255)


# --- numbers and chunks made to hurt ----------------------------------------------------------


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    head, *rest = containers.png_chunks(images.encode_png(Image.new("RGB", (8, 8))))
    return containers.png_file([head, *chunks, *rest])


def told_by(keyword: str, text: str) -> metadata.Found:
    return metadata.read_file(with_chunks((b"iTXt", keyword.encode() + b"\0\0\0\0\0" + text.encode())))


BEYOND = "9" * 400 + "1"  # an integer in JSON, and more than a float can hold


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("inkstone", f'{{"recipe": {{"width": {BEYOND}, "steps": 7}}}}'),
        ("parameters", f"x\nSteps: 7, Sampler: Euler, Seed: 1, Size: {BEYOND}x{BEYOND}"),
        (
            "parameters",
            f"x\nSteps: 7, Sampler: Euler, Seed: 1, Size: 512x512, Hires resize: {BEYOND}x{BEYOND}",
        ),
        ("parameters", f"x\nSteps: 7, Sampler: Euler, Seed: 1, Size: 8x8, Hires resize: {'9' * 5000}x0"),
        ("parameters", f'{{"steps": 7, "guidance_scale": {BEYOND}, "seed": {BEYOND}}}'),
        ("invokeai_metadata", f'{{"steps": 7, "width": {BEYOND}, "cfg_scale": {BEYOND}}}'),
        (
            "prompt",
            '{"1": {"inputs": {"sampler_name": "euler", "positive": "x", "steps": 7, '
            f'"cfg": {BEYOND}, "denoise": {BEYOND}, "seed": {BEYOND}}}}}}}',
        ),
    ],
)
def test_numbers_too_large_for_arithmetic_are_left_out(keyword: str, text: str):
    found = told_by(keyword, text)
    assert found.partial["steps"] == 7
    assert max(found.partial.get(name, 0) for name in ("width", "height", "guidance")) < 1000
    assert found.partial.get("hires", {}).get("scale", 1.0) == 1.0


def test_a_packed_text_gets_one_chance_however_often_it_comes(monkeypatch: pytest.MonkeyPatch):
    unpacked = 0

    def counting():
        nonlocal unpacked
        unpacked += 1
        return zlib_decompressobj()

    zlib_decompressobj = zlib.decompressobj
    monkeypatch.setattr(metadata.zlib, "decompressobj", counting)
    bomb = (b"zTXt", b"prompt\0\0" + zlib.compress(bytes(5 * 2**20), 9))
    found = metadata.read_file(with_chunks(*[bomb] * 50))
    assert unpacked == 1
    assert len(found.warnings) == 1


def test_warnings_say_a_thing_once_and_do_not_repeat_a_file_back():
    damaged = metadata.read_file(with_chunks(*[(metadata.INPUT, bytes(40))] * 1000))
    assert len(damaged.warnings) == 1
    long = told_by("inkstone", f'{{"recipe": {{"source": {{"{"k" * 10**6}": 1}}}}}}')
    assert sum(map(len, long.warnings)) < 1000
