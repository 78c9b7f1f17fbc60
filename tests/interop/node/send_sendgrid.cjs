'use strict';
// SendGrid's own client: one email with its time, one for each of several, and what it is told when something is wrong. Prints JSON.
const mail = require('@sendgrid/mail');

const [base, key] = process.argv.slice(2);
mail.setApiKey(key);
mail.client.setDefaultRequest('baseUrl', `${base}/compat/sendgrid`);
console.warn = () => {}; // that the key does not begin with SG.

async function main() {
  const [answer] = await mail.send({
    from: { email: 'hello@acme.example', name: 'Acme' },
    to: { email: 'ann@mail.example', name: 'Ann Lee' },
    cc: 'bob@mail.example',
    replyTo: 'help@acme.example',
    subject: 'Your order',
    html: '<p>It is on its way.</p>',
    text: 'It is on its way.',
    headers: { 'X-Shop': '17' },
    categories: ['order'],
    customArgs: { order: '17' },
    sendAt: Number(process.argv[4]),
    attachments: [
      {
        filename: 'order.pdf',
        content: Buffer.from('%PDF-1.4').toString('base64'),
        type: 'application/pdf',
        disposition: 'attachment',
      },
    ],
  });
  const [each] = await mail.sendMultiple({
    from: 'hello@acme.example',
    to: ['ann@mail.example', 'bob@mail.example'],
    subject: 'To each',
    text: 'Hi',
  });
  const refused = [];
  await mail
    .send({ from: 'a@other.example', to: 'ann@mail.example', subject: 'Hi', text: 'Hi' })
    .catch((error) => refused.push({ status: error.code, errors: error.response.body.errors }));
  mail.setApiKey('SG.wrong');
  mail.client.setDefaultRequest('baseUrl', `${base}/compat/sendgrid`);
  await mail
    .send({ from: 'hello@acme.example', to: 'ann@mail.example', subject: 'Hi', text: 'Hi' })
    .catch((error) => refused.push({ status: error.code, errors: error.response.body.errors }));
  const sent = { status: answer.statusCode, id: answer.headers['x-message-id'], body: answer.body };
  process.stdout.write(JSON.stringify({ sent, each: each.statusCode, refused }));
}

main();
