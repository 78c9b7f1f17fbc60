"""What the caller of the API may do next, by the code of a problem, where the one who raised it does not say.

Each hint is written for the developer who gets that code; it never contradicts `detail`, which stands above it. Where a code means two
things, the status tells them apart.
"""

from __future__ import annotations

# Of statuses, for codes that are not here: true of whatever code has that status.
STATUS_HINTS = {
    400: "Correct the request as “detail” says; the documentation at /api/ shows one for each route.",
    401: "Create a key under Settings → API keys and send it as “Authorization: Bearer dm_live_…”.",
    403: "Use a key that may do this; “detail” says what this one lacks.",
    404: "Check the id and the address, and that the key belongs to the account that has it.",
    405: "Use a method that the header Allow names; the documentation at /api/ says what each one does.",
    409: "Read what is there at present and what “detail” says of it; repeat the request once nothing stands against it.",
    410: "It is gone for good; there is nothing to repeat.",
    413: "Send less in one request: “detail” says how much it may hold.",
    415: "Set the header Content-Type to the type that the documentation at /api/ names for this route, usually application/json.",
    422: "Correct what “detail” and “errors” name, then send the request again.",
    429: "Wait as many seconds as Retry-After says, then send the request again.",
    500: "Send the request again later; if it goes on, tell the operator the request id.",
    503: "Send the same request again in a few seconds.",
}

