#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The plugins on stock kernels, from the oldest that is supported to the newest:
# in each, a VM runs netns/hooks.sh and has synflood find a flood at tc and XDP.
# TI_KERNELS: which (default: all); TI_VM: the folder they are kept in.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo "skipped: VMs are prepared as root"; exit 77; }
vm=${TI_VM:-$srcdir/.vm}
"$here/setup.sh" "$vm" || exit
"$here/root.sh" "$vm" "$TCPINSPECT" "$TI_PLUGINS"/*.so "$TI_SINKS"/*.so

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/w/plugins" "$work/w/sinks" "$work/w/t" "$work/w/netns"
cp "$TCPINSPECT" "$work/w/"
cp "$TI_PLUGINS"/*.so "$work/w/plugins/"
cp "$TI_SINKS"/*.so "$work/w/sinks/"
cp "$TI_TEST_PLUGINS"/t_*.so "$work/w/t/"
cp "$here"/../netns/*.sh "$work/w/netns/"
cp "$here/guest.sh" "$work/w/"

# A VM that crashes is tried once more.
one() { # KERNEL
	local status=125 try
	for try in 1 2; do
		[ $status != 125 ] || echo "try $try" >"$work/$1.log"
		[ $status != 125 ] || {
			status=0
			VM_TIMEOUT=${VM_TIMEOUT:-330} "$here/vm.sh" "$vm" "$1" "$work/w" "bash ./guest.sh" >>"$work/$1.log" 2>&1 || status=$?
		}
	done
	[ $status != 0 ] || touch "$work/$1.ok"
}

kernels=()
for kernel in ${TI_KERNELS:-5.10 6.1 6.12 6.18 7}; do
	if [ -e "$vm/k/$kernel/vmlinuz" ]; then
		kernels+=("$kernel")
	else
		echo "$kernel: no package is to be had; left out"
	fi
done
[ ${#kernels[@]} -gt 0 ] || { echo "skipped: no kernels to be had"; exit 77; }
# Two at a time: a VM is one busy CPU and one that mostly waits.
for kernel in "${kernels[@]}"; do
	[ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n || :
	one "$kernel" &
done
wait
failed=0
for kernel in "${kernels[@]}"; do
	if [ -e "$work/$kernel.ok" ]; then
		echo "ok: $kernel: $(grep -c '^ok:' "$work/$kernel.log") checks"
	else
		sed "s/^/$kernel: /" "$work/$kernel.log" | tail -n 30
		echo "failed: $kernel"
		failed=1
	fi
done
exit $failed
