"""The URL map."""

from django.contrib import admin
from django.urls import include, path

import agent.api
from realtime_agent import pages

urlpatterns = [
    path("", pages.dashboard, name="home"),
    *(path(page, pages.dashboard) for page in pages.DASHBOARD_PAGES),
    path("admin/", admin.site.urls),
    path("health", agent.api.HealthView.as_view(), name="health"),
    path("health/live", agent.api.LiveView.as_view(), name="health-live"),
    path("health/ready", agent.api.ReadyView.as_view(), name="health-ready"),
    path("metrics", agent.api.ExpositionView.as_view(), name="exposition"),
    path("api/", pages.ApiRoot.as_view(), name="api-root"),
    path("api/schema", pages.SchemaView.as_view(), name="schema"),
    path("api/docs", pages.docs, name="docs"),
    path("api/", include("access.urls")),
    path("api/", include("agent.urls")),
    path("api/", include("signals.urls")),
    path("api/", include("presets.urls")),
    path("api/", include("backtest.urls")),
    path("api/", include("risk.urls")),
    path("api/", include("alerts.urls")),
    path("api/", include("market.urls")),
]

handler404 = pages.not_found
handler500 = pages.server_error
