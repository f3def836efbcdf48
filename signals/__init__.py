"""Signals: scored, stored, numbered, published, explained."""
