"""Strategies: one file, one strategy; the file's name is its name in YAML."""
