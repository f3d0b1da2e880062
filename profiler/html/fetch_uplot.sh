#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: fetch_uplot.sh FOLDER VERSION SHA512-BASE64 yes|no [TARBALL]
# Leaves FOLDER/package as in the npm package, or with empty files where uPlot is not wanted or can't
# be had. A tarball with another hash is never used: that fails the build.
set -eu
folder=$1 version=$2 sha512=$3 wanted=$4 tarball=${5:-}

without() {
	echo "memwatch: reports of this build show a still picture in place of the chart: $1" >&2
	mkdir -p "$folder/package/dist"
	: >"$folder/package/dist/uPlot.iife.min.js"
	: >"$folder/package/dist/uPlot.min.css"
	: >"$folder/package/LICENSE"
	exit 0
}

sha512_of() {
	env printf "$(sha512sum <"$1" | cut -c1-128 | sed 's/../\\x&/g')" | base64 -w0
}

rm -rf "$folder/package"
[ "$wanted" = yes ] || without "UPLOT=$wanted"
if [ -z "$tarball" ]; then
	command -v npm >/dev/null || without "npm is not installed (or give UPLOT_TARBALL=FILE)"
	npm pack --loglevel=error --ignore-scripts --prefer-offline --fetch-retries=1 --pack-destination "$folder" \
		"uplot@$version" >/dev/null ||
		without "npm could not fetch uplot@$version; remove $folder to try again"
	tarball=$folder/uplot-$version.tgz
fi
if [ "$(sha512_of "$tarball")" != "$sha512" ]; then
	echo "memwatch: $tarball is not uplot $version: its SHA-512 differs from the pinned one" >&2
	exit 1
fi
tar -xzf "$tarball" -C "$folder"
touch "$folder/package/LICENSE"
