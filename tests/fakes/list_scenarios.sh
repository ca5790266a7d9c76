#!/bin/sh
# Prints SCENARIOS.md from the sources: every group with its first comment, every scenario by name.
#   tests/fakes/list_scenarios.sh > tests/fakes/SCENARIOS.md
# With --check, as the test calls it: fails when SCENARIOS.md says something else.
set -eu
cd "$(dirname "$0")"

list() {
    echo "# The scenarios of the fake runner"
    echo
    echo "Written by \`list_scenarios.sh\`; a test compares. $(grep -c '^ *SCENARIO(' ./*_scenarios.c |
        awk -F: '{ sum += $2 } END { print sum }') in all."
    for group in *_scenarios.c; do
        echo
        echo "## $group"
        echo
        sed -n '1s|^/\* \(.*\) \*/$|\1|p' "$group"
        echo
        sed -n 's/^ *SCENARIO(\([a-z0-9_]*\)),$/- `\1`/p' "$group"
    done
}

if [ "${1:-}" != --check ]; then
    list
elif ! list | diff - SCENARIOS.md; then
    echo "SCENARIOS.md is not what list_scenarios.sh prints (<); write it anew" >&2
    exit 1
fi
