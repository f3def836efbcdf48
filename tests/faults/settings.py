"""The settings as they are, with the faults that cannot be caused from outside: see ``tests.faults.broken``."""

from realtime_agent.settings import *  # noqa: F403
from realtime_agent.settings import CHANNEL_LAYERS, DATABASES, INSTALLED_APPS
from tests.faults.broken import PATIENT

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.broken.Broken"]
CHANNEL_LAYERS = {"default": CHANNEL_LAYERS["default"] | {"BACKEND": "tests.faults.lossy.LossyLayer"}}
if not PATIENT:  # a stopped process loses its transaction sooner: of 15 s
    DATABASES["default"]["OPTIONS"]["options"] = "-c lock_timeout=2000 -c idle_in_transaction_session_timeout=2000"
