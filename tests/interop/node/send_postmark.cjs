'use strict';
// Postmark's own client: one email, a batch, a template, and what it is told when something is wrong. Prints JSON.
const postmark = require('postmark');

const [base, token] = process.argv.slice(2);
const options = { useHttps: false, requestHost: `${new URL(base).host}/compat/postmark` };
const client = new postmark.ServerClient(token, options);
const least = { From: 'hello@acme.example', Subject: 'Hi', TextBody: 'Hi' };

async function main() {
  const sent = await client.sendEmail({
    From: 'Acme <hello@acme.example>',
    To: 'Ann Lee <ann@mail.example>',
    Cc: 'bob@mail.example',
    Subject: 'Your order',
    HtmlBody: '<p>It is on its way.</p>',
    TextBody: 'It is on its way.',
    Tag: 'order',
    ReplyTo: 'help@acme.example',
    Metadata: { order: '17' },
    Headers: [{ Name: 'X-Shop', Value: '17' }],
    Attachments: [
      new postmark.Models.Attachment('order.pdf', Buffer.from('%PDF-1.4').toString('base64'), 'application/pdf'),
    ],
    MessageStream: 'outbound',
  });
  const batch = await client.sendEmailBatch([
    { ...least, To: 'ann@mail.example' },
    { ...least, To: 'no' },
  ]);
  const templates = await client.sendEmailBatchWithTemplates([
    { From: least.From, To: 'ann@mail.example', TemplateAlias: 'welcome', TemplateModel: { name: 'Ann' } },
  ]);
  const refused = [];
  for (const email of [
    { ...least, To: 'ann@mail.example', From: 'a@other.example' },
    { ...least, To: 'gone@mail.example' },
  ]) {
    await client.sendEmail(email).catch((error) =>
      refused.push({ name: error.name, code: error.code, status: error.statusCode, recipients: error.recipients }),
    );
  }
  const stranger = new postmark.ServerClient('POSTMARK_API_TEST', options);
  await stranger.sendEmail({ ...least, To: 'ann@mail.example' }).catch((error) =>
    refused.push({ name: error.name, code: error.code, status: error.statusCode }),
  );
  process.stdout.write(JSON.stringify({ sent, batch, templates, refused }));
}

main();
