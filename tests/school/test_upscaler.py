import numpy as np
import torch
from spandrel import ImageModelDescriptor, ModelLoader

from studio.school.course import held_out_large_pool, large_pool, load_vae
from studio.school.degrade import shrink_cleanly
from studio.school.upscaler import build_upscaler, enlarge, save_upscaler, upscaler_task

CPU = torch.device("cpu")


def test_the_upscaler_learns(school, learn):
    net = build_upscaler(school.plan)
    task = upscaler_task(
        school.plan, net, load_vae(school), large_pool(school), CPU, held_out_large_pool(school)
    )
    first, last = learn(task, 120)
    assert last < first


def test_spandrel_opens_the_file_and_computes_the_same(school, tmp_path):
    net = build_upscaler(school.plan).half().float().eval()
    save_upscaler(net, tmp_path / "x2.safetensors")
    theirs = ModelLoader(device="cpu").load_from_file(str(tmp_path / "x2.safetensors"))
    assert isinstance(theirs, ImageModelDescriptor)
    assert (theirs.architecture.id, theirs.scale) == ("Compact", 2)
    picture = torch.rand(1, 3, 20, 28)
    with torch.no_grad():
        assert torch.allclose(theirs.model.float()(picture), net(picture), atol=1e-5)


def test_it_begins_better_than_bilinear_enlargement(school):
    import cv2

    from studio.school.measures import psnr

    picture = np.asarray(held_out_large_pool(school).pixels[0])
    small = shrink_cleanly(picture, 2)
    bilinear = np.asarray(cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    assert psnr(enlarge(build_upscaler(school.plan), small, CPU), picture) > psnr(bilinear, picture)
