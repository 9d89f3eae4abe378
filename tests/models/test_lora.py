import json
from pathlib import Path

import pytest
import tiny
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file

from studio.errors import BrokenWeights
from studio.models.identify import identify
from studio.models.load import load_state
from studio.models.lora import Change, LoraWeights, applied, delta, read_lora

PIPES = {"sd15": StableDiffusionPipeline, "sdxl": StableDiffusionXLPipeline}
STARTER_WIDTH = 32


def pipeline(folder: Path, family: str) -> StableDiffusionPipeline:
    return PIPES.get(family, StableDiffusionPipeline).from_pretrained(folder, local_files_only=True)


def components(pipe: StableDiffusionPipeline) -> dict[str, torch.nn.Module]:
    names = ("unet", "text_encoder", "text_encoder_2")
    return {name: pipe.components[name] for name in names if name in pipe.components}


def copies(modules: dict[str, torch.nn.Module]) -> dict[str, torch.Tensor]:
    return {f"{n}.{key}": value.clone() for n, m in modules.items() for key, value in m.state_dict().items()}


def read(path: Path) -> LoraWeights:
    return read_lora(identify(path, STARTER_WIDTH))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("folders")
    return {"sd15": tiny.sd15_folder(root / "sd15"), "sdxl": tiny.sdxl_folder(root / "sdxl")}


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
@pytest.mark.parametrize("spelling", [tiny.kohya_lora, tiny.peft_lora])
def test_a_lora_changes_weights_as_diffusers_fuses_it(folders, tmp_path: Path, family: str, spelling):
    path = spelling(tmp_path / "brush.safetensors", family)
    theirs, ours = pipeline(folders[family], family), pipeline(folders[family], family)
    plain = copies(components(ours))
    theirs.load_lora_weights(path)
    theirs.fuse_lora(lora_scale=0.7)
    theirs.unload_lora_weights()
    fused = copies(components(theirs))
    with applied(components(ours), [(read(path), 0.7, 0.7)]):
        made = copies(components(ours))
        changed = [key for key in plain if not torch.equal(plain[key], made[key])]
        assert len(changed) == len(load_file(path)) // (3 if spelling is tiny.kohya_lora else 2)
        assert any("conv1" in key for key in changed)
        for key, value in made.items():
            assert torch.allclose(value, fused[key.replace(".base_layer", "")], atol=1e-5), key
    after = copies(components(ours))
    assert all(torch.equal(after[key], plain[key]) for key in plain)


def test_weights_are_back_bit_for_bit_after_any_exception(folders, tmp_path: Path):
    ours = components(pipeline(folders["sd15"], "sd15"))
    ours["unet"].to(torch.bfloat16)
    plain = copies(ours)
    brush = read(tiny.kohya_lora(tmp_path / "a.safetensors"))
    wash = read(tiny.peft_lora(tmp_path / "b.safetensors", seed=1))

    class Stop(Exception):
        pass

    def painted() -> None:
        with applied(ours, [(brush, 1.0, 0.5), (wash, -2.0, 1.0)]):
            assert not torch.equal(
                ours["unet"].mid_block.resnets[0].conv1.weight, plain["unet.mid_block.resnets.0.conv1.weight"]
            )
            raise Stop

    with pytest.raises(Stop):
        painted()
    after = copies(ours)
    assert all(torch.equal(after[key], plain[key]) for key in plain)


def test_strengths_act_on_their_own_part_and_add_up(folders, tmp_path: Path):
    ours = components(pipeline(folders["sd15"], "sd15"))
    brush = read(tiny.kohya_lora(tmp_path / "a.safetensors"))
    plain = copies(ours)
    with applied(ours, [(brush, 1.0, 0.0)]):
        once = copies(ours)
        assert all(torch.equal(once[key], plain[key]) for key in plain if key.startswith("text"))
    with applied(ours, [(brush, 0.25, 0.0), (brush, 0.75, 0.0)]):
        twice = copies(ours)
        assert all(torch.allclose(once[key], twice[key], atol=1e-5) for key in plain)
    with applied({"text_encoder": ours["text_encoder"]}, [(brush, 1.0, 1.0)]):
        alone = copies(ours)
        assert all(torch.equal(alone[key], plain[key]) for key in plain if key.startswith("unet"))
        assert any(not torch.equal(alone[key], plain[key]) for key in plain)
    with applied(ours, [(brush, 0.0, 0.0)]):
        assert all(torch.equal(value, plain[key]) for key, value in copies(ours).items())


def test_a_lora_for_another_model_is_a_sentence_and_changes_nothing(folders, tmp_path: Path):
    ours = components(pipeline(folders["sd15"], "sd15"))
    plain = copies(ours)
    for other in (
        tiny.kohya_lora(tmp_path / "xl.safetensors", "sdxl"),
        tiny.kohya_lora(tmp_path / "2.safetensors", "sd2"),
    ):
        with pytest.raises(BrokenWeights, match="another model"), applied(ours, [(read(other), 1.0, 1.0)]):
            pass
        after = copies(ours)
        assert all(torch.equal(after[key], plain[key]) for key in plain)


