"""The URL map."""

from django.contrib import admin
from django.urls import include, path

import agent.api
from realtime_agent import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("admin/", admin.site.urls),
    path("health", agent.api.health, name="health"),
    path("health/live", agent.api.live, name="health-live"),
    path("health/ready", agent.api.ready, name="health-ready"),
    path("api/", pages.ApiRoot.as_view(), name="api-root"),
    path("api/", include("agent.urls")),
    path("api/", include("signals.urls")),
    path("api/", include("presets.urls")),
    path("api/", include("market.urls")),
]

handler404 = pages.not_found
handler500 = pages.server_error
