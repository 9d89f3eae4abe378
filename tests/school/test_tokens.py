import json

import pytest
from transformers import CLIPTokenizer

from studio.errors import BadInput
from studio.school.tokens import END, POSITIONS, START, learn_tokens, load_tokenizer, save_tokenizer

CAPTIONS = [
    "秋天 山水画",
    "夜晚,雪山",
    "一座小山",
    "an ink painting of mountains",
    "ink, mountains, night",
    "ink",
] * 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(path, *learn_tokens(CAPTIONS, 700))
    return path


def test_a_chinese_phrase_nobody_wrote_is_read_character_by_character(folder):
    tokenizer = load_tokenizer(folder)
    assert len(tokenizer.tokenize("秋山夜雪")) == 4
    assert tokenizer.decode(tokenizer("秋山夜雪").input_ids, skip_special_tokens=True) == "秋山夜雪"


def test_no_word_is_unknown_so_none_can_end_a_text_in_its_middle(folder):
    ids = load_tokenizer(folder)("zebra 龙 🐉 ñ").input_ids
    end = load_tokenizer(folder).convert_tokens_to_ids(END)
    assert ids.count(end) == 1
    assert ids[-1] == end


def test_the_layout_is_clips(folder):
    tokenizer = load_tokenizer(folder)
    assert tokenizer.convert_tokens_to_ids(END) == len(tokenizer) - 1
    assert tokenizer.convert_tokens_to_ids(START) == len(tokenizer) - 2
    assert tokenizer.model_max_length == POSITIONS
    assert tokenizer.pad_token == END
    words = json.loads((folder / "vocab.json").read_text("utf-8"))
    assert sorted(words.values()) == list(range(len(words)))


def test_old_and_new_readers_get_the_same_ids(folder, tmp_path):
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    old, new = CLIPTokenizer.from_pretrained(str(tmp_path)), load_tokenizer(folder)
    for text in (*CAPTIONS, "画一幅山水画", "A Snowy  Night!", "🐉 mountains' edge 12"):
        assert old(text).input_ids == new(text).input_ids


def test_frequent_words_are_one_token(folder):
    assert load_tokenizer(folder).tokenize("ink mountains") == ["ink</w>", "mountains</w>"]


def test_too_small_a_vocabulary_is_refused_with_the_size_that_would_do():
    with pytest.raises(BadInput, match="give it at least 5"):
        learn_tokens(CAPTIONS, 515)


def test_captions_without_words_are_refused():
    with pytest.raises(BadInput, match="not a single word"):
        learn_tokens(["", "  "], 700)
