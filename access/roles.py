"""The roles: groups with permissions. What a role may is fixed here; for another mix, make a group of your own."""

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.models import Permission as StoredPermission
from django.db import transaction

from rest.access import Permission


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_VIEWER = {Permission.READ}
_OPERATOR = _VIEWER | {Permission.TOGGLE, Permission.SCAN, Permission.BACKTEST, Permission.RISK, Permission.ALERTS}
MAY: dict[Role, set[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: set(Permission) - {Permission.ANYONE},
}


def ensure_roles() -> None:
    """Store the groups with their permissions. Idempotent. The admin role may all that the admin pages offer."""
    for role, permissions in MAY.items():
        group, _ = Group.objects.get_or_create(name=role)
        wanted = StoredPermission.objects.all()
        if role is not Role.ADMIN:
            wanted = wanted.filter(content_type__app_label="access", codename__in=[str(p) for p in permissions])
        have = set(group.permissions.values_list("pk", flat=True))
        if have != set(wanted.values_list("pk", flat=True)):
            group.permissions.set(wanted)


@transaction.atomic
def give_role(user: User, role: Role) -> None:
    """Make ``role`` the user's only one of the three; the admin role opens the admin pages as well."""
    user.groups.remove(*Group.objects.filter(name__in=[str(r) for r in Role if r != role]))
    user.groups.add(Group.objects.get(name=role))
    if user.is_staff != (role is Role.ADMIN):
        user.is_staff = role is Role.ADMIN
        user.save(update_fields=["is_staff"])


def role_of(user: Any) -> Role | None:
    """Return the highest role of a user; a superuser is an admin; None for who has none or is not signed in."""
    if not user.is_authenticated:
        return None
    if user.is_superuser:
        return Role.ADMIN
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER) if role in names), None)


def permissions_of(user: Any, is_open: bool) -> list[Permission]:
    """Return what a caller may, in the order of Permission. ``is_open``: control is open to who is not signed in."""
    every: list[Permission] = [p for p in Permission if p is not Permission.ANYONE]
    if not user.is_authenticated:
        return every if is_open else []
    return [p for p in every if user.has_perm(f"access.{p}")]
