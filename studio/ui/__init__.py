"""The page in the browser: one form generator, tabs over it, and our own stage for pictures."""
