#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# table.sh FOLDER KERNEL... - doc/kernels.md, from what guest.sh has printed in each:
# FOLDER/KERNEL.log. One without a log could not be had.
set -eu
cd "$1"
shift
for kernel; do
	if [ -e "$kernel.log" ]; then
		sed -n -e "s/^release /$kernel &/p" -e "s/^row /$kernel &/p" "$kernel.log"
	else
		echo "$kernel absent"
	fi
done | LC_ALL=C sort -s -k 2,4 | awk -v list="$*" '
function cell(i, k, why) {
	why = ((i, k) in note) ? " (" number(note[i, k]) ")" : ""
	return (i, k) in counted ? "counted" why : (i, k) in attached ? "attached" why : why ? "no" why : "-"
}
function number(text) {
	if (!(text in numbers)) {
		texts[++n_texts] = text
		numbers[text] = n_texts
	}
	return numbers[text]
}
function line(a, b, c, k) {
	printf "| %-12s | %-10s |", a, b
	for (k = 1; k <= n; k++)
		printf " %-12s |", c[k]
	print ""
}
$2 == "absent" { release[$1] = "not to be had" }
$2 == "release" { release[$1] = $3 }
$2 == "row" {
	if (last != $3 " " $4)
		rows[++n_rows] = last = $3 " " $4
	if ($5 == "attached")
		attached[n_rows, $1]
	else if ($5 == "counted")
		counted[n_rows, $1]
	else
		note[n_rows, $1] = substr($0, index($0, " not: ") + 6)
}
END {
	n = split(list, kernels)
	print "# Plugins and hooks on stock kernels\n"
	print "Written by tests/vm/matrix.sh, which boots these kernels of Debian; `make update-kernels` puts a new one here."
	print "**counted**: a test has counted there exactly what was sent. **attached**: the kernel took the program, and"
	print "no test counts by it. A dash: not tried. `t_` are plugins of the tests, one for each hook of the SDK.\n"
	for (k = 1; k <= n; k++)
		print "- " kernels[k] ": " release[kernels[k]]
	print ""
	line("plugin", "hook", kernels)
	printf "|---|---|"
	for (k = 1; k <= n; k++)
		printf "---|"
	print ""
	for (i = 1; i <= n_rows; i++) {
		for (k = 1; k <= n; k++)
			cells[k] = cell(i, kernels[k])
		split(rows[i], words)
		line(words[1], words[2], cells)
	}
	if (n_texts)
		print ""
	for (i = 1; i <= n_texts; i++)
		print "(" i ") " texts[i]
}'
