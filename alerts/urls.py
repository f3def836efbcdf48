from django.urls import path

from alerts import api

urlpatterns = [
    path("alerts", api.AlertsView.as_view(), name="alerts"),
    path("alerts/rules", api.RulesView.as_view(), name="alert-rules"),
    path("alerts/rules/<int:rule_id>", api.RuleView.as_view(), name="alert-rule"),
    path("alerts/targets", api.TargetsView.as_view(), name="alert-targets"),
    path("alerts/targets/<int:target_id>", api.TargetView.as_view(), name="alert-target"),
    path("alerts/targets/<int:target_id>/test", api.TestView.as_view(), name="alert-target-test"),
    path("alerts/deliveries", api.DeliveriesView.as_view(), name="alert-deliveries"),
    path("alerts/deliveries/replay", api.ReplayDeadView.as_view(), name="alert-deliveries-replay"),
    path("alerts/deliveries/<uuid:delivery_id>", api.DeliveryView.as_view(), name="alert-delivery"),
    path("alerts/deliveries/<uuid:delivery_id>/replay", api.ReplayView.as_view(), name="alert-delivery-replay"),
]
