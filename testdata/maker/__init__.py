"""Builds the made captures of this folder; see `make.py` one level up."""
