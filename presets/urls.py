from django.urls import path

from presets import api

urlpatterns = [
    path("config/weights", api.WeightsView.as_view(), name="weights"),
    path("config/weight-presets", api.PresetsView.as_view(), name="presets"),
    path("config/weight-presets/<str:name>", api.PresetView.as_view(), name="preset"),
    path("config/weight-presets/<str:name>/activate", api.ActivateView.as_view(), name="preset-activate"),
    path("config/weight-presets/<str:name>/duplicate", api.DuplicateView.as_view(), name="preset-duplicate"),
    path("config/export-presets", api.ExportView.as_view(), name="presets-export"),
    path("config/import-presets", api.ImportView.as_view(), name="presets-import"),
    path("config/weight-presets/<str:name>/history", api.HistoryView.as_view(), name="preset-history"),
]
