#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: assemble.sh UPLOT-FOLDER SCRIPT... >page.html
# Puts the parts of the report page together. Every inline script and style is named by its hash in
# the page's Content-Security-Policy, so nothing that comes in with the data can run.
set -eu
uplot=$1
shift
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

hash_of() {
	env printf "$(sha256sum <"$1" | cut -c1-64 | sed 's/../\\x&/g')" | base64 -w0
}

inline() {
	printf '<%s>' "$1"
	cat "$2"
	printf '</%s>\n' "$1"
}

{
	printf '/*\n'
	cat "$uplot/LICENSE"
	printf '*/\n'
	cat "$uplot/dist/uPlot.iife.min.js"
} >"$work/uplot.js"
{
	printf '(function () {\n"use strict";\n'
	grep -hv 'SPDX-License-Identifier' "$@"
	printf '})();\n'
} >"$work/page.js"
grep -v 'SPDX-License-Identifier' "$here/page.css" >"$work/page.css"

policy="default-src 'none'; base-uri 'none'; form-action 'none'"
policy="$policy; script-src 'sha256-$(hash_of "$work/uplot.js")' 'sha256-$(hash_of "$work/page.js")'"
policy="$policy; style-src 'sha256-$(hash_of "$uplot/dist/uPlot.min.css")'"
policy="$policy 'sha256-$(hash_of "$work/page.css")'"

while IFS= read -r line; do
	case $line in
	*'{{policy}}'*) printf '<meta http-equiv="Content-Security-Policy" content="%s">\n' "$policy" ;;
	*'{{styles}}'*)
		inline style "$uplot/dist/uPlot.min.css"
		inline style "$work/page.css"
		;;
	*'{{scripts}}'*)
		inline script "$work/uplot.js"
		inline script "$work/page.js"
		;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$here/page.html"
