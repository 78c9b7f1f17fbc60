"""Where the notice ends and the returned message begins, and what the returned message's header says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dynamail.protocols.reports.parts import MAX_HEADERS, Headers, parse_fields
from dynamail.protocols.reports.text_recipients import find_address

_DELIMITER = re.compile(
    r"""^[ \t>]{0,4}(?:
      [-=*_+]{2,80}[ \t]{0,4}(?:
        (?:this|below|enclosed|included|here|following|the\ (?:original|body|header)|start\ of|begin|copy|\ ?unsent|undelivered|undeliverable
        |returned|rejected|failed|bounced|forwarded|original|message\ (?:header|body|text|content|follow)|headers?\ of|your\ (?:original\ )?message
        |text\ of|orig|オリジナル)
        (?!\ address)(?!\ recipient)[^\n]{0,80}
      )
      |(?:a\ copy\ of\ )?(?:the\ |your\ )?(?:original|undelivered|rejected)?[ ]?(?:message|mail)\ ?(?:headers?)?[ ](?:follows|is\ attached|attached)\b[^\n]{0,20}
      |(?:original\ )?message\ headers?\ follows?[^\n]{0,40}
      |(?:original\ )(?:message|mail)(?:\ header[s]?)?(?:\ as\ follows|\ follows|\ below)?[ ]?[.:]
      |(?:included|below|here|attached|following|enclosed)\ (?:is|are)\ (?:a\ |the\ )?(?:copy|copies|header|first|original|body|unsent)[^\n]{0,100}
      |(?:the\ )?(?:text|header|headers|first\ \d+\ lines|content|contents|body)\ of\ (?:the|your)\ (?:original\ )?(?:message|mail)[^\n]{0,60}:
      |-{2,}.{0,40}original\ ?mail\ info[^\n]{0,40}
      |content-type:[ ]*(?:message/(?:rfc822|global)|text/rfc822-headers)[^\n]{0,100}
      |(?:return-path|received|delivered-to|dkim-signature|x-original-to|arc-seal):[ ][^\n]{1,400}
    )""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_HEADER_LINE = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,60}:")


@dataclass(frozen=True, slots=True)
class Original:
    """What a returned message tells about itself. `complainer` is added by Microsoft's complaint feedback (JMRP)."""

    message_id: str = ""
    envelope_from: str = ""
    sender: str = ""
    subject: str = ""
    to: str = ""
    complainer: str = ""


def split_notice(text: str) -> tuple[str, str]:
    """The notice and the returned message; the second is "" when nothing was returned."""
    for found in _DELIMITER.finditer(text):
        if text[: found.start()].strip() or _HEADER_LINE.match(found[0].strip()):
            is_header = re.match(
                r"(?:return-path|received|delivered-to|dkim|x-orig|arc)", found[0].strip(), re.IGNORECASE
            )
            return text[: found.start()], text[found.start() if is_header else found.end() :]
    return text, ""


def read_original(text: str) -> Original:
    """From the header section at, or soon after, the beginning of the text."""
    fields = _find_fields(text[:MAX_HEADERS])
    return Original(
        message_id=" ".join(fields.get("message-id", "").split())[:998],
        envelope_from=find_address(fields.get("return-path", "") or fields.get("x-envelope-from", "")),
        sender=find_address(fields.get("from", "")),
        subject=fields.get("subject", "")[:998],
        to=find_address(fields.get("to", "")),
        complainer=find_address(fields.get("x-hmxmroriginalrecipient", "")),
    )


def _find_fields(text: str) -> Headers:
    """Some systems put blank lines, dashes, quote marks or part headers before the header section."""
    for block in re.split(r"\n[ \t]*\n", text)[:8]:
        lines = [line.removeprefix("> ") for line in block.strip("\n").split("\n")]
        indent = min(
            (len(line) - len(line.lstrip()) for line in lines if _HEADER_LINE.match(line.lstrip())), default=0
        )
        fields = parse_fields("\n".join(line[indent:] if line[:indent].isspace() else line for line in lines))
        if fields.keys() & {"from", "to", "subject", "message-id", "received", "return-path"}:
            return fields
    return {}
