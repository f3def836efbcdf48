from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


def store_roles(sender: AppConfig, **kwargs: object) -> None:
    """Once, behind the last app: by then every app's permissions are stored."""
    if sender is list(apps.get_app_configs())[-1]:
        from access.roles import ensure_roles

        ensure_roles()


class AccessConfig(AppConfig):
    name = "access"

    def ready(self) -> None:
        from access import checks, schema, watching  # noqa: F401  they register themselves

        post_migrate.connect(store_roles)
