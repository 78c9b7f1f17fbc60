// Sends one message with nodemailer: node submit.cjs <port> <"tls" or "starttls"> <API key> <recipient>
const nodemailer = require("nodemailer");

const [port, way, key, recipient] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(port),
  secure: way === "tls",
  requireTLS: way === "starttls",
  auth: { user: "dynamail", pass: key },
  tls: { rejectUnauthorized: false },
});
transport
  .sendMail({
    from: '"Магазин" <hello@shop.example>',
    to: recipient,
    subject: "Ваш заказ",
    text: ".dot\n..dots\nТекст",
    html: "<p>Текст</p>",
    attachments: [{ filename: "a.txt", content: "file" }],
    headers: { "X-DynaMail-Tag": "nodemailer" },
  })
  .then((info) => console.log(info.response));
