#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The plugins on stock kernels, from the oldest that is supported to the newest: in
# each, a VM runs the scripts below. What they counted at which hook is the table of
# doc/kernels.md: made in the build folder, where all kernels were to be had, and
# compared with the one in the tree, which it mustn't contradict.
# TI_KERNELS: which (default: all); TI_VM: the folder they are kept in;
# TI_SCRIPTS: which scripts of tests/netns/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo "skipped: VMs are prepared as root"; exit 77; }
every='hooks functions synflood portscan httpsniff-packets retrans-nstat conn-ends'
# What takes longer, each on one or two of them.
declare -A also=([5.10]='filters packets xdp-chain' [6.1]='misses retrans-events' [6.12]='conn-storm conn-watch'
	[6.18]='httpsniff-netem' [7]='retrans-events')
all=(5.10 6.1 6.12 6.18 7)
longest_first=(5.10 7 6.12 6.1 6.18)
vm=${TI_VM:-$srcdir/.vm}
table=${TI_BUILD:-$PWD}/tests/vm/kernels.md
"$here/setup.sh" "$vm" || exit
"$here/root.sh" "$vm" "$TCPINSPECT" "$TI_PLUGINS"/*.so "$TI_SINKS"/*.so || exit

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/w/plugins" "$work/w/sinks" "$work/w/t" "$work/w/netns" "$work/logs" "${table%/*}"
cp "$TCPINSPECT" "$work/w/"
cp "$TI_PLUGINS"/*.so "$work/w/plugins/"
cp "$TI_SINKS"/*.so "$work/w/sinks/"
cp "$TI_TEST_PLUGINS"/t_*.so "$TI_TEST_PLUGINS"/foreign_*.bpf.o "$work/w/t/"
cp "$here"/../netns/*.sh "$here"/../netns/*.py "$here/portscan.sh" "$here/synflood.sh" \
	"${TI_BUILD:-$PWD}/tests/netns/storm" "${TI_BUILD:-$PWD}/tests/fuzz/packets" "$work/w/netns/"
cp "$here/guest.sh" "$work/w/"

# A VM that crashes is tried once more.
one() { # KERNEL
	local status=125 try log=$work/logs/$1.log
	for try in 1 2; do
		[ $status != 125 ] || echo "try $try" >"$log"
		[ $status != 125 ] || {
			status=0
			VM_TIMEOUT=${VM_TIMEOUT:-600} "$here/vm.sh" "$vm" "$1" "$work/w" "bash ./guest.sh ${TI_SCRIPTS:-$every ${also[$1]-}}" >>"$log" 2>&1 || status=$?
		}
	done
	[ $status != 0 ] || touch "$work/$1.ok"
}

# The table of all kernels against the one of the tree; packages have many versions.
compare() {
	"$here/table.sh" "$work/logs" "${all[@]}" >"$table"
	diff -u --label doc/kernels.md --label "seen now" -I '^- [0-9.]*: ' "$srcdir/doc/kernels.md" "$table" || {
		echo "doc/kernels.md is not what was seen; if it should be: make update-kernels"
		return 1
	}
	echo "ok: doc/kernels.md is what was seen"
}

kernels=()
for kernel in ${TI_KERNELS:-${all[@]}}; do
	if [ -e "$vm/k/$kernel/vmlinuz" ]; then
		kernels+=("$kernel")
	else
		echo "$kernel: no package is to be had; left out"
	fi
done
[ ${#kernels[@]} -gt 0 ] || { echo "skipped: no kernels to be had"; exit 77; }
# As many at a time as there are CPUs: a VM is one busy CPU and one that mostly waits.
for kernel in "${longest_first[@]}"; do
	[[ " ${kernels[*]} " == *" $kernel "* ]] || continue
	[ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n || :
	one "$kernel" &
done
wait
failed=0
for kernel in "${kernels[@]}"; do
	log=$work/logs/$kernel.log
	if [ -e "$work/$kernel.ok" ]; then
		sed -n "s/^skipped:/$kernel: &/p" "$log"
		echo "ok: $kernel: $(grep -c '^ok:' "$log") checks; $(sed -n 's/^took: //p' "$log" | paste -sd,)"
	else
		sed "s/^/$kernel: /" "$log" | grep -v ': row ' | tail -n 40
		echo "failed: $kernel"
		failed=1
	fi
done
rm -f "$table"
if [ "${kernels[*]}" != "${all[*]}" ] || [ -n "${TI_SCRIPTS-}" ]; then
	echo "doc/kernels.md is not compared: not all was run"
elif [ $failed = 0 ]; then
	compare || failed=1
fi
exit $failed
