"""Train the starter: `train_starter` runs the stages in their order, each for its time.

A stage begins from its own checkpoint in the state folder; where there is none, from the fp16 weights in the
output folder; where there are none of its size, from nothing. So a starter can be continued from what is
shipped alone.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from studio.errors import UnknownName
from studio.school import export
from studio.school.autoencoder import (
    autoencoder_task,
    build_autoencoder,
    build_tiny,
    encode_latents,
    encoder_digest,
    fold_normalisation,
    rebuilt_example,
    shrunk,
    tiny_task,
)
from studio.school.card import write_card
from studio.school.classifier import build_classifier, classifier_task, save_classifier
from studio.school.controlnet import Sketched, build_controlnet, controlnet_task
from studio.school.course import (
    School,
    TrainOptions,
    attribute_sizes,
    held_out_large_pool,
    held_out_pool,
    large_pool,
    latent_sets,
    load_reading,
    load_unet,
    load_vae,
    open_latents,
    resolve,
    training_pools,
)
from studio.school.data import Pool, fill_pool, read_folder
from studio.school.files import write_json
from studio.school.lcm import add_lora, lcm_task, load_lora, save_lora
from studio.school.nets import AutoencoderKL
from studio.school.text import (
    Reader,
    build_text_encoder,
    drawn_reader,
    save_text_encoder,
    text_task,
    words_reader,
)
from studio.school.tokens import learn_tokens, load_tokenizer, save_tokenizer
from studio.school.training import averaged_weights
from studio.school.unet import build_unet, unet_task
from studio.school.upscaler import build_upscaler, save_upscaler, upscaler_task

_FOLDED = 192  # pictures that measure the latents' mean and deviation
_REBUILT = 256  # pictures that the judge also sees as the autoencoder gives them back


def _pictures(school: School) -> None:
    held_out_pool(school)
    training_pools(school)


def _captions(school: School) -> list[str]:
    if school.options.data is not None:
        return [source.caption for source in read_folder(school.options.data)]
    from studio.school.captions import caption, concepts
    from studio.school.scene import sample_scene

    rng = np.random.default_rng([school.options.seed, 4])
    drawn_captions = [caption(sample_scene(rng), rng) for _ in range(school.plan.captions)]
    words = [word for values in concepts().values() for names in values.values() for word in names]
    return drawn_captions + words


def _tokenizer(school: School) -> None:
    vocabulary, merges = learn_tokens(_captions(school), school.plan.vocabulary)
    path = school.out / "tokenizer" / "vocab.json"
    same = path.is_file() and json.loads(path.read_text("utf-8")) == vocabulary
    save_tokenizer(path.parent, vocabulary, merges)
    if not same:  # an encoder of other tokens would read nonsense
        save_text_encoder(build_text_encoder(school.plan, len(vocabulary)), school.out / "text_encoder")


def _reader(school: School) -> tuple[list[int], Reader]:
    return drawn_reader() if school.options.data is None else words_reader(_captions(school))


def _text(school: School) -> None:
    tokenizer = load_tokenizer(export.need(school.out / "tokenizer" / "vocab.json", "tokenizer").parent)
    encoder = build_text_encoder(school.plan, len(tokenizer))
    export.load_text_encoder(encoder, school.out / "text_encoder" / "model.safetensors")
    sizes, read = _reader(school)
    school.run(text_task(school.plan, encoder.to(school.device), tokenizer, sizes, read, school.device))
    save_text_encoder(encoder, school.out / "text_encoder")


def _vae(school: School) -> None:
    vae = build_autoencoder(school.plan).to(school.device)
    export.load_component(vae, school.out / "vae" / export.WEIGHTS)
    pool = training_pools(school)[0]
    school.run(autoencoder_task(school.plan, vae, pool, school.device, held_out_pool(school)))
    export_vae(school, vae, pool)


def export_vae(school: School, vae: AutoencoderKL, pool: Pool) -> None:
    """Fold the latents' normalisation into a copy and write it."""
    folded = copy.deepcopy(vae).eval()
    fold_normalisation(folded, [np.asarray(p) for p in pool.pixels[:_FOLDED]], school.device)
    export.save_component(folded, school.out / "vae")


