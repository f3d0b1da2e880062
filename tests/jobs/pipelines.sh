#!/bin/sh
# SPDX-License-Identifier: MIT
# pipelines.sh HOG: 200 pipelines of five programs, and ten hogs of 120 MiB that live for 30 ms:
# 1,011 processes with this shell.
i=0
while [ "$i" -lt 200 ]; do
	/bin/echo x | cat | tr a b | sort | wc -l >/dev/null
	[ $((i % 20)) -ne 0 ] || "$1" 120 30
	i=$((i + 1))
done
