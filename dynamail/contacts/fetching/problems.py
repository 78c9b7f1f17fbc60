from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dynamail.lib.egress import EgressError

_WORDS = {
    "url": _(
        "This is no web address that can be fetched: write it as https://host/path, without a password in it."
    ),
    "port": _(
        "This port is not open to fetching: use 80 or 443 for the web, 22 for SFTP, or one above 1023."
    ),
    "name": _("The host is not known to the DNS."),
    "address": _(
        "The host has an address inside a private network. Files are fetched from the internet only, unless the operator of this server opens the address (DYNAMAIL_EGRESS_ALLOWED)."
    ),
    "connect": _("The server cannot be reached."),
    "tls": _("The certificate of the server is not valid for it."),
    "timeout": _("The server did not answer in time."),
    "protocol": _("The server's answer makes no sense."),
    "too_large": _("The file is larger than this server takes."),
    "redirect": _("The server leads on to another address that is not followed."),
}


class FetchProblem(Exception):
    """The file could not be fetched or taken; the text says why. `code` is stable.

    `is_of_file`: it lies in this one file, and others of the same source may do.
    """

    def __init__(self, code: str, text: str, *, is_of_file: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.is_of_file = is_of_file


def explain_egress(error: EgressError) -> FetchProblem:
    words = str(_WORDS.get(error.code, _WORDS["connect"]))
    return FetchProblem(error.code, f"{words} ({error.detail})" if error.detail else words)
