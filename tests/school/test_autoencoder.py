import copy

import numpy as np
import torch

from studio.school.autoencoder import (
    SCALING,
    autoencoder_task,
    build_autoencoder,
    build_tiny,
    encode_latents,
    fold_normalisation,
    picture_loss,
    tiny_task,
)
from studio.school.course import held_out_pool, load_vae, training_pools
from studio.school.sheets import to_batch

CPU = torch.device("cpu")


def test_the_autoencoder_learns(school, learn):
    pool = training_pools(school)[0]
    task = autoencoder_task(school.plan, build_autoencoder(school.plan), pool, CPU, held_out_pool(school))
    first, last = learn(task, 12)
    assert last < 0.8 * first


def test_the_decoder_alone_leaves_the_latents_what_they_were(school, learn):
    vae = load_vae(school).requires_grad_(True)
    picture = np.asarray(held_out_pool(school).pixels[:1])
    before = encode_latents(vae, picture, CPU)
    pool = training_pools(school)[0]
    task = autoencoder_task(school.plan, vae, pool, CPU, held_out_pool(school), decoder_only=True)
    first, last = learn(task, 8)
    assert last < first
    assert np.array_equal(encode_latents(vae, picture, CPU), before)


def test_the_tiny_decoder_learns_the_same_latents(school, learn):
    tiny, vae = build_tiny(school.plan), load_vae(school)
    task = tiny_task(school.plan, tiny, vae, training_pools(school)[0], CPU, held_out_pool(school))
    first, last = learn(task, 12)
    assert last < 0.8 * first


def test_folding_the_normalisation_changes_the_latents_and_not_the_pictures(school):
    torch.manual_seed(3)
    vae = build_autoencoder(school.plan).eval()
    folded = copy.deepcopy(vae)
    pictures = [np.asarray(p) for p in training_pools(school)[0].pixels]
    fold_normalisation(folded, pictures, CPU)
    batch = to_batch(np.stack(pictures))
    with torch.no_grad():
        one, two = vae.encode(batch).latent_dist, folded.encode(batch).latent_dist
        scaled = two.mean * SCALING
        assert scaled.mean((0, 2, 3)).abs().max() < 1e-3
        assert (scaled.std((0, 2, 3)) - 1).abs().max() < 1e-3
        assert torch.allclose(vae.decode(one.mean).sample, folded.decode(two.mean).sample, atol=1e-3)
        spread = (one.std / one.mean.std((0, 2, 3), keepdim=True)) / (
            two.std / two.mean.std((0, 2, 3), keepdim=True)
        )
        assert torch.allclose(spread, torch.ones_like(spread), rtol=1e-2)


def test_the_exported_latents_have_unit_deviation(school):
    latents = encode_latents(load_vae(school), np.asarray(training_pools(school)[0].pixels), CPU)
    assert np.allclose(latents.astype(np.float32).std((0, 2, 3)), 1, atol=0.1)


def test_the_loss_of_equal_pictures_is_least():
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    assert picture_loss(picture, picture) < 0.01 < picture_loss(picture, picture + 0.1)
