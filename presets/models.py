"""Weight presets and their versions. A version never changes: signals point at the one that made them."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from engine.score import Policy

NAME = RegexValidator(r"^[A-Za-z0-9_-]{1,40}\Z", "a name is 1 to 40 of A-Z a-z 0-9 _ -", code="invalid_name")


class PresetQuerySet(models.QuerySet["WeightPreset"]):
    def visible(self) -> "PresetQuerySet":
        return self.filter(hidden=False)


class WeightPreset(models.Model):
    """A named set of weights; its newest version counts."""

    name = models.CharField(max_length=40, unique=True, validators=[NAME])
    description = models.CharField(max_length=200, blank=True)
    is_default = models.BooleanField(default=False, editable=False)
    is_active = models.BooleanField(default=False, editable=False)
    hidden = models.BooleanField(default=False, editable=False, help_text="deleted: kept for the signals that used it")

    objects = PresetQuerySet.as_manager()

    class Meta:
        ordering = ("-is_default", "name")
        constraints = [
            # One preset at a time: the scan reads it without having to choose.
            models.UniqueConstraint("is_active", condition=Q(is_active=True), name="one_active_preset"),
        ]

    def __str__(self) -> str:
        return self.name

    def newest(self) -> "PresetVersion":
        return self.versions.order_by("-version")[0]


class PresetVersion(models.Model):
    """What a preset said at one time: weights by detector and the thresholds that turn a score into words."""

    preset = models.ForeignKey(WeightPreset, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    weights = models.JSONField()
    act = models.FloatField(help_text="distance from 0.5 beyond which the advice is BUY or SELL")
    min_confidence = models.FloatField()
    band = models.FloatField(default=0.05, help_text="distance from 0.5 within which the direction is NEUTRAL")
    low_risk = models.FloatField(default=0.4)
    high_risk = models.FloatField(default=0.8)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ("preset", "-version")
        constraints = [models.UniqueConstraint("preset", "version", name="version_once_per_preset")]

    def __str__(self) -> str:
        return f"{self.preset.name} v{self.version}"

    def policy(self) -> Policy:
        """Return the version as the engine reads it."""
        return Policy(self.weights, self.act, self.min_confidence, self.band, self.low_risk, self.high_risk)
