from io import BytesIO

from PIL import Image

from studio.painting.preview import SHARP_SHARE, Previews


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def previews(clock: Clock, sharp_cost: float):
    made = []

    def rough(latents):
        made.append("rough")
        return Image.new("RGB", (32, 32))

    def sharp(latents):
        made.append("sharp")
        clock.now += sharp_cost
        return Image.new("RGB", (256, 256))

    return Previews(rough, sharp, clock), made


def test_every_step_has_a_preview_and_the_tiny_decoder_keeps_to_its_share():
    clock = Clock()
    all_of_them, made = previews(clock, sharp_cost=0.1)
    for _ in range(600):
        clock.now += 0.06
        assert Image.open(BytesIO(all_of_them.of(None))).format == "WEBP"  # pyright: ignore
    assert len(made) == 600
    assert made.count("sharp") >= 1
    assert made.count("sharp") * 0.1 <= SHARP_SHARE * clock.now + 0.1


def test_the_tiny_decoder_is_used_at_most_twice_a_second():
    clock = Clock()
    free, made = previews(clock, sharp_cost=0.0)
    for _ in range(100):
        clock.now += 0.1
        free.of(None)  # pyright: ignore
    assert made.count("sharp") <= 2 * clock.now


def test_without_a_tiny_decoder_every_preview_is_rough():
    rough = Previews(lambda latents: Image.new("RGB", (32, 32)), None, Clock())
    assert Image.open(BytesIO(rough.of(None))).size == (32, 32)  # pyright: ignore
