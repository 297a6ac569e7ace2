#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Slow scans, in shorter windows: what is too few in the short one and enough in the long
# one is found, once, also while it goes on and others come and go.
. "$(dirname "$0")/portscan-lib.sh" || exit

inspect --set plugin.portscan.closed_window=2s --set plugin.portscan.any_window=2s \
	--set plugin.portscan.slow_window=20s --set plugin.portscan.distributed_window=2s \
	--set plugin.portscan.end_after=2s --set plugin.portscan.update_period=0
# Two ports a second: of those in 2 s none are enough, the tenth is.
scan nmap -n -Pn -sS -p 2001-2009 --scan-delay 500ms --max-retries 0 $here4
! event true || fail "nine ports: $(jq -c . "$work/events")"
scan nmap -n -Pn -sS -p 2010-2020 --scan-delay 500ms --max-retries 0 $here4
one '.kind == "syn" and .rule == "slow" and .ranges == "2001-2020" and .closed == 20'
counted portscan
