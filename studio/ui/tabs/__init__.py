"""The tabs of the page.

A painting tab is an entry in `panels.PANELS`. One with a page of its own is a component of ours, three files
`assets/NAME.{html,css,js}` over JSON routes, and its name in `PAGES`.
"""

PAGES = ("gallery", "models", "settings")
OWNED = frozenset({"models", "settings"})  # pages that guests do not have
