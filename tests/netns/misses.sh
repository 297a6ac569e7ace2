#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a program misses since it is running already is said at the end.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need jq
[ -e "$TI_TEST_PLUGINS/t_recursion.so" ] || skip "no test plugins in $TI_TEST_PLUGINS"
[ -e /sys/kernel/tracing/events/exceptions/page_fault_kernel ] || skip "no tracepoint page_fault_kernel here"

netns here
cp "$(type -P bash)" "$work/ti_recursion"
start here -P "$TI_TEST_PLUGINS/t_recursion.so"
eventually 10 grep -q 'attached raw_tp to page_fault_kernel' "$work/daemon.log" || fail "not attached"
for _ in {1..5}; do "$work/ti_recursion" -c :; done
stop
faults=$(events '.event == "fault"')
[ "$faults" -ge 50 ] || fail "only $faults faults: this tests nothing"
missed=$(sed -n 's/^tcpinspect: warning: t_recursion: faults_raw_tp missed \([0-9]*\) events.*/\1/p' "$work/daemon.log")
[ -n "$missed" ] || case $(uname -r) in
5.10.*) skip "this kernel lets programs recur" ;;
*) fail "it doesn't say what was missed" ;;
esac
# One for each run; two where a copy that has faulted is tried again bytewise (6.1).
[ "$missed" = "$faults" ] || [ "$missed" = $((2 * faults)) ] || fail "$missed missed in $faults runs"
! grep -q 'calls_raw_tp missed' "$work/daemon.log" || fail "calls_raw_tp has missed nothing"
echo "ok: $missed missed"
