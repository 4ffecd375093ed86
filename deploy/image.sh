#!/bin/sh
# Builds both images from the real Dockerfile and starts them, on a Debian without an engine: buildah with chroot isolation
# on a stand-in for the base image, which is made of Debian's packages. Needs root, buildah and mmdebstrap.
#   deploy/image.sh            both images, then each is started and asked
# KEEP_BASE=FILE keeps the stand-in's archive for the next time.
set -eu
cd "$(dirname "$0")/.."
export BUILDAH_ISOLATION=chroot
base=localhost/pdp-base
archive=${KEEP_BASE:-${TMPDIR:-/tmp}/pdp-base.tar}

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
container=$(buildah from scratch)
buildah add --quiet "$container" "$archive" / >/dev/null
buildah commit --quiet "$container" "$base" >/dev/null
buildah rm "$container" >/dev/null

# This machine's certificates and pip settings, if it has some of its own, are lent to the build, not copied.
lent="--volume /etc/ssl/certs:/etc/ssl/certs:ro"
for file in /etc/pip.conf /usr/local/share/ca-certificates; do
    [ -e "$file" ] && lent="$lent --volume $file:$file:ro"
done

for target in pipeline dashboard; do
    say "image $target"
    began=$(date +%s)
    # shellcheck disable=SC2086  # a list of options
    buildah bud --quiet --pull-never --layers $lent --build-arg "PYTHON=$base" --target "$target" --tag "localhost/pdp-$target" . >/dev/null
    size=$(buildah images --format '{{.Size}}' "localhost/pdp-$target")
    say "image $target: $size, $(($(date +%s) - began)) s"
done

say "the pipeline's container without credentials builds the demo"
container=$(buildah from "localhost/pdp-pipeline")
buildah run --user 10001:10001 "$container" -- entrypoint run | tail -1
buildah rm "$container" >/dev/null

say "the dashboard's container shows it"
container=$(buildah from "localhost/pdp-dashboard")
port=18080
buildah run --user 10001:10001 --env "PORT=$port" "$container" -- entrypoint serve &
server=$!
trap 'kill $server 2>/dev/null; buildah rm "$container" >/dev/null' EXIT
python3 deploy/ask.py "http://127.0.0.1:$port"
