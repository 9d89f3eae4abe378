"""Inkstone 砚: a painting studio in the browser, painting with diffusion models."""

__version__ = "0.1.0"
