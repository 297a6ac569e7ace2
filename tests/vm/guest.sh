#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# guest.sh SCRIPT... - what a VM of matrix.sh runs in /w: scripts of netns/, one after
# the other. They share a boot, and each goes on where another has failed. At the
# end stand the kernel's release and the rows of counted() and not_here() in lib.sh.
set -eu
for module in veth bridge nft_chain_nat nft_nat nft_masq sch_netem nft_numgen 8021q sch_ingress cls_bpf tcp_diag inet_diag af_packet_diag; do
	modprobe $module 2>/dev/null || :
done
modprobe bonding max_bonds=0 2>/dev/null || :
export TCPINSPECT=/w/tcpinspect TI_PLUGINS=/w/plugins TI_SINKS=/w/sinks TI_TEST_PLUGINS=/w/t TI_ROWS=/run/rows TI_STRICT=1 TI_STORM=2000 TI_HELD=2000 TI_FRAMES=5000

failed=0
for script; do
	began=$SECONDS status=0
	bash "netns/$script.sh" || status=$?
	echo "took: $script $((SECONDS - began)) s"
	case $status in
	0) ;;
	77) echo "skipped: $script" ;;
	*)
		echo "failed: $script with $status"
		failed=1
		;;
	esac
done
echo "release $(uname -r)"
[ ! -e $TI_ROWS ] || sort -u $TI_ROWS | sed 's/^/row /'
exit $failed
