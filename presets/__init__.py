"""Weight presets and their versions."""
