"""The committed bundle of the canvas is what its sources build, and the sources' own tests pass."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "studio" / "ui" / "canvas"
BUNDLE = SOURCE.parent / "assets" / "canvas.js"


def test_the_bundle_is_built_from_its_sources(tmp_path: Path):
    bundle = BUNDLE.read_text("utf-8")
    assert "perfect-freehand" in bundle
    npm = shutil.which("npm")
    if npm is None:  # nothing to build with: the bundle is what is shipped
        return
    here = tmp_path / "ui" / "canvas"
    shutil.copytree(SOURCE, here, ignore=shutil.ignore_patterns("node_modules", "test-build"))
    got = subprocess.run(
        [npm, "ci", "--silent", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=here,
        capture_output=True,
        timeout=180,
    )
    if got.returncode:  # no registry within reach
        return
    (tmp_path / "ui" / "assets").mkdir()
    subprocess.run([npm, "run", "build"], cwd=here, check=True, capture_output=True, timeout=180)
    assert (tmp_path / "ui" / "assets" / "canvas.js").read_text("utf-8") == bundle, "run `npm run build`"
    subprocess.run([npm, "test"], cwd=here, check=True, capture_output=True, timeout=180)
