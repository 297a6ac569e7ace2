#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Files that are no modules, or not to be trusted, given to the whole program:
# each is refused with its path and what to do, and runs nothing.
. "${0%/*}/lib.sh"
need "${CC:-cc}" setpriv
top=$(cd "${0%/*}/../.." && pwd)

# Root trusts no sticky folder for a whole folder of modules, so /tmp won't do.
mount -t tmpfs -o mode=755 tmpfs /mnt
cd /mnt || exit
umask 022
cp "$TCPINSPECT" .

# build FILE FLAG...
build() {
	"${CC:-cc}" -shared -fPIC -I"$top/sdk/include" "${@:2}" -o "$1" "$top/tests/modules/plugin.c" ||
		fail "$1 does not build"
}

run() {
	status=0
	./tcpinspect run --sink-dir "$TI_SINKS" -c /dev/null -i lo --duration 300ms "$@" \
		>out 2>err </dev/null || status=$?
}

# ended STATUS TEXT
ended() {
	[ $status = "$1" ] || { cat err >&2; fail "$file: ended with $status instead of $1"; }
	grep -qF -- "$2" err || { cat err >&2; fail "$file: '$2' is not said"; }
	! grep -q attached err || fail "$file: something was started"
	[ ! -s out ] || fail "$file: something was printed"
}

# refused FILE TEXT - named on the command line, which is a mistake there.
refused() {
	file=$1
	run -P "./$1"
	ended 2 "$2"
	grep -qF "/$file" err || { cat err >&2; fail "$file: it is not named"; }
}

ip link set lo up
build good.so -DNAME=good
abi=$(./tcpinspect version --json | sed 's/.*"abi":"1\.\([0-9]*\)".*/\1/')
minor=$(printf '\\x%02x' "$abi")
# In the middle of the prefix, both in the note and in the descriptor.
patch() {
	LC_ALL=C sed "s/$1/$2/g" good.so >"$3"
	! cmp -s good.so "$3" || fail "$3 is not another"
}

cp good.so writable.so && chmod o+w writable.so
refused writable.so "is writable by everyone"
cp good.so group.so && chgrp 4242 group.so && chmod g+w group.so
refused group.so "is writable by its group"
cp good.so foreign.so && chown 4242 foreign.so
refused foreign.so "belongs to uid 4242 and only root is trusted"
mkdir -m 777 open && cp good.so open/
refused open/good.so "open is writable by everyone"
ln -s writable.so link.so
refused link.so "writable.so is writable by everyone"
head -c $(($(stat -c %s good.so) / 2)) good.so >half.so
refused half.so "is truncated"
echo 'int main(void) { return 0; }' >text.so
refused text.so "is not an ELF file"
: >empty.so
refused empty.so "is empty"
mkdir folder.so
refused folder.so "is not a regular file"
mkfifo fifo.so
refused fifo.so "is not a regular file"
refused nowhere.so "No such file"
patch "INSP\x01\x00$minor\x00" "INSP\x02\x00$minor\x00" newer.so
refused newer.so "is built for ABI 2.$abi and this tcpinspect has 1.$abi"
patch "INSP\x01\x00$minor\x00" "INSP\x00\x00$minor\x00" older.so
refused older.so "is built for ABI 0.$abi and this tcpinspect has 1.$abi"
patch "INSP\x01\x00$minor\x00" 'INSP\x01\x00\x77\x00' minor.so
refused minor.so "is built for ABI 1.119 and this tcpinspect has 1.$abi"
patch 'INSP' 'PSNI' magic.so
refused magic.so "wrong magic"
cp "$TI_SINKS/console.so" sink.so
refused sink.so "is a sink, not a plugin"
cp /proc/self/exe program.so
refused program.so "is no module of tcpinspect"
file=twice
mkdir other && cp good.so other/
run -P ./good.so -P ./other/good.so
ended 2 "both call themselves 'good'"
echo "ok: named files"

# It runs, so it may be opened; what it lacks shows only then.
build undefined.so -DNAME=undefined -DUNDEFINED
file=undefined.so
run -P ./undefined.so
ended 1 "undefined symbol: defined_nowhere"
file=good.so
run -P ./good.so
ended 1 "good: its BPF object is no ELF file"
echo "ok: files that fail when opened"

# In a folder of modules they are left out, and the others are used.
mkdir folder
cp "$TI_PLUGINS/synflood.so" writable.so half.so text.so newer.so folder/
chmod o+w folder/writable.so
cp good.so folder/twin.so
ln -s ../good.so folder/good.so
file=folder
status=0
./tcpinspect list --plugin-dir /mnt/folder --sink-dir "$TI_SINKS" >out 2>err || status=$?
[ $status = 0 ] || fail "list ended with $status"
for text in 'writable.so: .*is writable by everyone' 'half.so: is truncated' 'text.so: is not an ELF file' \
	"newer.so: is built for ABI 2.$abi" "twin.so: holds 'good'" 'good.so: is a symbolic link'; do
	grep -q "warning: .*folder/$text" err || { cat err >&2; fail "no warning: $text"; }
done
grep -q '^  synflood ' out || fail "synflood is not listed"
[ "$(grep -c ' ABI ' out)" = $((1 + $(find "$TI_SINKS" -name '*.so' | wc -l))) ] ||
	{ cat out >&2; fail "more is listed than may be used"; }
run --plugin-dir /mnt/folder -p good
ended 2 "no plugin 'good'"
run --plugin-dir /mnt/folder -p synflood
[ $status = 0 ] || { cat err >&2; fail "synflood did not run beside them"; }
chmod o+w folder
run --plugin-dir /mnt/folder -p synflood
ended 2 "nothing in it is used: the folder /mnt/folder is writable by everyone"
echo "ok: a folder"

# A plugin of the user's own does not run with more rights than the user has.
mkdir own && cp good.so own/ && chown -R 65534 own
status=0
setpriv --reuid=65534 --regid=65534 --clear-groups ./tcpinspect list -P own/good.so >out 2>err || status=$?
[ $status = 0 ] || { cat err >&2; fail "nobody may not list a plugin of nobody's"; }
file=own/good.so
refused own/good.so "belongs to uid 65534 and only root is trusted"
SUDO_UID=65534 run -P own/good.so
ended 1 "good: its BPF object is no ELF file"
echo "ok: owners"
