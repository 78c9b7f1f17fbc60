'use strict';
// Resend's own client: one email with its time, a batch, and what it is told when something is wrong. Prints JSON.
const { Resend } = require('resend');

const [base, key] = process.argv.slice(2);
const options = { baseUrl: `${base}/compat/resend` };
const resend = new Resend(key, options);
const least = { from: 'hello@acme.example', to: 'ann@mail.example', subject: 'Hi', text: 'Hi' };

async function main() {
  const sent = await resend.emails.send(
    {
      from: 'Acme <hello@acme.example>',
      to: ['Ann Lee <ann@mail.example>'],
      cc: 'bob@mail.example',
      replyTo: 'help@acme.example',
      subject: 'Your order',
      html: '<p>It is on its way.</p>',
      text: 'It is on its way.',
      headers: { 'X-Shop': '17' },
      tags: [{ name: 'category', value: 'order' }],
      attachments: [{ filename: 'order.pdf', content: Buffer.from('%PDF-1.4'), contentType: 'application/pdf' }],
      scheduledAt: 'in 2 hours',
    },
    { idempotencyKey: 'order-17' },
  );
  const moved = await resend.emails.update({ id: sent.data.id, scheduledAt: 'in 3 days' });
  const shown = await resend.emails.get(sent.data.id);
  const canceled = await resend.emails.cancel(sent.data.id);
  const batch = await resend.batch.send([least, { ...least, to: ['bob@mail.example'] }]);
  const strict = await resend.batch.send([least, { ...least, to: 'no' }]);
  const refused = await resend.emails.send({ ...least, from: 'a@other.example' });
  const stranger = await new Resend('re_wrong', options).emails.send(least);
  const errors = [strict, refused, stranger].map((answer) => answer.error);
  process.stdout.write(JSON.stringify({ sent, moved, shown, canceled, batch, errors }));
}

main();
