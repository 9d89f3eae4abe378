import numpy as np
import torch
from transformers import CLIPTextModel

from studio.school.course import load_reading
from studio.school.text import (
    build_text_encoder,
    drawn_reader,
    encode_captions,
    respaced,
    save_text_encoder,
    text_task,
    token_ids,
    words_reader,
)
from studio.school.tokens import load_tokenizer

CPU = torch.device("cpu")


def test_the_encoder_learns_to_read_attributes_from_captions(school, learn):
    tokenizer = load_tokenizer(school.out / "tokenizer")
    sizes, read = drawn_reader()
    task = text_task(
        school.plan, build_text_encoder(school.plan, len(tokenizer)), tokenizer, sizes, read, CPU
    )
    first, last = learn(task, 30)
    assert last < 0.7 * first


def test_captions_of_people_are_read_by_their_words():
    sizes, read = words_reader(["a red boat", "a boat", "one hill"])
    captions, labels = read(np.random.default_rng(0), 5)
    assert sizes == [2] * 5
    assert labels.shape == (5, 5)
    assert len(captions) == 5


def test_a_saved_encoder_gives_the_same_states(school, tmp_path):
    tokenizer = load_tokenizer(school.out / "tokenizer")
    encoder = build_text_encoder(school.plan, len(tokenizer)).half().float().eval()
    save_text_encoder(encoder, tmp_path)
    again = CLIPTextModel.from_pretrained(str(tmp_path), dtype=torch.float32).eval()
    ids = token_ids(tokenizer, ["秋山夜雪", "an ink painting"])
    with torch.no_grad():
        assert torch.equal(encoder(ids).last_hidden_state, again(ids).last_hidden_state)


def test_states_have_77_positions(school):
    reading = load_reading(school)
    states = encode_captions(reading.encoder, reading.tokenizer, ["", "山 " * 200], CPU)
    assert states.shape == (2, 77, school.plan.text_width)


def test_only_chinese_captions_are_respaced_and_lose_no_character():
    rng = np.random.default_rng(0)
    assert {respaced("an ink painting, night", rng) for _ in range(50)} == {"an ink painting, night"}
    ways = {respaced("秋山、夜雪", rng) for _ in range(80)}
    assert len(ways) == 3
    assert {"".join(c for c in way if c not in " 、") for way in ways} == {"秋山夜雪"}
