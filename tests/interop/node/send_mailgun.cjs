'use strict';
// Mailgun's own client: one email with its time, a copy for each, a composed message, and what it is told. Prints JSON.
const FormData = require('form-data');
const Mailgun = require('mailgun.js');

const [base, key, later] = process.argv.slice(2);
const mailgun = new (Mailgun.default ?? Mailgun)(FormData);
const options = { username: 'api', url: `${base}/compat/mailgun` };
const client = mailgun.client({ ...options, key });
const file = { data: Buffer.from('%PDF-1.4'), filename: 'order.pdf', contentType: 'application/pdf' };

async function main() {
  const sent = await client.messages.create('acme.example', {
    from: 'Acme <hello@acme.example>',
    to: ['Ann Lee <ann@mail.example>'],
    cc: 'bob@mail.example',
    subject: 'Your order',
    html: '<p>It is on its way.</p>',
    text: 'It is on its way.',
    'h:Reply-To': 'help@acme.example',
    'h:X-Shop': '17',
    'v:order': '17',
    'o:tag': ['order', 'paid'],
    'o:deliverytime': later,
    'o:tracking': false,
    attachment: [file],
  });
  const each = await client.messages.create('acme.example', {
    from: 'hello@acme.example',
    to: ['ann@mail.example', 'bob@mail.example'],
    subject: 'To %recipient.name%',
    text: 'Hi',
    'recipient-variables': JSON.stringify({
      'ann@mail.example': { name: 'Ann' },
      'bob@mail.example': { name: 'Bob' },
    }),
  });
  const composed = await client.messages.create('acme.example', {
    to: 'ann@mail.example',
    message: 'From: hello@acme.example\r\nTo: ann@mail.example\r\nSubject: Composed\r\n\r\nHi\r\n',
  });
  const refused = [];
  const note = (error) => refused.push({ status: error.status, message: error.message, details: error.details });
  await client.messages.create('other.example', { from: 'hello@acme.example', to: 'a@b.example', text: 'x' }).catch(note);
  const stranger = mailgun.client({ ...options, key: 'wrong' });
  await stranger.messages
    .create('acme.example', { from: 'hello@acme.example', to: 'a@b.example', subject: 'x', text: 'x' })
    .catch(note);
  process.stdout.write(JSON.stringify({ sent, each, composed, refused }));
}

main();