def test_older_diffusers_names_and_written_alphas_are_read(tmp_path: Path):
    down, up = torch.randn(2, 768), torch.randn(8, 2)
    block = "down_blocks.0.attentions.0.transformer_blocks.0.attn2"
    wanted = block.replace(".", "_") + "_to_k"
    olds = {
        f"unet.{block}.processor.to_k_lora": "",
        f"unet.{block}.to_k.lora": "",
        f"unet.{block}.to_k.lora_linear_layer": "",
        f"base_model.model.{block}.to_k": "AB",
    }
    for stem, ab in olds.items():
        names = ("lora_A", "lora_B") if ab else ("down", "up")
        save_file(
            {f"{stem}.{names[0]}.weight": down, f"{stem}.{names[1]}.weight": up}, tmp_path / "old.safetensors"
        )
        found = read(tmp_path / "old.safetensors").components
        assert list(found) == ["unet"]
        assert list(found["unet"]) == [wanted]
        assert torch.equal(delta(found["unet"][wanted], (8, 768)), up @ down)
    told = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 6, "unet.r": 2})}
    save_file(
        {f"unet.{block}.to_k.lora_A.weight": down, f"unet.{block}.to_k.lora_B.weight": up},
        tmp_path / "a.safetensors",
        told,
    )
    made = delta(read(tmp_path / "a.safetensors").components["unet"][wanted], (8, 768))
    assert torch.allclose(made, 3 * (up @ down))


def test_convolutions_with_a_core_compose_as_convolutions_do():
    down, core, up = torch.randn(3, 4, 1, 1), torch.randn(3, 3, 3, 3), torch.randn(5, 3, 1, 1)
    made = delta(Change({"down": down, "mid": core, "up": up}, 3.0), (5, 4, 3, 3))
    picture = torch.randn(1, 4, 6, 6)
    conv = torch.nn.functional.conv2d
    assert torch.allclose(conv(picture, made), conv(conv(conv(picture, down), core), up), atol=1e-4)


def test_hadamard_and_kronecker_changes_are_what_their_papers_say():
    a, b, c, d = torch.randn(6, 2), torch.randn(2, 8), torch.randn(6, 2), torch.randn(2, 8)
    made = delta(Change({"w1_a": a, "w1_b": b, "w2_a": c, "w2_b": d}, 1.0), (6, 8))
    assert torch.allclose(made, (a @ b) * (c @ d) / 2)
    first, second = torch.randn(2, 2), torch.randn(3, 4)
    assert torch.allclose(
        delta(Change({"kw1": first, "kw2": second}, 8.0), (6, 8))[3:, 4:], first[1, 1] * second
    )
    low, high = torch.randn(3, 2), torch.randn(2, 4 * 9)
    conv = delta(Change({"kw1": first, "kw2_a": low, "kw2_b": high}, 2.0), (6, 8, 3, 3))
    assert torch.allclose(conv[:3, :4], first[0, 0] * (low @ high).reshape(3, 4, 3, 3))


def test_lycoris_files_are_known_and_laid_over(tmp_path: Path):
    net = tiny.unet()
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    loha = {
        f"{stem}.hada_{n}": torch.randn(*s)
        for n, s in {"w1_a": (8, 2), "w1_b": (2, 768), "w2_a": (8, 2), "w2_b": (2, 768)}.items()
    }
    lokr = {f"{stem}.lokr_w1": torch.randn(2, 4), f"{stem}.lokr_w2": torch.randn(4, 192)}
    weight = net.down_blocks[0].attentions[0].transformer_blocks[0].attn2.to_k.weight
    for state in (loha, lokr):
        save_file(state | {f"{stem}.alpha": torch.tensor(1.0)}, tmp_path / "l.safetensors")
        file = identify(tmp_path / "l.safetensors")
        assert (file.kind, file.family) == ("lora", "sd15")
        before = weight.clone()
        with applied({"unet": net}, [(read_lora(file), 1.0, 1.0)]):
            assert not torch.equal(weight, before)
        assert torch.equal(weight, before)


def test_what_is_not_supported_is_said(tmp_path: Path):
    path = tiny.kohya_lora(tmp_path / "a.safetensors")
    state = load_state(path)
    stem = next(name for name in state if name.endswith(".alpha")).removesuffix(".alpha")
    for extra, words in ((f"{stem}.dora_scale", "DoRA"), (f"{stem}.oft_blocks", "not supported")):
        save_file(state | {extra: torch.ones(2, 2)}, tmp_path / "b.safetensors")
        with pytest.raises(BrokenWeights, match=words):
            read(tmp_path / "b.safetensors")
    save_file(
        {name: t for name, t in state.items() if name != f"{stem}.lora_up.weight"}, tmp_path / "c.safetensors"
    )
    with pytest.raises(BrokenWeights, match="lacks a part"):
        read(tmp_path / "c.safetensors")
