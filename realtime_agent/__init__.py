"""Settings and wiring of the whole agent; imported by no other package."""

from realtime_agent.celery import app as celery_app  # tasks that others send go through this application

__all__ = ["celery_app"]
