"""How an account's mail leaves, on one page; and senders: who it is from."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.clock import utc_now
from dynamail.lib.signing import BadToken
from dynamail.senders.errors import SenderError
from dynamail.senders.identities import (
    add_sender,
    change_sender,
    make_default,
    make_verification_token,
    read_verification_token,
    remove_sender,
    verify_sender,
)
from dynamail.senders.models import Pool, Sender
from dynamail.web.access import needs, public_page
from dynamail.web.forms.senders import SenderForm
from dynamail.web.lookup import get_row
from dynamail.web.settings_tabs import list_settings_tabs
from dynamail.web.views.routing import describe_rules
from dynamail.web.views.transports import list_health

manages = needs(Permission.MANAGE_DELIVERY)


@manages
@require_GET
def show_delivery(request: Any) -> HttpResponse:
    return render(request, "senders/page.html", _context(request))


@manages
@require_http_methods(["GET", "POST"])
def create_sender(request: Any) -> HttpResponse:
    form = SenderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            sender = add_sender(
                request.account,
                by=request.member,
                now=utc_now(),
                is_verified=_is_own_address(request, form.cleaned_data["email"]),
                **form.cleaned_data,
            )
        except SenderError as error:
            form.add_error("email", str(error))
        else:
            _announce(request, sender)
            return redirect("delivery_settings")
    context = {"page_title": _("New sender"), "form": form, "crumbs": _crumbs()}
    return render(request, "senders/sender_form.html", context, status=422 if form.is_bound else 200)


@manages
@require_http_methods(["GET", "POST"])
def edit_sender(request: Any, sender: str) -> HttpResponse:
    row = get_row(Sender, request, sender)
    initial = {"name": row.name, "email": row.email, "reply_to": row.reply_to}
    form = SenderForm(request.POST or None, initial=initial)
    form.fields["email"].disabled = True
    if request.method == "POST" and form.is_valid():
        change_sender(
            row, name=form.cleaned_data["name"], reply_to=form.cleaned_data["reply_to"], by=request.member
        )
        messages.success(request, _("Saved."))
        return redirect("delivery_settings")
    context = {"page_title": str(row), "form": form, "crumbs": _crumbs()}
    return render(request, "senders/sender_form.html", context, status=422 if form.is_bound else 200)


@manages
@require_POST
def act_on_sender(request: Any, sender: str, action: str) -> HttpResponse:
    row = get_row(Sender, request, sender)
    match action:
        case "default":
            make_default(row, by=request.member)
        case "resend":
            _mail_verification(request, row)
            messages.success(request, _("We sent the link again to %s.") % row.email)
        case "remove":
            try:
                remove_sender(row, by=request.member)
            except SenderError as error:
                messages.error(request, str(error))
        case _:
            raise Http404
    return redirect("delivery_settings")


@public_page
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_sender(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the verification mail. GET changes nothing: scanners follow links."""
    try:
        account_id, sender_id = read_verification_token(token)
    except BadToken:
        raise Http404 from None
    with account_scope(account_id):
        if request.method == "POST":
            sender = verify_sender(account_id, sender_id, now=utc_now())
        else:
            sender = Sender.objects.for_account(account_id).filter(pk=sender_id).first()
        if sender is None:
            raise Http404
        context = {
            "page_title": _("Confirm this sender"),
            "sender": sender,
            "brand_name": sender.account.name,
        }
        return render(request, "senders/confirm.html", context)


def _context(request: Any) -> dict[str, Any]:
    transports = list_health(request)
    return {
        "page_title": _("Settings"),
        "tabs": list_settings_tabs(request, "delivery_settings"),
        "senders": Sender.objects.for_account(request.account).order_by("-is_default", "email"),
        "transports": transports,
        "uses_mailbox": not any(health.transport.is_default for health in transports),
        "pool_count": Pool.objects.for_account(request.account).count(),
        **describe_rules(request),
    }


def _crumbs() -> list[dict[str, str]]:
    return [{"title": _("Sending"), "url": reverse("delivery_settings")}]


def _is_own_address(request: Any, email: str) -> bool:
    """An address that this very member proved when signing up needs no second mail."""
    return request.user.emailaddress_set.filter(email__iexact=email, verified=True).exists()


def _announce(request: Any, sender: Sender) -> None:
    if sender.verified_at:
        messages.success(request, _("%s may stand in From now.") % sender.email)
        return
    _mail_verification(request, sender)
    messages.success(request, _("We sent a link to %s. Open it to verify the sender.") % sender.email)


def _mail_verification(request: Any, sender: Sender) -> None:
    link = request.build_absolute_uri(reverse("sender_confirm", args=[make_verification_token(sender)]))
    context = {"sender": sender, "account": request.account, "member": request.user, "link": link}
    body = render_to_string("senders/verification_mail.txt", context)
    EmailMessage(_("Confirm %s as a sender") % sender.email, body, to=[sender.email]).send()


urlpatterns = [
    path("settings/delivery/", show_delivery, name="delivery_settings"),
    path("settings/delivery/senders/new/", create_sender, name="sender_new"),
    path("settings/delivery/senders/<str:sender>/", edit_sender, name="sender"),
    path("settings/delivery/senders/<str:sender>/<str:action>/", act_on_sender, name="sender_action"),
    path("senders/confirm/<str:token>/", confirm_sender, name="sender_confirm"),
]
