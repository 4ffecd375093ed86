#!/bin/sh
# What a container does:
#   run     pull the state, build what changed, push the state, write the vault: each where it is set up
#   serve   show the dashboard: the invented data, and the vault behind its password
# Anything else is run as it stands (`pdp status`, `doit list`).
set -eu

say() { echo "pdp: $*" >&2; }

# Whether any source of one's own is set up; without one the demo is what there is to see.
has_sources() {
    [ -f configs/pdp.toml ] || [ -n "${PDP_CONFIG:-}" ] || [ -n "${PDP_TIMEZONE:-}" ]
}

# Whether there is a place for the state.
has_state() { [ -n "${PDP_STATE_REMOTE:-}${GOOGLE_DRIVE_STATE_FOLDER_ID:-}" ]; }

run() {
    if ! has_sources; then
        say "no configs/pdp.toml and no PDP_TIMEZONE: this is the demo, an invented person"
        pdp demo --if-needed
        exec doit
    fi
    if has_state; then pdp pull; fi
    doit
    if has_state; then pdp push; fi
    if [ -n "${PDP_VAULT:-}" ]; then pdp vault write; fi
}

serve() {
    # A new volume is empty until the first delivery, which starts this container again.
    if [ -n "${PDP_VAULT:-}" ] && [ ! -f "$PDP_VAULT/key.json" ]; then
        say "no vault has been put into $PDP_VAULT yet: this is the demo, an invented person"
        unset PDP_VAULT
    elif [ -z "${PDP_VAULT:-}" ]; then
        say "PDP_VAULT is not set: this is the demo, an invented person"
    fi
    exec pdp dashboard --public --no-browser --host 0.0.0.0 --port "${PORT:-8080}"
}

case "${1:-run}" in
run | serve) "${1:-run}" ;;
*) exec "$@" ;;
esac
