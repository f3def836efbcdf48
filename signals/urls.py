from django.urls import path

from signals import api
from signals.outcomes import api as outcomes

urlpatterns = [
    path("signals", api.SignalsView.as_view(), name="signals"),
    path("signals/score", api.ScoreView.as_view(), name="score"),
    path("signals/latest", api.LatestView.as_view(), name="signals-latest"),
    path("signals/decisions", api.DecisionsView.as_view(), name="signals-decisions"),
    path("signals/structure", api.StructureView.as_view(), name="signals-structure"),
    path("signals/outcomes", outcomes.OutcomesView.as_view(), name="outcomes"),
    path("signals/outcomes/record", outcomes.RecordView.as_view(), name="record"),
    path("signals/<uuid:signal_id>/outcome", outcomes.OutcomeView.as_view(), name="signal-outcome"),
    path("signals/<uuid:signal_id>", api.SignalView.as_view(), name="signal"),
    path("signals/<uuid:signal_id>/explain", api.ExplainView.as_view(), name="signal-explain"),
    path("scanner/run", api.ScannerRunView.as_view(), name="scanner-run"),
    path("scanner/symbol/<path:symbol>", api.ScannerSymbolView.as_view(), name="scanner-symbol"),
]
