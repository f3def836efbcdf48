"""Limits, the paper portfolio, its orders and protections, for a person with a mouse."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from risk import services
from risk.books import bounds
from risk.limits import Bounds
from risk.models import EquityPoint, Limits, Order, Portfolio, Position, Protection
from risk.services import Refused, limits_problem


class LookOnly(admin.ModelAdmin):
    """What the scan writes: to look at."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LimitsForm(forms.ModelForm):
    class Meta:
        model = Limits
        fields = Bounds._fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields:  # none where it is only looked at
            self.fields[name].initial = getattr(bounds(), name)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if all(cleaned.get(name) is not None for name in Bounds._fields):
            problem = limits_problem(cleaned)
            if problem:
                self.add_error(*problem)
        return cleaned


@admin.register(Limits)
class LimitsAdmin(LookOnly):
    """A version never changes: adding one, which begins with the values in force, sets new limits."""

    form = LimitsForm
    list_display = ("__str__", *Bounds._fields, "created_at", "created_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def save_model(self, request: HttpRequest, obj: Limits, form: Any, change: bool) -> None:
        services.set_limits({name: form.cleaned_data[name] for name in Bounds._fields}, by=request.user)
        newest = Limits.objects.first()
        obj.pk = newest.pk if newest else None

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_addition(request, obj, message) if obj.pk else None  # nothing was changed


@admin.register(Portfolio)
class PortfolioAdmin(admin.ModelAdmin):
    """The policy may be changed; what the portfolio holds follows from signals and candles."""

    list_display = ("__str__", "follows", "cash", "peak", "processed")
    readonly_fields = ("market", "initial_equity", "cash", "peak", "limit_peak", "processed", "counted_from")
    actions = ("reset_daily",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Portfolio, form: Any, change: bool) -> None:
        services.configure(obj.market, {name: form.cleaned_data[name] for name in services.POLICY})

    @admin.action(description="Start the day's loss counter again", permissions=["change"])
    def reset_daily(self, request: HttpRequest, queryset: Any) -> None:
        for portfolio in queryset.select_related("market"):
            services.reset_daily(portfolio.market)
            self.message_user(request, f"{portfolio}: the day's losses count from now")


@admin.register(Position)
class PositionAdmin(LookOnly):
    list_display = ("instrument", "side", "quantity", "entry", "entered_at", "mark", "stop", "how", "exit", "profit")
    list_filter = ("how", "side")
    list_select_related = ("instrument",)
    actions = ("close_by_hand",)

    @admin.action(description="Close at the next open", permissions=["view"])
    def close_by_hand(self, request: HttpRequest, queryset: Any) -> None:
        if not request.user.has_perm("access.risk"):
            self.message_user(request, "This needs the permission risk.", messages.ERROR)
            return
        for one in queryset.select_related("portfolio__market", "instrument"):
            try:
                services.place(one.portfolio.market, one.instrument, services.Wish(0))
            except Refused as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, f"{one.instrument} is closed at the next open")


class OrderForm(forms.ModelForm):
    """An order by hand: a side, its stop and target, and how much if not as much as the limits allow."""

    side = forms.TypedChoiceField(choices=[(1, "long"), (-1, "short"), (0, "close what is open")], coerce=int)

    class Meta:
        model = Order
        fields = ("instrument", "stop", "target", "quantity")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("instrument") is not None and "side" in cleaned:
            wish = services.Wish(cleaned["side"], *(cleaned.get(name) for name in ("stop", "target", "quantity")))
            try:
                services.require_placeable(cleaned["instrument"].market, cleaned["instrument"], wish)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
            cleaned["wish"] = wish
        return cleaned


@admin.register(Order)
class OrderAdmin(LookOnly):
    form = OrderForm
    list_display = ("placed_at", "instrument", "intent", "status", "reason", "limits", "by")
    list_filter = ("status",)
    list_select_related = ("instrument",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("access.risk")

    def save_model(self, request: HttpRequest, obj: Order, form: Any, change: bool) -> None:
        instrument = form.cleaned_data["instrument"]
        obj.pk = services.place(instrument.market, instrument, form.cleaned_data["wish"]).pk


@admin.register(Protection)
class ProtectionAdmin(LookOnly):
    list_display = ("kind", "instrument", "since", "until", "reason", "lifted_at", "lifted_by")
    list_filter = ("kind",)
    list_select_related = ("instrument",)
    actions = ("lift",)

    @admin.action(description="Lift: positions may be opened again", permissions=["view"])
    def lift(self, request: HttpRequest, queryset: Any) -> None:
        if not request.user.has_perm("access.risk"):
            self.message_user(request, "This needs the permission risk.", messages.ERROR)
            return
        for one in queryset.select_related("portfolio__market"):
            try:
                services.lift(one.portfolio.market, one.pk)
            except Refused as error:
                self.message_user(request, f"{one}: {error}", messages.WARNING)
            else:
                self.message_user(request, f"{one} is lifted")


@admin.register(EquityPoint)
class EquityPointAdmin(LookOnly):
    list_display = ("ts", "equity", "realised", "unrealised", "drawdown", "positions")
