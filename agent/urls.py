from django.urls import path

from agent import api

urlpatterns = [
    path("agent/status", api.StatusView.as_view(), name="agent-status"),
    path("agent/toggle", api.ToggleView.as_view(), name="agent-toggle"),
    path("agent/config", api.ConfigView.as_view(), name="agent-config"),
    path("agent/subscribe", api.SubscribeView.as_view(), name="agent-subscribe"),
    path("scanner/runs", api.RunsView.as_view(), name="scanner-runs"),
    path("metrics", api.MetricsView.as_view(), name="metrics"),
]
