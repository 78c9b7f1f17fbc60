"""The TypeScript client is compiled with the front end's compiler and runs in Node against a live server."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from dynamail.accounts.api_keys import Scope
from dynamail.senders.models import SendingDomain
from tests.compat.conftest import Live

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "sdk" / "typescript"
COMPILER = ROOT / "frontend" / "node_modules" / ".bin" / "tsc"

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and COMPILER.exists()), reason="Node and the front end's packages are needed"
)

PROGRAM = """
import { ApiError, DynaMail, NoAnswer, WebhookError, verifyWebhook } from "CLIENT/index.js";
const given = JSON.parse(process.argv[2]);
const dynamail = new DynaMail(given.key, { baseUrl: given.url });
const email = { from: given.sender, to: "ann@example.com", subject: "Hi", text: "Hello!", tags: ["welcome"] };
const sent = await dynamail.emails.send(email, { idempotencyKey: "order-7" });
const again = await dynamail.emails.send(email, { idempotencyKey: "order-7" });
const batch = await dynamail.emails.sendBatch({ emails: [email, { ...email, to: "nobody" }] });
const listed = [];
for await (const one of dynamail.emails.iterate({ tag: "welcome", limit: 1 })) listed.push(one.id);
const tell = async (act) => { try { await act(); return null; } catch (error) {
  return { is: [ApiError, NoAnswer, WebhookError].filter((kind) => error instanceof kind).map((kind) => kind.name), code: error.code, fields: error.errors };
} };
const refused = await tell(() => dynamail.emails.send({ ...email, to: "not an address" }));
const away = await tell(() => new DynaMail(given.key, { baseUrl: "http://127.0.0.1:9", retries: 0 }).emails.get("eml_1"));
const event = await verifyWebhook(given.body, given.headers, given.secret, { now: given.now });
const forged = await tell(() => verifyWebhook(given.body + " ", given.headers, given.secret, { now: given.now }));
console.log(JSON.stringify({ sent: sent.id, again: again.id, results: batch.results.length, listed, refused, away, event, forged,
  subject: (await dynamail.emails.get(sent.id)).subject }));
"""


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    subprocess.run([COMPILER, "--project", CLIENT, "--outDir", folder / "dist"], check=True)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def test_the_client_sends_lists_and_verifies(compiled: Path, live: Live) -> None:
    domain = SendingDomain.objects.for_account(live.shop.account).get().name
    secret, now = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), 1_795_000_000
    body = json.dumps({"type": "message.delivered", "timestamp": "2026-11-23T10:00:00Z", "data": {}})
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(now),
        "Webhook-Signature": Webhook(secret).sign("msg_1", datetime.fromtimestamp(now, UTC), body),
    }
    given = {
        "key": live.shop.make_key(*Scope),
        "url": live.url,
        "sender": f"Shop <hello@{domain}>",
        "body": body,
        "headers": headers,
        "secret": secret,
        "now": now,
    }
    program = compiled / "program.mjs"
    program.write_text(PROGRAM.replace("CLIENT", str(compiled / "dist")))
    done = subprocess.run(
        ["node", program, json.dumps(given)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["sent"] == told["again"]
    assert told["sent"] in told["listed"]
    assert (told["results"], told["subject"]) == (2, "Hi")
    assert told["refused"]["is"] == ["ApiError"]
    assert told["refused"]["fields"]
    assert told["away"]["is"] == ["NoAnswer"]
    assert told["event"]["type"] == "message.delivered"
    assert told["forged"]["is"] == ["WebhookError"]
