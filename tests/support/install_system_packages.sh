#!/usr/bin/env bash
# Installs what the browser, interoperability and clock tests need, from Debian's packages. Where that is not possible it says which
# tests will be skipped; it never fails the run by itself.
set -u
missing=()
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing+=(chromium)
command -v postfix >/dev/null 2>&1 || [ -x /usr/sbin/postfix ] || missing+=(postfix)
command -v faketime >/dev/null 2>&1 || missing+=(faketime)
[ -x /usr/sbin/opendkim ] || missing+=(opendkim opendkim-tools)
[ -x /usr/sbin/dovecot ] || missing+=(dovecot-imapd dovecot-pop3d)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Not installed: ${missing[*]}. The tests that need them are skipped; install them to run everything."
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# Services must not start by themselves in the middle of a test run.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" fonts-dejavu-core >/dev/null || echo "apt-get could not install: ${missing[*]}"
exit 0
