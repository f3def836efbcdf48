"""Watches users, groups, tokens and sessions, by whatever door they are changed: audits it, and counts it.

The count, ``access_version``, tells the processes that hold sockets to look whether their credentials still hold.
"""

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver
from knox.models import AuthToken

from access import audit
from access.models import AccessVersion

ROW = 1
FACTS = ("username", "email", "is_active", "is_staff", "is_superuser")


def access_version() -> int:
    """Return how many changes there were that may have ended a credential."""
    return AccessVersion.objects.filter(pk=ROW).values_list("version", flat=True).first() or 0


def _tell() -> None:
    if not AccessVersion.objects.filter(pk=ROW).update(version=F("version") + 1):
        AccessVersion.objects.update_or_create(pk=ROW, defaults={"version": 1})


def _facts(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in FACTS}


def _name(one: Any) -> str:
    return str(getattr(one, "codename", one))


@receiver(pre_save, sender=User)
def _remember(instance: User, **kwargs: Any) -> None:
    instance._stored = User.objects.filter(pk=instance.pk).first() if instance.pk else None  # type: ignore[attr-defined]


@receiver(post_save, sender=User)
def _user_saved(instance: User, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if raw:
        return  # a fixture
    stored: User | None = getattr(instance, "_stored", None)
    old, new = audit.changed(_facts(stored) if stored else {}, _facts(instance))
    if stored and stored.password != instance.password:
        old, new = old | {"password": "former"}, new | {"password": "changed"}
    if old != new:
        with transaction.atomic():
            audit.record("user.create" if created else "user.change", f"user {instance}", old or None, new)
            _tell()


@receiver(post_delete, sender=User)
def _user_deleted(instance: User, **kwargs: Any) -> None:
    with transaction.atomic():
        audit.record("user.delete", f"user {instance}", _facts(instance), None)
        _tell()


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def _rights_changed(
    instance: Any, action: str, model: Any, pk_set: set[int] | None, sender: Any, **kwargs: Any
) -> None:
    if action not in ("post_add", "post_remove", "pre_clear") or (action != "pre_clear" and not pk_set):
        return
    kind = "group" if isinstance(instance, Group) else "user"
    related = (
        instance.permissions
        if sender is Group.permissions.through
        else (instance.groups if sender is User.groups.through and kind == "user" else None)
    )
    names = sorted(map(_name, model.objects.filter(pk__in=pk_set))) if pk_set else None
    if names is None and related is not None:
        names = sorted(map(_name, related.all()))
    given = action == "post_add"
    what = "groups" if sender is User.groups.through else "permissions"
    with transaction.atomic():
        old, new = (None, {what: names}) if given else ({what: names}, None)
        audit.record(f"{kind}.{'give' if given else 'take'}", f"{kind} {instance}", old, new)
        _tell()


@receiver(post_save, sender=AuthToken)
def _token_made(instance: AuthToken, created: bool, **kwargs: Any) -> None:
    if created:
        with transaction.atomic():
            expiry = instance.expiry.isoformat() if instance.expiry else None
            new = {"token": instance.token_key, "expires_at": expiry}
            audit.record("token.create", f"user {instance.user}", None, new)


@receiver(post_delete, sender=AuthToken)
def _token_gone(instance: AuthToken, **kwargs: Any) -> None:
    with transaction.atomic():
        audit.record("token.delete", f"user {instance.user}", {"token": instance.token_key}, None)
        _tell()


@receiver(post_delete, sender=Session)
def _session_gone(**kwargs: Any) -> None:
    _tell()


@receiver(user_logged_in)
def _logged_in(user: User, **kwargs: Any) -> None:
    with transaction.atomic():
        audit.record("session.begin", f"user {user}", None, None, by=user.get_username())


@receiver(user_logged_out)
def _logged_out(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        with transaction.atomic():
            audit.record("session.end", f"user {user}", None, None, by=user.get_username())
