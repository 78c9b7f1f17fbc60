"""The policies, public, with their versions and differences; and the page that asks for acceptance."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from dynamail.lib.clock import utc_now
from dynamail.privacy.acceptance import (
    accept_policy,
    find_last_accepted,
    find_policy_in_force,
    find_unaccepted,
)
from dynamail.privacy.models import PolicyDocument
from dynamail.privacy.policies import list_versions
from dynamail.privacy.reading import compare_texts, keep_changed, read_blocks
from dynamail.web.access import PageRequest, public_page, signed_in_page_before_policy

PRIVACY, COOKIES = PolicyDocument.Kind.PRIVACY, PolicyDocument.Kind.COOKIES
ROUTES = {
    PRIVACY: ("policy", "policy_version", "policy_changes"),
    COOKIES: ("cookies", "cookies_version", "cookies_changes"),
}


@public_page
@require_GET
def policy(request: HttpRequest, kind: str = PRIVACY, version: int | None = None) -> HttpResponse:
    """A version, or the one in force."""
    versions = list_versions(kind, language=_language())
    document = next((row for row in versions if version in (None, row.version)), None)
    if document is None:
        raise Http404
    context = _frame(kind, document, versions) | {"blocks": read_blocks(document.body)}
    return render(request, "policies/policy.html", context)


@public_page
@require_GET
def changes(request: HttpRequest, version: int, kind: str = PRIVACY) -> HttpResponse:
    """What a version changed against the one before it."""
    versions = list_versions(kind, language=_language())
    pair = {row.version: row for row in versions}
    document, before = pair.get(version), pair.get(version - 1)
    if document is None or before is None:
        raise Http404
    context = _frame(kind, document, versions) | {
        "before": before,
        "changes": compare_texts(before.body, document.body),
    }
    return render(request, "policies/changes.html", context)


@signed_in_page_before_policy
@never_cache
@require_http_methods(["GET", "POST"])
def accept(request: PageRequest) -> HttpResponse:
    """Ask for acceptance of what is in force; the way on leads to where the user wanted to go."""
    now, target = utc_now(), _safe_target(request)
    missing = find_unaccepted(request.user, now=now)
    if not missing:
        return redirect(target)
    document, problem = missing[0], ""
    if request.method == "POST":
        # The text that was shown is the text that is accepted: a version published meanwhile is asked for again.
        if request.POST.get("sha256") == document.sha256 and request.POST.get("agree") == "yes":
            accept_policy(request.user, document, language=document.language, now=now)
            return redirect(target)
        problem = _("Tick the box to accept, or sign out.")
        if request.POST.get("sha256") != document.sha256:
            problem = _(
                "The policy has changed since you opened this page. Please read the new version below."
            )
    last = find_last_accepted(request.user, kind=document.kind)
    earlier = _in_language(last, document.language) if last else None
    context = {
        "document": document,
        "blocks": read_blocks(document.body),
        "last": last,
        "changes": keep_changed(compare_texts(earlier.body, document.body)) if earlier else [],
        "problem": problem,
        "target": target,
        "page_title": _("Our privacy policy has changed") if last else _("Before you start"),
    }
    return render(request, "policies/accept.html", context, status=422 if problem else 200)


def _frame(kind: str, document: PolicyDocument, versions: list[PolicyDocument]) -> dict[str, object]:
    current, one, changed = ROUTES[PolicyDocument.Kind(kind)]
    known = {row.version for row in versions}
    return {
        "document": document,
        "in_force": find_policy_in_force(kind, language=document.language, now=utc_now()),
        "versions": [
            {
                "document": row,
                "url": reverse(one, args=[row.version]),
                "changes_url": reverse(changed, args=[row.version]) if row.version - 1 in known else "",
                "active": row.version == document.version,
            }
            for row in versions
        ],
        "current_url": reverse(current),
        "other_url": reverse("cookies" if kind == PRIVACY else "policy"),
        "other_title": _("Cookie policy") if kind == PRIVACY else _("Privacy policy"),
        "page_title": document.title,
    }


def _in_language(document: PolicyDocument, language: str) -> PolicyDocument:
    """The version that was accepted, in the language that is read now: a translation is no change."""
    same = PolicyDocument.objects.filter(kind=document.kind, version=document.version, language=language)
    return same.first() or document


def _language() -> str:
    return (get_language() or "en").split("-")[0]


def _safe_target(request: HttpRequest) -> str:
    url = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if safe else "/"


urlpatterns: list[URLPattern] = [
    path("policy/", policy, name="policy"),
    path("policy/accept/", accept, name="accept_policy"),
    path("policy/<int:version>/", policy, name="policy_version"),
    path("policy/<int:version>/changes/", changes, name="policy_changes"),
    path("cookies/", policy, {"kind": COOKIES}, name="cookies"),
    path("cookies/<int:version>/", policy, {"kind": COOKIES}, name="cookies_version"),
    path("cookies/<int:version>/changes/", changes, {"kind": COOKIES}, name="cookies_changes"),
]
