"""Streams: kinds of mail with a life of their own, their numbers of the last day, how long their mail is kept."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.lib.clock import utc_now
from dynamail.messages.stream_numbers import count_last_day
from dynamail.senders.models import Stream
from dynamail.senders.streams import (
    StreamRefused,
    archive_stream,
    change_stream,
    create_stream,
    is_built_in,
    list_streams,
    restore_stream,
)
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.streams import StreamForm
from dynamail.web.lookup import get_row
from dynamail.web.settings_tabs import list_settings_tabs


@needs(Permission.MANAGE_DELIVERY)
@require_GET
def streams(request: PageRequest) -> HttpResponse:
    rows = list_streams(request.account.pk, archived=True)
    numbers = count_last_day(request.account.pk, rows, now=utc_now())
    context = {
        "rows": [(row, numbers[row.uid]) for row in rows if row.archived_at is None],
        "archived": [row for row in rows if row.archived_at is not None],
        "tabs": list_settings_tabs(request, "streams"),
        "page_title": _("Streams"),
    }
    return render(request, "streams/list.html", context)


@needs(Permission.MANAGE_DELIVERY)
@require_http_methods(["GET", "POST"])
def new_stream(request: PageRequest) -> HttpResponse:
    form = StreamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            data = form.cleaned_data
            stream = create_stream(
                request.account.pk,
                name=data["name"],
                key=data["key"],
                kind=data["kind"],
                habits=form.habits,
                by=request.member,
                now=utc_now(),
            )
        except StreamRefused as refusal:
            form.add_error(refusal.field or None, str(refusal))
        else:
            messages.success(request, _("The stream “%s” is ready.") % stream.name)
            return redirect("streams")
    return _show_form(request, form, title=_("New stream"))


@needs(Permission.MANAGE_DELIVERY)
@require_http_methods(["GET", "POST"])
def edit_stream(request: PageRequest, stream_id: str) -> HttpResponse:
    stream = get_row(Stream, request, stream_id)
    form = StreamForm(request.POST or None, stream=stream)
    if request.method == "POST" and form.is_valid():
        try:
            name, habits = form.cleaned_data["name"], form.habits
            change_stream(stream, name=name, habits=habits, by=request.member, now=utc_now())
        except StreamRefused as refusal:
            form.add_error(refusal.field or None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("streams")
    return _show_form(request, form, title=stream.name, stream=stream)


@needs(Permission.MANAGE_DELIVERY)
@require_POST
def close_stream(request: PageRequest, stream_id: str) -> HttpResponse:
    """Archive it, or open it again when it is archived."""
    stream = get_row(Stream, request, stream_id)
    try:
        if stream.archived_at is None:
            archive_stream(stream, by=request.member, now=utc_now())
            messages.success(request, _("The stream “%s” is archived.") % stream.name)
        else:
            restore_stream(stream, by=request.member, now=utc_now())
            messages.success(request, _("The stream “%s” is open again.") % stream.name)
    except StreamRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("streams")


def _show_form(
    request: PageRequest, form: StreamForm, *, title: str, stream: Stream | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "stream": stream,
        "is_built_in": stream is not None and is_built_in(stream),
        "crumbs": [{"title": _("Streams"), "url": reverse("streams")}],
        "page_title": title,
    }
    return render(request, "streams/form.html", context, status=422 if form.errors else 200)


urlpatterns: list[URLPattern] = [
    path("settings/streams/", streams, name="streams"),
    path("settings/streams/new/", new_stream, name="stream_new"),
    path("settings/streams/<str:stream_id>/", edit_stream, name="stream_edit"),
    path("settings/streams/<str:stream_id>/archive/", close_stream, name="stream_archive"),
]
