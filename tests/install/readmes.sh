#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# readmes.sh [update] - each plugin's README.md says of its events and options what
# its tables say, between <!-- generated ... --> and <!-- end -->. With "update"
# (make update-docs) that part is written anew.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stale=0
for so in "$TI_PLUGINS"/*.so; do
	name=$(basename "$so" .so)
	readme=$srcdir/plugins/$name/README.md
	if ! grep -q '^<!-- generated' "$readme" || ! grep -q '^<!-- end -->$' "$readme"; then
		echo "$readme has no lines '<!-- generated: make update-docs -->' and '<!-- end -->'"
		stale=1
		continue
	fi
	SUDO_UID=$(stat -c %u "$so") "$TCPINSPECT" generate readme --plugin-dir / --sink-dir / -P "$so" >"$work/part"
	awk -v part="$work/part" '
	/^<!-- end -->$/ { inside = 0 }
	!inside
	/^<!-- generated/ { inside = 1; while ((getline line < part) > 0) print line }' "$readme" >"$work/README.md"
	if [ "${1-}" = update ]; then
		cmp -s "$work/README.md" "$readme" || cat "$work/README.md" >"$readme"
	else
		diff -u --label "plugins/$name/README.md" --label "its tables" "$readme" "$work/README.md" || {
			echo "plugins/$name/README.md is stale: make update-docs"
			stale=1
		}
	fi
done
exit $stale
