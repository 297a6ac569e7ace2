#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm.sh FOLDER KERNEL WORK COMMAND - run COMMAND as root in a copy of the folder
# WORK inside a VM with that kernel; exits with its status, 125: the VM failed.
set -eu
folder=$1 kernel=$1/k/$2 work=$3 command=$4
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
mkdir "$t/w"
cp -a "$work/." "$t/w/"
printf '%s\n' "$command" >"$t/w/command"
(cd "$t" && find w | cpio -o -H newc --quiet) >"$t/w.cpio"
cat "$folder/root.cpio" "$kernel/modules.cpio" "$t/w.cpio" >"$t/initrd"

# In the foreground, for what ends this script to end the VM, too.
# QEMU's modules are searched in one place only: ours are mounted there, for it alone.
# shellcheck disable=SC2016,SC2317 # for sh to expand; called below
run() {
	exec unshare -m sh -c 'q=$1/usr; shift
		mkdir -p /usr/lib/x86_64-linux-gnu/qemu
		mount --bind "$q/lib/x86_64-linux-gnu/qemu" /usr/lib/x86_64-linux-gnu/qemu
		exec "$q/bin/qemu-system-x86_64" -L "$q/share/qemu" -L /usr/share/seabios -L /usr/share/qemu "$@"' \
		sh "$folder/qemu" "$@"
}
export -f run
export folder
status=0
timeout --foreground -k 2 "${VM_TIMEOUT:-120}" bash -c 'run "$@"' bash \
	-M microvm -accel tcg -smp 2 -cpu max -m 1024 -nodefaults -no-user-config -display none \
	-serial stdio -no-reboot -kernel "$kernel/vmlinuz" -initrd "$t/initrd" \
	-append "console=ttyS0 quiet loglevel=1 panic=-1 reboot=t mitigations=off random.trust_cpu=on tsc_early_khz=$(cat "$folder/tsc_khz")" \
	</dev/null 2>&1 | tr -d '\r' | tee "$t/out" | grep -avE '^VM-EXIT|reboot: Power down' || status=$?
status=$(sed -n 's/^VM-EXIT \([0-9]*\)$/\1/p' "$t/out" | tail -n 1)
[ -n "$status" ] || {
	echo "vm: no exit status: it crashed or took too long" >&2
	exit 125
}
exit "$status"
