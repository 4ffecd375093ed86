#!/bin/sh
# Builds both images from the real Dockerfile and starts them, on a Debian without an engine: buildah with chroot isolation
# on a stand-in for the base image, which is made of Debian's packages. Needs root, buildah and mmdebstrap.
#   deploy/image.sh            both images, then each is looked through, started and asked
# KEEP_BASE=FILE keeps the stand-in's archive for the next time.
set -eu
cd "$(dirname "$0")/.."
export BUILDAH_ISOLATION=chroot
archive=${KEEP_BASE:-${TMPDIR:-/tmp}/pdp-base.tar}
port=18080

say() { echo "== $*"; }
need() { command -v "$1" >/dev/null || { echo "make image needs $1: apt-get install $1" >&2; exit 1; }; }
need buildah
need mmdebstrap
[ "$(id -u)" = 0 ] || { echo "make image needs root: nothing else may make a file system for another user" >&2; exit 1; }

if [ ! -f "$archive" ]; then
    say "a stand-in for the base image: Debian 13 with Python"
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,python3-pip,python-is-python3,ca-certificates \
        trixie "$archive"
fi
base=localhost/pdp-base:$(sha256sum "$archive" | cut -c1-12)
if [ -z "$(buildah images --quiet "$base" 2>/dev/null)" ]; then
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$archive" / >/dev/null
    buildah commit --quiet "$container" "$base" >/dev/null
    buildah rm "$container" >/dev/null
fi

# This machine's certificates and pip settings, if it has some of its own, are lent to the build, not copied.
lent="--volume /etc/ssl/certs:/etc/ssl/certs:ro"
for file in /etc/pip.conf /usr/local/share/ca-certificates; do
    [ -e "$file" ] && lent="$lent --volume $file:$file:ro"
done

for target in pipeline dashboard; do
    say "image $target"
    began=$(date +%s)
    # shellcheck disable=SC2086  # a list of options
    buildah bud --quiet --format docker --pull-never --layers $lent --build-arg "PYTHON=$base" --target "$target" \
        --tag "localhost/pdp-$target" . >/dev/null
    size=$(buildah images --format '{{.Size}}' "localhost/pdp-$target")
    say "image $target: $size, $(($(date +%s) - began)) s"
done

pipeline=$(buildah from localhost/pdp-pipeline)
dashboard=$(buildah from localhost/pdp-dashboard)
server=
log=$(mktemp)
# shellcheck disable=SC2329  # called by the trap
end() {
    # Waited for: a container must not be taken away from under what runs in it.
    if [ -n "$server" ]; then pkill -P "$server" || true; wait "$server" 2>/dev/null || true; fi
    buildah rm "$pipeline" "$dashboard" >/dev/null
    rm -f "$log"
}
trap end EXIT

say "neither runs as root, holds anybody's settings, or the other's libraries"
buildah run "$pipeline" -- python - streamlit altair <deploy/look.py
buildah run "$dashboard" -- python - googleapiclient gspread google.auth obstore <deploy/look.py

say "the pipeline's container without credentials builds the demo, and again: nothing to do"
for _ in 1 2; do buildah run "$pipeline" -- entrypoint run 2>&1 | grep -E '^pdp: .*this is the demo|^[0-9]+ (built|current)'; done

say "the dashboard's container without credentials shows it, and says so"
buildah run --env "PORT=$port" "$dashboard" -- entrypoint serve >"$log" 2>&1 &
server=$!
python3 deploy/ask.py "http://127.0.0.1:$port"
grep 'this is the demo' "$log"

say "the image's own health check"
buildah inspect "$dashboard" |
    python3 -c 'import json, sys; print(*json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"][1:], sep="\0", end="")' |
    xargs -0 buildah run --env "PORT=$port" "$dashboard" --
say "all is well"
