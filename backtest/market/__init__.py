"""Dated market rules: fees, ticks, price limits, one YAML file per market."""
