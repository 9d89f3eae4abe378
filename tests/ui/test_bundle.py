"""The page's styles and scripts as one file each."""

from importlib.resources import files

from studio.ui.bundle import addresses, bundles


def test_every_script_and_style_is_in_and_the_ground_comes_first():
    made = bundles()
    for kind in (".css", ".js"):
        whole = made[f"inkstone{kind}"]
        places = {
            one.name: whole.index(one.read_bytes())
            for one in files("studio.ui").joinpath("assets").iterdir()
            if one.name.endswith(kind)
        }
        assert min(places, key=lambda name: places[name]) == f"page{kind}"


def test_the_address_follows_the_content():
    assert set(addresses()) == set(bundles())
    assert all("?v=" in address for address in addresses().values())
