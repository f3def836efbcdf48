"""Permissions, the audit trail, tickets and the counters of tries."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone

from rest.access import Permission


class Capability(models.Model):
    """Holds the permissions of ``rest.access.Permission``; has no table."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [(p.value, f"Can {p.value}") for p in Permission if p is not Permission.ANYONE]

    def __str__(self) -> str:
        return "a permission without a table"


class AppendOnly(Exception):
    """An entry of the audit trail is neither changed nor deleted."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("the audit trail cannot be changed")

    def delete(self) -> NoReturn:
        raise AppendOnly("the audit trail cannot be deleted")


class AuditEntry(models.Model):
    """One change: who, when, from where, old and new. Written by ``audit.record`` in the change's transaction."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    ts = models.BigIntegerField(editable=False, help_text="at in ms since the epoch: lists are paged by it")
    actor = models.CharField(max_length=200, help_text="user name, anonymous, or system:<user> for a command")
    source = models.CharField(max_length=60, help_text="the client's address, or command")
    action = models.CharField(max_length=60, help_text="such as agent.toggle")
    object = models.CharField(max_length=200, help_text="what was changed, such as preset mine")
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("-ts", "-pk")
        verbose_name_plural = "audit trail"
        indexes = [models.Index("ts", "id", name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.object}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("the audit trail cannot be changed")
        self.ts = int(self.at.timestamp() * 1000)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("the audit trail cannot be deleted")


class Ticket(models.Model):
    """Opens one socket once, for the credential that it was asked for with."""

    digest = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    token = models.CharField(max_length=128, blank=True, help_text="digest")
    session_key = models.CharField(max_length=40, blank=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest[:8]


class Tries(models.Model):
    """How often something was tried in the present window; counted in the database, so all processes count as one."""

    key = models.CharField(max_length=64, primary_key=True, help_text="digest of what is counted")
    window = models.BigIntegerField()
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} in window {self.window}"


class AccessVersion(models.Model):
    """One row that counts changes of users, rights, tokens and sessions: whoever holds sockets looks at it."""

    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)
