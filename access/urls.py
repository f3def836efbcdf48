from django.urls import path

from access import api

urlpatterns = [
    path("auth/login", api.LoginView.as_view(), name="login"),
    path("auth/logout", api.LogoutView.as_view(), name="logout"),
    path("auth/me", api.MeView.as_view(), name="me"),
    path("auth/token", api.TokenView.as_view(), name="token"),
    path("auth/token/revoke", api.RevokeView.as_view(), name="token-revoke"),
    path("auth/ws-ticket", api.TicketView.as_view(), name="ws-ticket"),
    path("audit", api.AuditView.as_view(), name="audit"),
]
