"""Texts become embeddings: chunks, clip skip, emphasis, textual inversions, and when each one speaks."""

import json
from pathlib import Path

import pytest
import tiny
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from studio.errors import BadInput
from studio.families import family
from studio.families.encode import Conditioning, _weighed, encode
from studio.prompt import plan, read_vocabulary
from studio.recipe import Recipe

VECTORS = json.loads((Path(__file__).parents[1] / "prompt" / "vectors.json").read_text())["emphasis"]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny.tokenizer(folder)
    return read_vocabulary(folder)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    words = tiny.tokenizer(tmp_path_factory.mktemp("words"))
    torch.manual_seed(0)
    one = CLIPTextModel(CLIPTextConfig(**tiny.text_config("sdxl", 0, words))).eval()
    two = CLIPTextModelWithProjection(CLIPTextConfig(**tiny.text_config("sdxl", 1, words))).eval()
    return one, two


@pytest.fixture
def read(encoders, vocabulary):
    def reading(kind, prompt, negative="", *, steps=20, embeddings=None, **recipe) -> Conditioning:
        made = Recipe(prompt=prompt, negative=negative, steps=steps, **recipe)
        said = plan(prompt, negative, steps, emphasis=made.emphasis)
        count = len(family(kind).encoders)
        return encode(family(kind), said, made, encoders[:count], [vocabulary] * count, embeddings or {})

    return reading


def embeds(conditioning, step=1):
    return conditioning.at(step).parts[0][1].embeds


def ids_of(vocabulary, text):
    ids = [vocabulary.bos, *vocabulary.encode(text), vocabulary.eos]
    return torch.tensor([ids + [vocabulary.pad] * (77 - len(ids))])


def test_a_plain_prompt_is_what_clip_says(read, encoders, vocabulary):
    out = encoders[0](ids_of(vocabulary, "boat at lake"), output_hidden_states=True)
    torch.testing.assert_close(embeds(read("sd15", "boat at lake")), out.last_hidden_state, rtol=0, atol=1e-6)
    second = encoders[0].final_layer_norm(out.hidden_states[-2])
    torch.testing.assert_close(embeds(read("sd15", "boat at lake", clip_skip=2)), second, rtol=0, atol=1e-6)


def test_sdxl_reads_the_layer_before_last_of_both_and_pools_the_second(read, encoders, vocabulary):
    ids = ids_of(vocabulary, "boat")
    one, two = (e(ids, output_hidden_states=True) for e in encoders)
    for skip in (1, 2):
        words = read("sdxl", "boat", clip_skip=skip).at(1).parts[0][1]
        expected = torch.cat([one.hidden_states[-2], two.hidden_states[-2]], dim=-1)
        torch.testing.assert_close(words.embeds, expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(words.pooled, two.text_embeds, rtol=0, atol=1e-6)
    third = torch.cat([one.hidden_states[-3], two.hidden_states[-3]], dim=-1)
    torch.testing.assert_close(embeds(read("sdxl", "boat", clip_skip=3)), third, rtol=0, atol=1e-6)
    nothing = read("sdxl", "boat").at(1).negative
    assert not nothing.embeds.any()
    assert not nothing.pooled.any()
    assert read("sdxl", "boat", "lake").at(1).negative.pooled.any()


def test_a_layer_that_is_not_there_is_said_so(read):
    with pytest.raises(BadInput, match="at most 3"):
        read("sd15", "boat", clip_skip=4)


def test_long_texts_are_read_in_chunks_and_short_ones_filled_up(read):
    long = "boat " * 80
    both = read("sd15", long, "lake")
    assert embeds(both).shape == (1, 154, 768)
    negative = both.at(1).negative.embeds
    torch.testing.assert_close(negative[:, :77], embeds(read("sd15", "lake")), rtol=0, atol=1e-6)
    torch.testing.assert_close(negative[:, 77:], embeds(read("sd15", "")), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        embeds(read("sd15", "boat BREAK lake"))[:, 77:], embeds(read("sd15", "lake")), rtol=0, atol=1e-6
    )


def test_a_weight_of_one_changes_nothing_and_the_mean_is_kept(read):
    plain = embeds(read("sd15", "boat lake"))
    assert torch.equal(embeds(read("sd15", "boat (lake:1.0)")), plain)
    weighed = embeds(read("sd15", "boat (lake:1.5)"))
    assert not torch.equal(weighed, plain)
    assert weighed.mean().item() == pytest.approx(plain.mean().item(), abs=1e-6)
    straight = embeds(read("sd15", "boat (lake:1.5)", emphasis="no norm"))
    torch.testing.assert_close(straight[:, 2], plain[:, 2] * 1.5)
    torch.testing.assert_close(straight[:, 1], plain[:, 1])
    assert torch.equal(embeds(read("sd15", "boat (lake:1.5)", emphasis="ignore")), plain)
    literal = embeds(read("sd15", "(lake)", emphasis="none"))
    assert not torch.equal(literal, embeds(read("sd15", "lake")))


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["mode"] in ("Original", "No norm")][:2])
def test_emphasis_is_a1111s(vector):
    z, weights = torch.tensor(vector["z"]), torch.tensor(vector["multipliers"])
    ours = _weighed(z, weights, vector["mode"] == "Original")
    torch.testing.assert_close(ours, torch.tensor(vector["expected"]), rtol=1e-5, atol=1e-6)