def _decoder(school: School) -> None:
    vae = load_vae(school)
    pool, held_out = training_pools(school)[0], held_out_pool(school)
    school.run(autoencoder_task(school.plan, vae, pool, school.device, held_out, decoder_only=True))
    export.save_component(vae, school.out / "vae")


def _tiny(school: School) -> None:
    tiny = build_tiny(school.plan).to(school.device)
    export.load_component(tiny, school.out / "vae_tiny" / export.WEIGHTS)
    pool, held_out = training_pools(school)[0], held_out_pool(school)
    school.run(tiny_task(school.plan, tiny, load_vae(school), pool, school.device, held_out))
    export.save_component(tiny, school.out / "vae_tiny")


def _latents(school: School, stage: str) -> None:
    vae = load_vae(school)
    origin = encoder_digest(vae)
    for name, pool, factor in latent_sets(school, stage):
        _encode(school, vae, name, pool, factor, origin)


def _encode(school: School, vae: AutoencoderKL, name: str, pool: Pool, factor: int, origin: str) -> None:
    path = school.folder("latents") / f"{name}.npy"
    state = path.with_suffix(".json")
    begun = json.loads(state.read_text("utf-8")) if state.is_file() else {}
    facts = {"vae": origin, "pictures": pool.origin, "of": len(pool)}
    done = begun["done"] if {name: begun.get(name) for name in facts} == facts else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    _, height, width, _ = pool.pixels.shape
    shape = (len(pool), 4, height // 8 // factor, width // 8 // factor)
    values = (
        np.lib.format.open_memmap(path, "r+")
        if done
        else np.lib.format.open_memmap(path, "w+", np.float16, shape)
    )
    at_once = 4 if school.device.type == "cpu" else 64  # large tensors are paged in anew each time on the CPU
    while done < len(pool):
        stop = min(len(pool), done + at_once)
        values[done:stop] = encode_latents(vae, shrunk(pool, done, stop, factor), school.device)
        done = stop
        if done % 512 == 0 or done == len(pool):
            values.flush()
            write_json(state, facts | {"done": done})
            school.options.note(f"latents {name}", done, len(pool))


def _unet(school: School, stage: str, latents: str) -> None:
    sets = [found for found, _ in open_latents(school, latents)]
    unet = load_unet(school)
    school.run(
        unet_task(school.plan, stage, unet, sets, load_reading(school), load_vae(school), school.device)
    )
    export.save_component(unet, school.out / "unet")


def _controlnet(school: School) -> None:
    sets = [Sketched(latents, pool) for latents, pool in open_latents(school, "latents256")]
    unet = load_unet(school)
    net = build_controlnet(school.plan, unet).to(school.device)
    export.load_component(net, school.out / "controlnet" / export.WEIGHTS)
    reading, vae = load_reading(school), load_vae(school)
    school.run(
        controlnet_task(school.plan, net, unet, sets, reading, vae, school.device, held_out_pool(school))
    )
    export.save_component(net, school.out / "controlnet")


def _lcm(school: School) -> None:
    sets = [latents for latents, _ in open_latents(school, "latents256")]
    unet = load_unet(school)
    parameters = add_lora(unet, school.plan.lora_rank)
    load_lora(unet, school.out / "lcm_lora")
    reading, vae = load_reading(school), load_vae(school)
    school.run(lcm_task(school.plan, unet, parameters, sets, reading, vae, school.device))
    save_lora(unet, school.out / "lcm_lora")


def _upscaler(school: School) -> None:
    net = build_upscaler(school.plan).to(school.device)
    path = school.out / "upscaler" / "x2.safetensors"
    export.load_component(net, path)
    vae, pool = load_vae(school), large_pool(school)
    school.run(upscaler_task(school.plan, net, vae, pool, school.device, held_out_large_pool(school)))
    save_upscaler(net, path)


def _judge(school: School) -> None:
    if school.options.data is not None:
        return  # only the generator knows its pictures' attributes
    net = build_classifier(school.plan, attribute_sizes()).to(school.device)
    export.load_component(net, school.out / "judge" / "model.safetensors")
    pool = training_pools(school)[0]
    rebuilt = _rebuilt_pool(school, pool)
    school.run(classifier_task(school.plan, net, pool, rebuilt, school.device, held_out_pool(school)))
    save_classifier(net, school.out / "judge")


def _rebuilt_pool(school: School, pool: Pool) -> Pool:
    """Some training pictures as the autoencoder gives them back."""
    vae = load_vae(school)
    count, side = min(_REBUILT, len(pool)), school.plan.size
    origin = f"through {export.file_digest(school.out / 'vae' / export.WEIGHTS)}"
    folder = school.folder("pictures") / f"rebuilt-{side}x{side}"
    example = rebuilt_example(vae, pool, school.device)
    return fill_pool(folder, (side, side), count, example, origin, school.options.note)


STAGES: dict[str, Callable[[School], None]] = {
    "pictures": _pictures,
    "tokenizer": _tokenizer,
    "text": _text,
    "vae": _vae,
    "latents128": partial(_latents, stage="latents128"),
    "unet128": partial(_unet, stage="unet128", latents="latents128"),
    "latents256": partial(_latents, stage="latents256"),
    "unet256": partial(_unet, stage="unet256", latents="latents256"),
    "decoder": _decoder,
    "tiny": _tiny,
    "controlnet": _controlnet,
    "lcm": _lcm,
    "upscaler": _upscaler,
    "judge": _judge,
}


def write_untrained(school: School) -> None:
    """Complete the output folder with untrained parts where there are none yet, so that it always loads."""
    out, plan = school.out, school.plan
    if not (out / "tokenizer" / "vocab.json").is_file():
        _tokenizer(school)
    tokens = len(load_tokenizer(out / "tokenizer"))
    if not (out / "text_encoder" / "model.safetensors").is_file():
        save_text_encoder(build_text_encoder(plan, tokens), out / "text_encoder")
    for name, build in (("vae", build_autoencoder), ("vae_tiny", build_tiny), ("unet", build_unet)):
        if not (out / name / export.WEIGHTS).is_file():
            export.save_component(build(plan), out / name)


def snapshot(school: School, stage: str) -> None:
    """Export a stage's averaged weights from its last checkpoint while it goes on elsewhere."""
    if stage == "vae":
        vae = build_autoencoder(school.plan)
        vae.load_state_dict(averaged_weights(school.folder("vae"), "vae"))
        export_vae(school, vae.to(school.device), training_pools(school)[0])
    elif stage in ("unet128", "unet256"):
        unet = build_unet(school.plan)
        unet.load_state_dict(averaged_weights(school.folder(stage), "unet"))
        export.save_component(unet, school.out / "unet")
    else:
        raise UnknownName("stage to take a snapshot of", stage, ("vae", "unet128", "unet256"))


def train_starter(options: TrainOptions) -> Path:
    """Train one stage of the starter, or all of them, and return the model folder.

    Raises BadInput (the options or the pictures cannot be used), MissingWeights (an earlier stage is
    missing).
    """
    school = resolve(options, STAGES)
    stages = STAGES if options.stage is None else {options.stage: STAGES[options.stage]}
    write_untrained(school)
    for stage in stages.values():
        torch.manual_seed(options.seed)
        stage(school)
    export.write_pipeline_files(school.out)
    write_card(school)
    export.write_sums(school.out)
    return school.out
