"""The pages' addresses. `/api`, `/t` and the one-click endpoints are served by Litestar before Django sees them (`asgi.py`)."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("dynamail.web.routes")),
    path("accounts/", include("allauth.urls")),
]
