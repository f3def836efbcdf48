"""The settings as they are, with the faults that cannot be caused from outside: see ``tests.faults.broken``."""

from realtime_agent.settings import *  # noqa: F403
from realtime_agent.settings import CHANNEL_LAYERS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.broken.Broken"]
CHANNEL_LAYERS = {"default": CHANNEL_LAYERS["default"] | {"BACKEND": "tests.faults.lossy.LossyLayer"}}
