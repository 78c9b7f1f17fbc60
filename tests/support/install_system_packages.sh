#!/usr/bin/env bash
# Installs what the browser and interoperability tests need, from Debian's packages. Where that is not possible it says which
# tests will be skipped; it never fails the run by itself.
set -u
missing=()
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing+=(chromium)
command -v postfix >/dev/null 2>&1 || [ -x /usr/sbin/postfix ] || missing+=(postfix)
[ -x /usr/sbin/opendkim ] || missing+=(opendkim opendkim-tools)
[ -x /usr/sbin/dovecot ] || missing+=(dovecot-imapd dovecot-pop3d)
command -v swaks >/dev/null 2>&1 || missing+=(swaks libnet-ssleay-perl libio-socket-ssl-perl)
command -v msmtp >/dev/null 2>&1 || missing+=(msmtp)
command -v faketime >/dev/null 2>&1 || missing+=(faketime)
exim_folder=/usr/local/lib/dynamail-tests/exim
exim_missing=""
[ -x /usr/sbin/exim4 ] || [ -x "$exim_folder/usr/sbin/exim4" ] || exim_missing=exim4-daemon-light
[ ${#missing[@]} -eq 0 ] && [ -z "$exim_missing" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Not installed: ${missing[*]} $exim_missing. The tests that need them are skipped; install them to run everything."
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# Services must not start by themselves in the middle of a test run.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi

# Exim and Postfix exclude each other as packages, so Exim's program is unpacked beside it and only its libraries are installed.
unpack_exim() {
  local libraries download
  libraries=$(apt-cache depends exim4-daemon-light | awk '$1 == "Depends:" && $2 ~ /^lib/ {print $2}')
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $libraries >/dev/null || return 1
  download=$(mktemp -d) && chmod 777 "$download" || return 1
  (cd "$download" && apt-get download -qq exim4-daemon-light >/dev/null) \
    && mkdir -p "$exim_folder" && dpkg-deb -x "$download"/exim4-daemon-light_*.deb "$exim_folder"
  rm -rf "$download"
  # The name of its user is compiled in.
  getent passwd Debian-exim >/dev/null || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin Debian-exim
  chmod u-s "$exim_folder/usr/sbin/exim4"
}

if ! apt-get update -qq; then
  echo "apt-get update failed. Not installed: ${missing[*]} $exim_missing"
  exit 0
fi
if [ ${#missing[@]} -gt 0 ]; then
  apt-get install -y -qq --no-install-recommends "${missing[@]}" fonts-dejavu-core >/dev/null || echo "apt-get could not install: ${missing[*]}"
fi
if [ -n "$exim_missing" ]; then
  unpack_exim || echo "Exim could not be unpacked; its tests are skipped."
fi
exit 0