def test_textual_inversions_stand_where_their_name_stood(read, encoders, vocabulary):
    table = encoders[0].get_input_embeddings()
    lake = table.weight[vocabulary.encode("lake")].detach()
    same = {"zz": {"clip_l": lake}}
    torch.testing.assert_close(
        embeds(read("sd15", "boat zz at", embeddings=same)),
        embeds(read("sd15", "boat lake at")),
        rtol=0,
        atol=1e-6,
    )
    two = {"zz": {"clip_l": lake.repeat(2, 1)}}
    torch.testing.assert_close(
        embeds(read("sd15", "(zz:1.2)", embeddings=two)),
        embeds(read("sd15", "(lake lake:1.2)")),
        rtol=0,
        atol=1e-6,
    )
    foreign = {"zz": {"clip_l": torch.ones(1, 99)}}
    assert torch.equal(embeds(read("sd15", "zz", embeddings=foreign)), embeds(read("sd15", "zz")))
    assert torch.equal(embeds(read("sdxl", "zz", embeddings=same | {"a": {}})), embeds(read("sdxl", "zz")))
    second = encoders[1].get_input_embeddings().weight[vocabulary.encode("lake")].detach()
    whole = {"zz": {"clip_l": lake, "clip_g": second}}
    torch.testing.assert_close(
        embeds(read("sdxl", "zz boat", embeddings=whole)),
        embeds(read("sdxl", "lake boat")),
        rtol=0,
        atol=1e-6,
    )
    assert not table._forward_hooks


def test_each_text_speaks_when_it_is_scheduled(read):
    said = read("sd15", "[boat:lake:0.5] AND at :0.4", "[a|b]", steps=4)
    assert [weight for weight, _ in said.parts] == [1.0, 0.4]
    assert not said.is_plain
    assert torch.equal(embeds(said, 2), embeds(read("sd15", "boat ")))
    torch.testing.assert_close(embeds(said, 3), embeds(read("sd15", "lake ")), rtol=0, atol=1e-6)
    assert torch.equal(embeds(said, 99), embeds(said, 4))
    negatives = [said.at(step).negative.embeds for step in (1, 2, 3)]
    assert torch.equal(negatives[0], negatives[2])
    assert not torch.equal(negatives[0], negatives[1])
    assert read("sd15", "boat").is_plain
    assert said.bytes == 4 * 77 * 768 * 5


def test_prompts_travel_in_a_straight_line(read):
    one, two = read("sdxl", "boat"), read("sdxl", "[lake:at:0.5]")
    assert one.chunks == 1
    assert torch.equal(embeds(one.mixed(two, 0.0)), embeds(one))
    torch.testing.assert_close(embeds(one.mixed(two, 1.0), 20), embeds(two, 20))
    halfway = one.mixed(two, 0.5)
    for step in (1, 20):
        torch.testing.assert_close(embeds(halfway, step), (embeds(one, step) + embeds(two, step)) / 2)
    pooled = [c.at(1).parts[0][1].pooled for c in (one, halfway, two)]
    torch.testing.assert_close(pooled[1], (pooled[0] + pooled[2]) / 2)
    with pytest.raises(BadInput, match="AND"):
        one.mixed(read("sdxl", "boat AND lake"), 0.5)
