"""Members of the account, their roles, and invitations."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.invitations import (
    VALID_FOR,
    accept_invitation,
    find_invitation,
    invite_member,
    list_pending,
    renew_invitation,
    revoke_invitation,
    sign_invitation,
)
from dynamail.accounts.members import (
    MembershipRefused,
    change_role,
    list_assignable_roles,
    list_members,
    remove_member,
    transfer_ownership,
)
from dynamail.accounts.models import Invitation, Member, User
from dynamail.accounts.roles import PERMISSIONS, Permission, Role
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId
from dynamail.privacy.acceptance import find_unaccepted
from dynamail.web.access import PageRequest, member_page, needs, public_page
from dynamail.web.forms.members import InviteForm, RoleForm
from dynamail.web.invited import forget_invitation, remember_invitation
from dynamail.web.settings_tabs import list_settings_tabs
from dynamail.web.views.accounts import choose_account


@member_page
@require_GET
def members(request: PageRequest) -> HttpResponse:
    return _show_members(request, InviteForm(by=request.member))


@needs(Permission.MANAGE_MEMBERS)
@require_POST
def invite(request: PageRequest) -> HttpResponse:
    form = InviteForm(request.POST, by=request.member)
    if not form.is_valid():
        return _show_members(request, form, status=422)
    try:
        invitation = invite_member(
            request.account.pk,
            email=form.cleaned_data["email"],
            role=form.cleaned_data["role"],
            by=request.member,
            now=utc_now(),
        )
    except MembershipRefused as refusal:
        form.add_error("email", str(refusal))
        return _show_members(request, form, status=422)
    send_invitation(invitation, inviter=request.member)
    messages.success(request, _("The invitation to %(email)s is on its way.") % {"email": invitation.email})
    return redirect("members")


@needs(Permission.MANAGE_MEMBERS)
@require_POST
def resend_invitation(request: PageRequest, invitation_id: str) -> HttpResponse:
    invitation = _get_invitation(request, invitation_id)

    def act() -> str:
        renew_invitation(invitation, by=request.member, now=utc_now())
        send_invitation(invitation, inviter=request.member)
        return _("The invitation was sent again.")

    return _try(request, act)


@needs(Permission.MANAGE_MEMBERS)
@require_POST
def withdraw_invitation(request: PageRequest, invitation_id: str) -> HttpResponse:
    invitation = _get_invitation(request, invitation_id)

    def act() -> str:
        revoke_invitation(invitation, by=request.member, now=utc_now())
        return _("The invitation is revoked.")

    return _try(request, act)


@needs(Permission.MANAGE_MEMBERS)
@require_POST
def set_role(request: PageRequest, member_id: str) -> HttpResponse:
    member = _get_member(request, member_id)
    form = RoleForm(request.POST, by=request.member)

    def act() -> str:
        if not form.is_valid():
            raise MembershipRefused(_("You cannot give this role."))
        change_role(member, role=form.cleaned_data["role"], by=request.member, now=utc_now())
        role = Role(form.cleaned_data["role"]).label
        return _("%(name)s is now %(role)s.") % {"name": member.user, "role": role}

    return _try(request, act)


@needs(Permission.MANAGE_MEMBERS)
@require_POST
def remove(request: PageRequest, member_id: str) -> HttpResponse:
    member = _get_member(request, member_id)

    def act() -> str:
        remove_member(member, by=request.member, now=utc_now())
        return _("%(name)s is no longer a member.") % {"name": member.user}

    return _try(request, act, then="home" if member.pk == request.member.pk else "members")


@member_page
@require_POST
def leave(request: PageRequest) -> HttpResponse:
    def act() -> str:
        remove_member(request.member, by=request.member, now=utc_now())
        return _("You have left %(account)s.") % {"account": request.account.name}

    return _try(request, act, then="home")


@needs(Permission.TRANSFER_OWNERSHIP)
@require_POST
def make_owner(request: PageRequest, member_id: str) -> HttpResponse:
    member = _get_member(request, member_id)

    def act() -> str:
        transfer_ownership(member, by=request.member, now=utc_now())
        return _("%(name)s is the owner now; you are an admin.") % {"name": member.user}

    return _try(request, act)


@public_page
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What an invitation offers; only a signed-in user's click accepts it."""
    found = find_invitation(token, now=utc_now())
    if found is None:
        forget_invitation(request)
        closed = {"page_title": _("This invitation is no longer open")}
        return render(request, "members/invitation_closed.html", closed, status=404)
    if request.method == "POST" and request.user.is_authenticated:
        if find_unaccepted(
            request.user, now=utc_now()
        ):  # the gate stands before this act as before any other
            return redirect(reverse("accept_policy") + "?" + urlencode({"next": request.path}))
        return _accept(request, found)
    remember_invitation(request, token)
    context = {
        "invitation": found,
        "role": Role(found.role).label,
        "has_user": User.objects.filter(email__iexact=found.email).exists(),
        "here": request.path,
        "page_title": _("Join %(account)s") % {"account": found.account.name},
    }
    return render(request, "members/invitation.html", context)