_KEYS = {
    "unauthenticated": STATUS_HINTS[401],
    "missing_scope": "Use a key that has the scope, or create one under Settings → API keys.",
    "ip_not_allowed": "Call from an address that the key was made for, or create a key for this address under Settings → API keys.",
    "policy_not_accepted": "Sign in to the account and accept the privacy policy; its API keys work again at once.",
    "test_key": "Send the request with a live key (dm_live_…); what a test key may do reaches the Mailbox alone.",
    "account_stopped": "Nothing is sent until the account is open again: ask the operator of this server.",
    "too_many_wrong_keys": "Wait as many seconds as Retry-After says and send a key that works; find the program that asks with a wrong one.",
    "too_many_requests": STATUS_HINTS[429],
}
_REQUESTS = {
    "bad_request": STATUS_HINTS[400],
    "not_found": STATUS_HINTS[404],
    "method_not_allowed": STATUS_HINTS[405],
    "unsupported_media_type": STATUS_HINTS[415],
    "unsupported_encoding": "Send the body as it is, without Content-Encoding.",
    "too_large": STATUS_HINTS[413],
    "invalid": "Correct the fields that are named, then send the request again.",
    "too_costly": "Ask for less: make the condition narrower, or take out the part that “detail” names.",
    "internal_error": STATUS_HINTS[500],
    "unavailable": STATUS_HINTS[503],
    "bad_idempotency_key": "Send 1 to 256 printable ASCII characters in Idempotency-Key, a UUID for example, or leave the header out.",
    "idempotency_conflict": "Use a new Idempotency-Key for another request; repeat the same request to get the same answer.",
    "idempotency_in_progress": "Wait as many seconds as Retry-After says, then send the same request with the same key: it gets the first one's answer.",
    "idempotency_answer_not_kept": "If the answer was lost, list what is there: make new keys for it with /rotate and a new Idempotency-Key, or remove it and begin anew.",
    "changed_meanwhile": "Read it again, make your change to what is there now, and send it with the version that you read.",
    "changed": "Read it again; repeat the request if it is still wanted.",
    "in_use": "Take it out wherever “detail” says it is used, then repeat the request.",
    "archived": "What is archived is not changed: create another, or restore it on its page.",
    "too_many": "Use one that is there in place of another, or remove one where that frees a place: “detail” has the limit.",
}
_ADDRESS_CODES = (
    "empty",
    "no_at",
    "several_at",
    "missing_local",
    "missing_domain",
    "control_character",
    "space",
    "angle_bracket",
    "unbalanced_quotes",
    "misplaced_dot",
    "bad_character",
    "local_too_long",
    "too_long",
    "address_literal",
    "no_dot",
    "bad_domain",
    "bad_idna",
    "bad_mailbox",
)
_EMAILS = {
    **dict.fromkeys(_ADDRESS_CODES, "Correct the address that “errors” names, or leave it out."),
    "no_recipient": "Name at least one address in to, cc or bcc.",
    "too_many_recipients": "Spread the recipients over several emails: a batch takes 500.",
    "topic_one_recipient": "Send one email for each recipient: mail of a topic has a link by which one person unsubscribes.",
    "domain_unverified": "Send from a domain that is verified: GET /api/v1/domains/{domain} has its DNS records and the state of each.",
    "sender_unverified": "Send from an address that is verified: GET /api/v1/senders lists them.",
    "from_free_mail": "Send from an address at a domain of your own, and put this one into reply_to.",
    "subject_missing": "Give the email a subject, or name a template that has one.",
    "content_missing": "Give what is missing: html, text or a template for an email, content or media for a file.",
    "two_contents": "Give one of the two and leave the other out.",
    "data_without_template": "Name the template that uses the data, or leave the data out.",
    "unknown_template": "GET /api/v1/templates lists those there are; give an id, or a name as it is written there.",
    "template_archived": 'Name another template, or restore this one: PATCH it with {"archived": false}.',
    "template_ambiguous": "Name the template by its id: several have this name.",
    "template_failed": "POST /api/v1/templates/{id}/render shows what the template makes of the same data, and where it fails.",
    "unknown_stream": "GET /api/v1/streams lists the keys there are.",
    "stream_archived": 'Name another stream, or open this one again: PATCH it with {"archived": false}.',
    "topic_missing": "Name the topic that the recipient subscribed to, or a transactional stream where it is no marketing.",
    "unknown_topic": "GET /api/v1/topics lists the ids there are.",
    "topic_archived": 'Name another topic, or restore this one: PATCH it with {"archived": false}.',
    "bad_header": "Take line breaks and other control characters out of the field that “errors” names.",
    "header_not_allowed": "Leave the header out: it is set by DynaMail, or by a field of the request that has its name.",
    "bad_character": "Take the character out of the field that “errors” names: no email can hold it.",
    "bad_filename": "Give the file a name that can be written, as “detail” says.",
    "bad_content_id": "Write the content id without angle brackets, and the same after cid: in the HTML.",
    "unknown_media": "GET /api/v1/media lists the files that are kept; or send the file itself as content.",
    "bad_tag": "Correct the tag as “detail” says.",
    "bad_metadata": "Correct the metadata as “detail” says: texts by short names.",
    "too_long": "Shorten what “errors” names.",
    "batch_too_large": "Send this email and those after it in another batch.",
    "bad_from": "Write one From field with one address.",
    "bad_message": "Send a whole message: fields of a header, an empty line, a body.",
    "unknown_email": "Check the id and that the key belongs to the account that sent the email. Where its log is over, nothing is left to read.",
    "nothing_waits": "There is nothing left to change: read the email to see what became of each copy.",
    "body_gone": "Send a new email with the content, which you have: this one's days are over.",
    "had_one_time_values": "Send a new email with new values.",
    "content_gone": "It is kept as long as its stream says (body_days); read it sooner, or keep a copy.",
    "asked_too_often": "Ask again when the time in Retry-After is over.",
}
_EVENTS = {
    "no_name": "Give the event a name, such as “order paid”.",
    "bad_name": "Correct the name as “detail” says.",
    "reserved_name": "Choose another name: this one is DynaMail's own.",
    "too_many_names": "Use a name that is there and put what differs into the properties; GET /api/v1/events/names lists them.",
    "no_contact": "Say whose event it is: email, contact or external_id.",
    "two_contacts": "Say once whose event it is, and leave the other field out.",
    "unknown_contact": "Add the contact first, or send create_contact with their address.",
    "bad_external_id": "Correct the external id as “detail” says.",
    "bad_id": "Correct the id as “detail” says, or leave it out.",
    "bad_time": "Write the moment in ISO 8601 with an offset: 2026-03-31T14:30:00Z.",
    "future": "Send the moment when it happened, or leave “at” out for now; check the clock of the sender.",
    "too_old": "Leave the event out: what happened so long ago is not kept.",
    "bad_text": "Correct the text that “errors” names: it is no Unicode text that can be kept.",
    "bad_number": "Send the number as a text, or a smaller one.",
    "bad_property": "Correct the property that “errors” names.",
    "too_deep": "Put the properties on fewer levels, as “detail” says.",
    "too_many_properties": "Send fewer properties: “detail” has the limit.",
}
_PEOPLE = {
    "contact_exists": "Use PUT with the address, which adds or changes, or change the contact whose id “errors” has.",
    "external_id_taken": "Leave the external id out, or change the contact who has it; “errors” has their id.",
    "restricted": "Leave this person out until the restriction is taken back at their own wish.",
    "suppressed": "Leave the address out: GET /api/v1/suppressions/{email} says why it gets no mail and who may change that.",
    "not_suppressed": "Nothing stands against mail to this address; check how it is spelled.",
    "erased": "Leave it as it is: mail to this person stays stopped for good.",
    "own_word": "Only if they asked for it, send the request again with confirm and the reason that “errors” has.",
}
_CAMPAIGNS = {
    "not_editable": "Take the campaign off the schedule first, or create another: only drafts are changed.",
    "not_ready": "Correct what “errors” names; GET …/readiness says when nothing is missing.",
    "wrong_moment": "Read the campaign: its state says what can be done now.",
    "in_the_past": "Send a later moment, or launch the campaign now.",
    "too_far_ahead": "Send an earlier moment: “detail” has the limit.",
    "test_refused": "Send the test to another address; “detail” says why this one gets none.",
}
_SETTINGS = {
    "built_in": "Leave this stream as it is: every account has it.",
    "domain_exists": "It is there already: the list of domains has its id.",
    "domain_taken": "Use another domain, or a subdomain; whoever owns this one may have it removed from the other account.",
    "name_taken": "Choose another name.",
    "too_many_domains": "Remove a domain that is not needed, then add this one.",
    "sender_exists": "It is there already: GET /api/v1/senders has its id.",
    "not_authorized": 'Authorize the transfer: PATCH the webhook with {"authorized": true}, or on its page.',
    "not_active": 'Resume the webhook: PATCH it with {"state": "active"}; then repeat the request.',
    "not_wanted": "Choose the event for this webhook with PATCH, then repeat the request.",
    "not_replayable": "Read the delivery: one that is under way ends soon; one that was erased is gone for good.",
    "not_finished": "Read the export every few seconds until its state is finished, then fetch its content.",
}
HINTS = {**_REQUESTS, **_KEYS, **_EMAILS, **_EVENTS, **_PEOPLE, **_CAMPAIGNS, **_SETTINGS}
# A code that means something else with another status.
HINTS_OF = {
    (422, "too_many"): "Send fewer of what “errors” names: “detail” has the limit.",
    (422, "too_large"): "Send less of what “errors” names: “detail” has the limit.",
}


def find_hint(status: int, code: str) -> str:
    return HINTS_OF.get((status, code)) or HINTS.get(code) or STATUS_HINTS.get(status, "")
