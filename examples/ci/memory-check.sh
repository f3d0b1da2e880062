#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a command under memwatch, keeps the report, and fails when it takes more memory than allowed
# or more than the last time.
#
#   memory-check.sh [-t TOTAL] [-p PER_PROCESS] [-n RUNS] [-b BASELINE.json] [-o REPORT.json] \
#       -- COMMAND [ARG...]
#
# Exit code: the command's; 10 or 11 for a limit; 12 for a regression against the baseline.
set -eu

runs=1
report=memory.json
baseline=
limits=
memwatch=${MEMWATCH:-memwatch}

usage() {
	sed -n '3,9s/^# \{0,1\}//p' "$0" >&2
	exit 125
}

while getopts t:p:n:b:o: option; do
	case $option in
	t) limits="$limits --max-total-rss=$OPTARG" ;;
	p) limits="$limits --max-per-proc-rss=$OPTARG" ;;
	n) runs=$OPTARG ;;
	b) baseline=$OPTARG ;;
	o) report=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage

code=0
# The limits hold no blanks: sizes only.
# shellcheck disable=SC2086
"$memwatch" run --runs="$runs" --json="$report" $limits -- "$@" || code=$?
[ "$code" -eq 0 ] || exit "$code"

if [ -n "$baseline" ] && [ -f "$baseline" ]; then
	summary=${GITHUB_STEP_SUMMARY:-/dev/null}
	"$memwatch" compare --markdown="$summary" "$baseline" "$report" || exit $?
fi
