"""The wiring: settings, URLs, ASGI. Imported by no other package."""
