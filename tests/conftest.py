"""The one flag of the suite: `--long` runs the long batteries too (300 kills and the like)."""

import os

# As the studio does for its workers: threads that spin while they wait take cores from servers and browsers.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long batteries at their full length")
