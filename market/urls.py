from django.urls import path

from market import api

urlpatterns = [
    path("market/symbols", api.SymbolsView.as_view(), name="market-symbols"),
    path("market/series", api.SeriesView.as_view(), name="market-series"),
    path("market/candles", api.CandlesView.as_view(), name="market-candles"),
    path("market/closes", api.ClosesView.as_view(), name="market-closes"),
]
