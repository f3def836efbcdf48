"""The audit trail to read; tickets and counters are nobody's business."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from access.models import AuditEntry
from rest.big_lists import BigList


@admin.register(AuditEntry)
class AuditEntryAdmin(BigList):
    list_display = ("at", "actor", "source", "action", "object", "changed")
    search_fields = ("=actor", "=action", "=object")
    search_help_text = "an actor, an action or an object, as it stands in the list"
    keyset = ("ts", "id")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        # The whole term: names of objects have blanks in them.
        return super().get_search_results(request, queryset, f'"{search_term}"' if search_term else "")

    @admin.display(description="what changed")
    def changed(self, entry: AuditEntry) -> str:
        old, new = entry.old, entry.new
        if isinstance(old, dict) and isinstance(new, dict):
            return "; ".join(f"{name}: {old.get(name)} → {new.get(name)}" for name in sorted({*old, *new}))[:300]
        return f"{'–' if old is None else old} → {'–' if new is None else new}"[:300]
