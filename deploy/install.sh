#!/bin/sh
# Installs the bus from this bundle, without network. Nothing that runs is touched: the former program stays beside the
# new one, and "current" is switched last. Run it again with a newer bundle to upgrade.
#
#   ./install.sh [--prefix DIR] [--site DIR] [--env NAME] [--user NAME] [--secrets DIR] [--python PROGRAM] [--no-service]
#
#   --prefix DIR      where programs go (/opt/hisbus)
#   --site DIR        the site: texts, settings, journal (/srv/hisbus); made from this bundle's texts where there is none
#   --env NAME        whose config/<NAME>.yaml is read (production)
#   --user NAME       whom the service runs as, made where there is none (hisbus)
#   --secrets DIR     where the journal's master key is made, unless it is there (/etc/hisbus/secrets)
#   --python PROGRAM  the interpreter (the bundle's own, else one of this machine that fits)
#   --no-service      neither user nor systemd unit: for containers, and for whoever is not root
#
# Exit codes: 0 installed, 2 usage, 3 cannot install (says why; what ran before still does).
set -eu

bundle=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
prefix=/opt/hisbus site=/srv/hisbus env=production user=hisbus secrets=/etc/hisbus/secrets python='' service=yes

say() { printf 'install: %s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 3; }

while [ $# -gt 0 ]; do
    case "$1" in
        --help) sed -n 's/^# \{0,1\}//p' "$0" | sed 1d; exit 0 ;;
        --no-service) service=no; shift; continue ;;
        --prefix|--site|--env|--user|--secrets|--python) [ $# -gt 1 ] || { say "$1 wants a value" >&2; exit 2; } ;;
        *) say "unknown option $1; see --help" >&2; exit 2 ;;
    esac
    case "$1" in
        --prefix) prefix=$2 ;; --site) site=$2 ;; --env) env=$2 ;; --user) user=$2 ;;
        --secrets) secrets=$2 ;; --python) python=$2 ;;
    esac
    shift 2
done
for path in "$prefix" "$site" "$secrets"; do
    case "$path" in /*) ;; *) fail "$path is no whole path: begin it with /" ;; esac
done
[ "$service" = no ] || [ "$(id -u)" = 0 ] || fail "a service is installed by root; as another user: --no-service"

# Everything in the bundle is what was put there.
( cd "$bundle" && sha256sum --check --strict --quiet SHA256SUMS ) ||
    fail "the bundle is damaged: copy it again, and compare its .sha256"
extra=$(cd "$bundle" && find . -type f ! -name SHA256SUMS | wc -l)
[ "$extra" -eq "$(wc -l < "$bundle/SHA256SUMS")" ] || fail "the bundle holds files that were not put there: unpack it anew"
. "$bundle/bundle.env"   # VERSION, PYTHON, MACHINE, GLIBC

fits() {
    "$1" -c 'import sys, venv; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$PYTHON" 2>/dev/null
}
[ "$(uname -m)" = "$MACHINE" ] || fail "this bundle is for $MACHINE, this machine is $(uname -m): make one with --machine"
if [ -z "$python" ] && [ -e "$bundle/python.tar.gz" ]; then
    own="$prefix/python/$(sha256sum "$bundle/python.tar.gz" | cut -c1-12)"
    if [ ! -e "$own" ]; then
        say "Python into $own"
        mkdir -p "$own.part"
        tar -xzf "$bundle/python.tar.gz" -C "$own.part"
        mv "$own.part" "$own"
    fi
    python=$(find "$own" -path '*/bin/python3' | head -n 1)
fi
if [ -z "$python" ]; then
    for candidate in "python$PYTHON" python3; do
        if fits "$candidate"; then python=$candidate; break; fi
    done
fi
{ [ -n "$python" ] && fits "$python"; } ||
    fail "this bundle wants Python $PYTHON: name one with --python, or make a bundle with --python-version"

if [ "$service" = yes ] && ! id "$user" >/dev/null 2>&1; then
    say "user $user"
    useradd --system --home-dir "$site" --no-create-home --shell /usr/sbin/nologin "$user"
fi
as_user() { if [ "$service" = yes ]; then runuser -u "$user" -- "$@"; else "$@"; fi; }

umask 022
mark=$(sha256sum "$bundle/SHA256SUMS" | cut -c1-12)
release="$prefix/releases/$VERSION-$mark"
if [ -e "$release/complete" ]; then
    say "$release is there already"
else
    say "program into $release"
    rm -rf "$release"
    mkdir -p "$release"
    "$python" -m venv --without-pip "$release"
    PYTHONPATH=$(echo "$bundle"/wheels/pip-*.whl) "$release/bin/python" -m pip --isolated --disable-pip-version-check \
        --no-input install --quiet --no-index --no-cache-dir --find-links "$bundle/wheels" --require-hashes \
        --requirement "$bundle/requirements.txt" || fail "pip could not install: $release is incomplete and not used"
    mkdir -p "$release/share"
    cp -R "$bundle/documents" "$bundle/site" "$bundle/deploy" "$bundle/licences" "$bundle/sbom.cdx.json" "$release/share"
    as_user "$release/bin/hisbus" --version >/dev/null 2>&1 ||
        fail "the program does not start for ${user}: may everybody run $python and read $prefix? Not used"
    : > "$release/complete"
fi

owned() { [ "$service" = no ] || chown -R "$user:" "$@"; }

if [ -e "$site/routes.yaml" ]; then
    say "the site $site is there already: its texts stay; this release's are in $release/share/site"
else
    say "site into $site"
    mkdir -p "$site"
    cp -R "$bundle/site/." "$site"
fi
mkdir -p "$site/var" "$secrets"
chmod 700 "$site/var" "$secrets"
if [ ! -e "$secrets/journal_key" ]; then
    say "master key into $secrets/journal_key: copy it to a safe, apart from the journal's backups"
    ( umask 077 && "$python" -c 'import secrets; print(secrets.token_hex(32), end="")' > "$secrets/journal_key" )
fi
owned "$site/var" "$secrets"

unit="$release/share/hisbus.service"
sed -e "s|@PREFIX@|$prefix|g" -e "s|@SITE@|$site|g" -e "s|@ENV@|$env|g" -e "s|@USER@|$user|g" \
    "$bundle/deploy/hisbus.service" > "$unit"
ln -sfn "releases/$VERSION-$mark" "$prefix/current.new"
mv -T "$prefix/current.new" "$prefix/current"
if [ "$service" = yes ]; then
    cp "$unit" /etc/systemd/system/hisbus.service
    ln -sfn "$prefix/current/bin/hisbus" /usr/local/bin/hisbus
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "unit hisbus.service: systemctl enable --now hisbus"
fi
say "installed $VERSION-$mark; next: $site/config/$env.yaml, then HISBUS_SITE=$site HISBUS_ENV=$env $prefix/current/bin/hisbus check"
