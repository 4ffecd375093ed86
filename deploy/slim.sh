#!/bin/sh
# Takes out of the installed libraries what no run of pdp reads, and compiles what stays.
set -eu
lib=/opt/pdp/lib
# Of Google's 500 descriptions of services three are used; the others weigh 110 MB.
find "$lib" -path '*/discovery_cache/documents/*.json' \
    ! -name 'drive.v[23].json' ! -name 'sheets.v4.json' ! -name index.json -delete
# The libraries' own tests and headers, 60 MB.
for name in pandas pyarrow scipy statsmodels; do
    find "$lib" -type d -path "*/site-packages/$name/*" \( -name tests -o -name include \) -prune -exec rm -r {} +
done
python -m compileall -q "$lib"
