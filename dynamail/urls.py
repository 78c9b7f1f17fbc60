"""The pages' addresses. `/api`, `/t` and the one-click endpoints are served by Litestar before Django sees them (`asgi.py`)."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", include("dynamail.web.routes")),
    # allauth's overview of second factors is our security page.
    path("accounts/2fa/", RedirectView.as_view(pattern_name="security"), name="mfa_index"),
    path("accounts/", include("allauth.urls")),
]
