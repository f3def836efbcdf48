from django.apps import AppConfig
from django.db.models.signals import post_migrate


def store_defaults(sender: AppConfig, **kwargs: object) -> None:
    from presets.services import ensure_defaults

    ensure_defaults()


class PresetsConfig(AppConfig):
    name = "presets"

    def ready(self) -> None:
        post_migrate.connect(store_defaults, sender=self)
