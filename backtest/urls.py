from django.urls import path

from backtest import api, walk_api

urlpatterns = [
    path("backtest/walk-forwards", walk_api.WalkForwardsView.as_view(), name="walk-forwards"),
    path("backtest/walk-forwards/<int:walk_id>", walk_api.WalkForwardView.as_view(), name="walk-forward"),
    path("backtest/run", api.RunView.as_view(), name="backtest-run"),
    path("backtest/results", api.ResultsView.as_view(), name="backtest-results"),
    path("backtest/results/<uuid:backtest_id>", api.ResultView.as_view(), name="backtest-result"),
    path("backtest/export/<uuid:backtest_id>", api.ExportView.as_view(), name="backtest-export"),
]
