"""Conventions of the REST API: strict input, error shape, pages. Knows no model."""
