"""The one flag of the suite: `--long` runs the long batteries too (300 kills and the like)."""


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long batteries at their full length")
