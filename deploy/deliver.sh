#!/bin/sh
# Writes the vault and puts it on the dashboard's volume. It is ciphertext from here on; the public half of its key is all
# that is needed. FLY_APP, FLY_API_TOKEN, VAULT_KEY (key.json) and VAULT_RECIPIENT come from the environment.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
umask 077
printf '%s\n' "$VAULT_RECIPIENT" >"$folder/recipient.txt"
printf '%s\n' "$VAULT_KEY" >"$folder/key.json"
pdp vault write "$folder"
machine=$(flyctl machine list --app "$FLY_APP" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
flyctl machine start "$machine" --app "$FLY_APP"
# Each under another name first: whoever logs in meanwhile reads the old file or the new one. What a delivery that broke off
# left there is in the way: sftp overwrites nothing.
flyctl ssh console --app "$FLY_APP" --machine "$machine" \
    --command "rm -f /vault/.recipient.txt.new /vault/.key.json.new /vault/.data.age.new"
for name in recipient.txt key.json data.age; do
    flyctl ssh sftp put "$folder/$name" "/vault/.$name.new" --mode 0644 --app "$FLY_APP" --machine "$machine"
    flyctl ssh console --app "$FLY_APP" --machine "$machine" --command "mv /vault/.$name.new /vault/$name"
done
flyctl machine restart "$machine" --app "$FLY_APP"
