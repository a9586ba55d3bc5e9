"""Subscriptions of new listings: when one applies, what is allotted, which dates follow."""
