#!/bin/sh
# Everything of the deployment that can be checked without an account: images, shell, compose, workflows, fly.toml.
set -eu
cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}
"$bin/hadolint" --failure-threshold info Dockerfile
"$bin/shellcheck" deploy/*.sh
"$bin/check-jsonschema" --quiet --builtin-schema vendor.compose-spec compose.yaml
"$bin/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
"$bin/zizmor" --quiet --offline --persona pedantic .github/workflows
"$bin/python" deploy/lint_fly.py fly.toml
echo "the deployment's files are in order"
