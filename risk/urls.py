from django.urls import path

from risk import api

urlpatterns = [
    path("risk/status", api.StatusView.as_view(), name="risk-status"),
    path("risk/limits", api.LimitsView.as_view(), name="risk-limits"),
    path("risk/limits/history", api.LimitsHistoryView.as_view(), name="risk-limits-history"),
    path("risk/calculate-position", api.PositionSizeView.as_view(), name="risk-calculate-position"),
    path("risk/calculate-stop-loss", api.StopLossView.as_view(), name="risk-calculate-stop-loss"),
    path("risk/check-correlation", api.CorrelationView.as_view(), name="risk-check-correlation"),
    path("risk/portfolio-assessment", api.AssessmentView.as_view(), name="risk-assessment"),
    path("risk/var", api.VarView.as_view(), name="risk-var"),
    path("risk/reset-daily", api.ResetDailyView.as_view(), name="risk-reset-daily"),
    path("risk/portfolio", api.PolicyView.as_view(), name="risk-portfolio"),
    path("risk/positions", api.PositionsView.as_view(), name="risk-positions"),
    path("risk/orders", api.OrdersView.as_view(), name="risk-orders"),
    path("risk/orders/<int:order_id>", api.OrderView.as_view(), name="risk-order"),
    path("risk/equity", api.EquityView.as_view(), name="risk-equity"),
    path("risk/protections", api.ProtectionsView.as_view(), name="risk-protections"),
    path("risk/protections/<int:protection_id>", api.ProtectionView.as_view(), name="risk-protection"),
]
