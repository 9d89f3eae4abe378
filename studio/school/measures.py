"""The figures by which a starter is judged. Pure functions of arrays."""

from __future__ import annotations

import numpy as np

from studio.school.data import edge_lines


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 arrays, dB; 99 if they are equal."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 99.0 if error == 0 else 10 * float(np.log10(255.0**2 / error))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004) of two uint8 (H, W, 3), 11x11 Gaussian of 1.5 px, on grey."""
    import cv2

    x, y = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float64) for p in (a, b))

    def blur(p: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.GaussianBlur(p, (11, 11), 1.5))[5:-5, 5:-5]

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(np.mean((2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))))


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """|mean difference|^2 + tr(A + B - 2 (AB)^1/2) of features (N, D); N should be several times D."""
    mean = a.mean(0) - b.mean(0)
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(ca)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cb @ root).clip(min=0)).sum()
    return float(mean @ mean + np.trace(ca) + np.trace(cb) - 2 * cross)


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared MMD with the kernel (x.y/D + 1)^3 (Binkowski et al. 2018); about 0 for equal
    distributions.
    """
    size = a.shape[1]

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x.astype(np.float64) @ y.T.astype(np.float64) / size + 1) ** 3

    n, m = len(a), len(b)
    own = kernel(a, a), kernel(b, b)
    within = (own[0].sum() - np.trace(own[0])) / (n * (n - 1)) + (own[1].sum() - np.trace(own[1])) / (
        m * (m - 1)
    )
    return float(within - 2 * kernel(a, b).mean())


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def diversity(features: np.ndarray) -> float:
    """Mean distance between the features of different pictures."""
    n = len(features)
    return float(_distances(features, features).sum() / (n * (n - 1)))


def copies(made: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which rows of `made` copy a row of `known`: the nearest is less than a third as far as the second.

    Rows are flattened latents; the rule is Yoon et al. 2023's, as in arXiv 2505.16959.
    """
    flags: list[np.ndarray] = []
    for start in range(0, len(made), 64):
        two = np.partition(_distances(made[start : start + 64], known), 1, axis=1)[:, :2]
        flags.append(two[:, 0] < two[:, 1] / 3)
    return np.concatenate(flags)


def strong_edges(picture: np.ndarray) -> np.ndarray:
    """White where `picture` (uint8 RGB) has an edge among its own strongest tenth of gradients.

    Relative to the picture, so that a night or a mist has edges as well as a noon has.
    """
    import cv2

    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.2)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strong = float(np.quantile(np.abs(across) + np.abs(down), 0.9))
    edges = cv2.Canny(
        across.astype(np.int16), down.astype(np.int16), max(1.0, 0.43 * strong), max(2.0, strong)
    )
    return np.asarray(edges, np.uint8)


def sketch_distance(lines: np.ndarray, painting: np.ndarray) -> float:
    """Mean distance in px from each drawn pixel of `lines` (uint8) to the nearest strong edge of `painting`
    (uint8 RGB).
    """
    import cv2

    drawn = lines > 96
    if not drawn.any():
        return 0.0
    edges = strong_edges(painting)
    if not edges.any():
        return float(np.hypot(*lines.shape))
    away = np.asarray(cv2.distanceTransform((edges == 0).astype(np.uint8), cv2.DIST_L2, 5))
    return float(away[drawn].mean())


def edge_agreement(a: np.ndarray, b: np.ndarray) -> float:
    """F1 of the edges of two pictures within one pixel."""
    import cv2

    ea, eb = edge_lines(a) > 0, edge_lines(b) > 0
    near = np.ones((3, 3), np.uint8)
    wide_a, wide_b = (np.asarray(cv2.dilate(e.astype(np.uint8), near)) > 0 for e in (ea, eb))
    precision = (eb & wide_a).sum() / max(1, eb.sum())
    recall = (ea & wide_b).sum() / max(1, ea.sum())
    return float(2 * precision * recall / max(1e-9, precision + recall))