def _accept(request: HttpRequest, found: Invitation) -> HttpResponse:
    try:
        member = accept_invitation(found, user=request.user, now=utc_now())  # type: ignore[arg-type]
    except MembershipRefused as refusal:  # someone was faster, in another tab perhaps
        messages.warning(request, str(refusal))
        return redirect("home")
    forget_invitation(request)
    choose_account(request, member.account)
    messages.success(request, _("Welcome to %(account)s.") % {"account": found.account.name})
    return redirect("home")


def send_invitation(invitation: Invitation, *, inviter: Member) -> None:
    """Mail the link, in the account's language: the invited person's own is not known yet."""
    link = settings.PUBLIC_URL + reverse("invitation", args=[sign_invitation(invitation)])
    with translation.override(inviter.account.language):
        context = {
            "account": inviter.account.name,
            "inviter": inviter.user,
            "role": Role(invitation.role).label,
            "link": link,
            "days": VALID_FOR.days,
        }
        subject = _("%(inviter)s invites you to %(account)s") % context
        body = render_to_string("members/invitation_mail.txt", context)
    EmailMessage(" ".join(subject.split()), body, to=[invitation.email]).send()


def _show_members(request: PageRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
    may_manage = request.member.may(Permission.MANAGE_MEMBERS)
    context = {
        "form": form,
        "members": list_members(request.account.pk),
        "invitations": list_pending(request.account.pk, now=utc_now()) if may_manage else [],
        "roles": [(role.value, role.label) for role in list_assignable_roles(request.member)],
        "may_manage": may_manage,
        "may_transfer": request.member.may(Permission.TRANSFER_OWNERSHIP),
        "role_table": [
            (permission.label, [permission in PERMISSIONS[role] for role in Role])
            for permission in Permission
        ],
        "role_names": [role.label for role in Role],
        "tabs": list_settings_tabs(request, "members"),
        "page_title": _("Members"),
    }
    return render(request, "members/list.html", context, status=status)


def _try(request: PageRequest, act: Callable[[], str], *, then: str = "members") -> HttpResponse:
    """Do it and say so, or say why not."""
    try:
        messages.success(request, act())
    except MembershipRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("members")
    return redirect(then)


def _get_member(request: PageRequest, member_id: str) -> Member:
    try:
        uid = Member.uid_from(member_id)
        return Member.objects.for_account(request.account).select_related("user").get(uid=uid)
    except (UnknownId, Member.DoesNotExist):
        raise Http404 from None


def _get_invitation(request: PageRequest, invitation_id: str) -> Invitation:
    try:
        return Invitation.objects.for_account(request.account).get(uid=Invitation.uid_from(invitation_id))
    except (UnknownId, Invitation.DoesNotExist):
        raise Http404 from None


urlpatterns: list[URLPattern] = [
    path("settings/members/", members, name="members"),
    path("settings/members/invite/", invite, name="member_invite"),
    path("settings/members/leave/", leave, name="member_leave"),
    path("settings/members/<str:member_id>/role/", set_role, name="member_role"),
    path("settings/members/<str:member_id>/remove/", remove, name="member_remove"),
    path("settings/members/<str:member_id>/owner/", make_owner, name="member_owner"),
    path("settings/invitations/<str:invitation_id>/resend/", resend_invitation, name="invitation_resend"),
    path("settings/invitations/<str:invitation_id>/revoke/", withdraw_invitation, name="invitation_revoke"),
    path("invitations/<str:token>/", invitation, name="invitation"),
]
