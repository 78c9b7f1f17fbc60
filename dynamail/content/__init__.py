"""What an email says: templates, Liquid, MJML and HTML, the text part, checks and previews.

The way of an email's source, once per campaign and never per recipient:

1. `liquid_source` cuts the source into text and Liquid; `liquid_help` turns mistakes into advice with line and column.
2. `protecting` replaces every piece of Liquid by an inert token, so that nothing after it can damage it.
3. `mjml` checks and compiles MJML, or `html` cleans hand-written HTML and inlines its styles.
4. `html` adds the hidden preview text, the footer with the unsubscribe link and the place of the open pixel.
5. `links` numbers the links; `text_part` writes the plain text with the same numbers.
6. `programs` cuts the result into static text and slots. Per recipient only the slots are rendered.

`compiling.compile_email` runs all of it. `checking` reviews the result before sending, `preview` shows it, `gallery` holds
ready templates; `models` and `editing` store an account's own.
"""
