"""Rules, targets and messages to look at, to turn on and off, to test and to send again.

What a rule says is changed over the API or the page, where it is checked as a whole.
"""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest

from alerts import services
from alerts.models import Alert, Delivery, Rule, Target


class _ToLookAt(admin.ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Rule)
class RuleAdmin(_ToLookAt):
    list_display = ("name", "enabled", "watches", "trigger", "cooldown_s", "digest_s")
    list_filter = ("enabled",)
    search_fields = ("name",)
    actions = ("turn_on", "turn_off")

    @admin.action(description="Turn on", permissions=["view"])
    def turn_on(self, request: HttpRequest, queryset: Any) -> None:
        self._turn(request, queryset, on=True)

    @admin.action(description="Turn off", permissions=["view"])
    def turn_off(self, request: HttpRequest, queryset: Any) -> None:
        self._turn(request, queryset, on=False)

    def _turn(self, request: HttpRequest, queryset: Any, *, on: bool) -> None:
        for rule in queryset:
            services.save_rule(rule, {"enabled": on}, None)
        self.message_user(request, f"turned {'on' if on else 'off'}: {', '.join(rule.name for rule in queryset)}")


@admin.register(Target)
class TargetAdmin(_ToLookAt):
    list_display = ("name", "kind", "shown", "enabled", "failures", "paused_until")
    fields = ("name", "kind", "shown", "enabled", "failures", "paused_until", "created_at")
    search_fields = ("name",)
    actions = ("test",)

    @admin.action(description="Send a test", permissions=["view"])
    def test(self, request: HttpRequest, queryset: Any) -> None:
        for target in queryset:
            delivery = services.put_test(target)
            self.message_user(request, f"a test is on its way to {target}: delivery {delivery.pk}")


@admin.register(Alert)
class AlertAdmin(_ToLookAt):
    list_display = ("title", "rule_name", "symbol", "as_of", "created_ms")
    list_filter = ("rule",)
    search_fields = ("=symbol",)


@admin.register(Delivery)
class DeliveryAdmin(_ToLookAt):
    list_display = ("id", "kind", "target_name", "status", "attempts", "due_at", "answer", "error")
    list_filter = ("status", "kind", "target")
    exclude = ("alerts",)
    actions = ("replay",)

    @admin.action(description="Send again, under the same id", permissions=["view"])
    def replay(self, request: HttpRequest, queryset: Any) -> None:
        for delivery in queryset:
            try:
                services.replay(delivery)
            except services.NotReplayable as error:
                self.message_user(request, f"{delivery.pk}: {error}", messages.WARNING)
            else:
                self.message_user(request, f"{delivery.pk} is in the outbox again")
