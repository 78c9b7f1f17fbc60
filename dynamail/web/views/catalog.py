"""What contacts are described with: attributes, tags, topics."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.consent.models import Topic
from dynamail.consent.recording import count_subscribed
from dynamail.consent.topics import (
    TopicRefused,
    archive_topic,
    change_topic,
    create_topic,
    find_topics,
    restore_topic,
)
from dynamail.contacts.models import Tag
from dynamail.contacts.tags import (
    TagError,
    count_tagged,
    create_tag,
    delete_tag,
    list_tags,
    merge_tags,
    rename_tag,
)
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.catalog import MergeTagForm, TagForm, TopicForm
from dynamail.web.views.contacts import list_tabs

views = needs(Permission.VIEW_CONTACTS)
edits = needs(Permission.EDIT_CONTACTS)


# ── Tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@views
@require_http_methods(["GET", "POST"])
def tags(request: PageRequest) -> HttpResponse:
    may_edit = request.member.may(Permission.EDIT_CONTACTS)
    form = TagForm(request.POST or None)
    if request.method == "POST" and not may_edit:
        return render(request, "web/403.html", status=403)
    if request.method == "POST" and form.is_valid():
        try:
            create_tag(request.account.pk, form.cleaned_data["name"], by=request.user, now=utc_now())
        except TagError as error:
            form.add_error("name", str(error))
        else:
            return redirect("tags")
    counts = count_tagged(request.account.pk)
    rows = [(tag, counts.get(tag.pk, 0)) for tag in list_tags(request.account.pk)]
    context = make_page(request, "tags") | {"rows": rows, "form": form}
    return render(request, "catalog/tags.html", context, status=422 if form.errors else 200)


@edits
@require_http_methods(["GET", "POST"])
def edit_tag(request: PageRequest, tag_id: str) -> HttpResponse:
    """Rename, or merge into another tag."""
    tag = _get(Tag, request, tag_id)
    merging = request.POST.get("act") == "merge"
    others = [other for other in list_tags(request.account.pk) if other.pk != tag.pk]
    form = TagForm(
        request.POST if request.method == "POST" and not merging else None, initial={"name": tag.name}
    )
    merge_form = MergeTagForm(request.POST if merging else None, others=others)
    try:
        if merging and merge_form.is_valid():
            into = next(other for other in others if other.public_id == merge_form.cleaned_data["into"])
            moved = merge_tags(tag, into=into, by=request.user, now=utc_now())
            text = ngettext(
                "%(count)s contact moved to “%(name)s”.", "%(count)s contacts moved to “%(name)s”.", moved
            )
            messages.success(request, text % {"count": moved, "name": into.name})
            return redirect("tags")
        if form.is_bound and form.is_valid():
            rename_tag(tag, form.cleaned_data["name"], by=request.user, now=utc_now())
            return redirect("tags")
    except TagError as error:
        (merge_form if merging else form).add_error(None, str(error))
    context = {
        "page_title": tag.name,
        "tag": tag,
        "form": form,
        "merge_form": merge_form if others else None,
        "count": count_tagged(request.account.pk).get(tag.pk, 0),
        "crumbs": _crumbs("tags"),
    }
    return render(
        request, "catalog/tag.html", context, status=422 if form.errors or merge_form.errors else 200
    )


@edits
@require_POST
def remove_tag(request: PageRequest, tag_id: str) -> HttpResponse:
    tag = _get(Tag, request, tag_id)
    delete_tag(tag, by=request.user, now=utc_now())
    messages.success(request, _("The tag “%s” was deleted.") % tag.name)
    return redirect("tags")


# ── Topics ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@views
@require_GET
def topics(request: PageRequest) -> HttpResponse:
    subscribed = count_subscribed(request.account.pk)
    rows = [(row, subscribed.get(row.pk, 0)) for row in find_topics(request.account, with_archived=True)]
    context = make_page(request, "topics") | {
        "rows": [(row, count) for row, count in rows if row.archived_at is None],
        "archived": [row for row, _count in rows if row.archived_at is not None],
    }
    return render(request, "catalog/topics.html", context)


@edits
@require_http_methods(["GET", "POST"])
def new_topic(request: PageRequest) -> HttpResponse:
    form = TopicForm(request.POST or None, initial={"tracking": request.account.tracking, "is_public": True})
    if request.method == "POST" and form.is_valid():
        try:
            create_topic(request.account, by=request.user, now=utc_now(), **form.cleaned_data)
        except TopicRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            return redirect("topics")
    return render_form(request, form, _("New topic"), "topics")


@edits
@require_http_methods(["GET", "POST"])
def edit_topic(request: PageRequest, topic_id: str) -> HttpResponse:
    row = _get(Topic, request, topic_id)
    initial = {name: getattr(row, name) for name in ("name", "description", "is_public", "tracking")}
    form = TopicForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            change_topic(row, by=request.user, **form.cleaned_data)
        except TopicRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("topics")
    return render_form(request, form, row.name, "topics")


@edits
@require_POST
def put_topic_away(request: PageRequest, topic_id: str) -> HttpResponse:
    """Archive, or take out of the archive."""
    row = _get(Topic, request, topic_id)
    if row.archived_at is None:
        archive_topic(row, by=request.user, now=utc_now())
    else:
        restore_topic(row, by=request.user)
    return redirect("topics")


def make_page(request: PageRequest, current: str) -> dict[str, Any]:
    return {
        "page_title": _("Contacts"),
        "tabs": list_tabs(request, current),
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
    }


def render_form(request: PageRequest, form: Any, title: str, back: str) -> HttpResponse:
    context = {"page_title": title, "form": form, "crumbs": _crumbs(back), "back_url": reverse(back)}
    return render(request, "catalog/form.html", context, status=422 if form.errors else 200)


def _crumbs(current: str) -> list[dict[str, str]]:
    titles = {"attributes": _("Attributes"), "tags": _("Tags"), "topics": _("Topics")}
    return [
        {"title": _("Contacts"), "url": reverse("contacts")},
        {"title": titles[current], "url": reverse(current)},
    ]


def _get(model: Any, request: PageRequest, public_id: str) -> Any:
    try:
        return model.objects.for_account(request.account).get(uid=model.uid_from(public_id))
    except (UnknownId, model.DoesNotExist):
        raise Http404 from None


urlpatterns: list[URLPattern] = [
    path("contacts/tags/", tags, name="tags"),
    path("contacts/tags/<str:tag_id>/", edit_tag, name="tag"),
    path("contacts/tags/<str:tag_id>/delete/", remove_tag, name="tag_delete"),
    path("contacts/topics/", topics, name="topics"),
    path("contacts/topics/new/", new_topic, name="topic_new"),
    path("contacts/topics/<str:topic_id>/", edit_topic, name="topic"),
    path("contacts/topics/<str:topic_id>/archive/", put_topic_away, name="topic_archive"),
]
