"""Measures on arrays; every number of a report comes from here."""
