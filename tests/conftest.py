"""What all files share: `--long`, which runs the long batteries (300 kills and the like), and `server`."""

import os

import pytest

# As the studio does for its workers: threads that spin while they wait take cores from servers and browsers.
# It has to be said before torch is loaded, which is why the fixture imports for itself.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long batteries at their full length")


@pytest.fixture(scope="module")
def server(studio):
    """The page of the file's own studio."""
    from halls import page_of

    with page_of(studio) as server:
        yield server
