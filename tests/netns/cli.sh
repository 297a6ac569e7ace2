#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line as its users meet it: exit codes, what goes to standard output
# and what to standard error, JSON wherever it is promised, and each mistake in
# words that tell what to do. With a mistake nothing is started.
. "${0%/*}/lib.sh"
need jq setpriv

ip link set lo up
cp "$TCPINSPECT" "$TI_PLUGINS/synflood.so" "$TI_SINKS/console.so" "$TI_SINKS/file.so" "$work"
for plugin in t_flood t_missing t_refused; do
	[ -e "$TI_TEST_PLUGINS/$plugin.so" ] || skip "no $plugin.so in $TI_TEST_PLUGINS"
	cp "$TI_TEST_PLUGINS/$plugin.so" "$work"
done
cd "$work" || exit
chmod -R go=rX .
sinks=(-S ./console.so -S ./file.so)
modules=(-P ./synflood.so "${sinks[@]}")

# Of the command that was run last.
show() {
	echo "--- standard output"
	head -n 10 out
	echo "--- standard error"
	cat err
} >&2

# ends STATUS COMMAND ARGUMENT...
ends() {
	local status=0
	./tcpinspect "${@:2}" >out 2>err </dev/null || status=$?
	[ $status = "$1" ] || {
		show
		fail "'${*:2}' ended with $status instead of $1"
	}
}

# Said to the user, in these words.
says() {
	grep -qF -- "$1" err || {
		show
		fail "it does not say '$1'"
	}
}

prints() {
	grep -qF -- "$1" out || {
		show
		fail "it does not print '$1'"
	}
}

silent() {
	[ ! -s "$1" ] || {
		show
		fail "standard ${1/err/error}put is not empty"
	}
}

# mistake TEXT COMMAND ARGUMENT... - is refused with it, and nothing is started.
mistake() {
	ends 2 "${@:2}"
	says "$1"
	silent out
	! grep -q attached err || fail "'${*:2}': something was started"
}

# is CONDITION - of the JSON on standard output.
is() {
	jq -se "$1" out >/dev/null || {
		show
		fail "not so: $1"
	}
}

commands() {
	for c in run check list doctor version help; do
		ends 0 help
		silent err
		prints "  $c "
		ends 0 help $c
		prints "Usage: tcpinspect $c"
		ends 0 $c --help
		prints "Usage: tcpinspect $c"
	done
	ends 0 --help
	ends 0 --version
	ends 0 version
	prints "plugin ABI 1."
	ends 2
	says "Usage: tcpinspect COMMAND"
	silent out
	mistake "no command 'lits'; did you mean 'list'?" lits
	mistake "no command 'xyzzy'" help xyzzy
	mistake "unrecognized option '--jsno'" list --jsno
	mistake "Try 'tcpinspect help run'" run --jsno
	mistake "unexpected 'eth0'" run eth0
	mistake "requires an argument" run -p
}

as_json() {
	ends 0 version --json
	is '.[0].abi | test("^1[.][0-9]+$")'
	ends 0 check "${modules[@]}" -c /dev/null --json
	is '. == [{"ok": true, "plugins": 1, "sinks": 1}]'
	ends 2 check "${modules[@]}" -c /dev/null -p nothing --json
	is '. == [] or .[0].ok == false'
	ends 0 list "${modules[@]}" --json
	is '.[0] | map(.kind + " " + .name) | sort == ["plugin synflood", "sink console", "sink file"]'
	is '.[0][] | select(.name == "synflood") | [.hooks[] | select(.group == "packets") | .hook] == ["tc", "xdp"]'
	is '.[0][] | select(.name == "synflood") | .options[] | select(.key == "alarm_rate") |
	    .default == "100" and .type == "number" and (.help | length) > 20'
	is '.[0][] | select(.name == "synflood") | .events[] | select(.name == "flood_start") |
	    .severity == "warning" and (.fields[] | select(.name == "class").values |
	    . == ["single", "subnet", "spoofed", "overload"])'
	is '.[0] | all(.path | startswith("/")) and all(.abi | startswith("1."))'
	ends 0 list "${modules[@]}" -v
	prints "event flood_start (warning)"
	prints "alarm_rate"
	ends 0 doctor "${modules[@]}" -c /dev/null --json
	is '.[0].plugins[0] | .plugin == "synflood" and .runnable and ([.hooks[] | select(.chosen) | .group] | sort == ["completions", "packets"])'
	is '.[0].host | map(.check) | contains(["kernel", "btf", "capabilities"])'
	ends 4 doctor -P ./t_missing.so "${sinks[@]}" -c /dev/null --json
	is '.[0].plugins[0].runnable == false'
	is '.[0].plugins[0].hooks[0].why | contains("ti_no_such_tracepoint")'
}

arguments() {
	local run=(run "${modules[@]}" -c /dev/null)
	mistake "no plugin 'synflod' in" "${run[@]}" -p synflod
	says "did you mean 'synflood'?"
	mistake "no such interface: eth77" "${run[@]}" -i eth77
	mistake "no such interface: eth77" "${run[@]}" -i lo,eth77
	mistake "'xml' is neither json nor text" "${run[@]}" -o xml
	mistake "'5' is no time; write 30s" "${run[@]}" --duration 5
	mistake "'0' is no number above 0" "${run[@]}" --count 0
	mistake "'-1' is no number above 0" "${run[@]}" --count=-1
	mistake "/nowhere.ini: no such file" run "${modules[@]}" -c /nowhere.ini
	mistake "Is a directory" run "${modules[@]}" -c /tmp
	mistake "/nowhere: no such folder" "${run[@]}" --plugin-dir /nowhere
	mistake "no plugin is enabled" run -S ./console.so -c /dev/null
	mistake "unknown key 'alarm_rat' in [plugin synflood], did you mean 'alarm_rate'?" \
		"${run[@]}" --set plugin.synflood.alarm_rat=1
	says "--set: "
	mistake "'many' is not a number from 1 to" "${run[@]}" --set plugin.synflood.alarm_rate=many
	mistake "'0' is out of range: 1 to" "${run[@]}" --set plugin.synflood.alarm_rate=0
	mistake "is not KIND.NAME.KEY=VALUE" "${run[@]}" --set alarm_rate=100
	mistake "is not KIND.NAME.KEY=VALUE" "${run[@]}" --set plugin.synflood.alarm_rate
	mistake "no plugin 'synflod'" "${run[@]}" --set plugin.synflod.alarm_rate=1
	mistake "hook: synflood has no 'foo'; it has auto" "${run[@]}" --set plugin.synflood.hook=foo
	mistake "is not yes or no" "${run[@]}" --set plugin.synflood.explain=maybe
}

# wrong TEXT - what t.ini, from standard input, is refused with.
wrong() {
	cat >t.ini
	ends 2 check "${sinks[@]}" --plugin-dir "$TI_PLUGINS" -c t.ini
	says "$1"
	mistake "$1" run "${sinks[@]}" --plugin-dir "$TI_PLUGINS" -c t.ini
}

files() {
	local good=$'[plugin synflood]\nenabled = yes\n' x400
	x400=$(printf 'x%.0s' {1..400})
	wrong "t.ini:1: unknown section [plugn], did you mean 'plugin'?" <<<'[plugn synflood]'
	wrong "t.ini:3: no plugin 'synflod'" <<<"${good}[plugin synflod]"
	wrong "t.ini:3: unknown key 'alarm_rat' in [plugin synflood], did you mean 'alarm_rate'?" <<<"${good}alarm_rat = 5"
	wrong "t.ini:3: alarm_rate: 'x' is not a number from 1 to" <<<"${good}alarm_rate = x"
	wrong "t.ini:3: alarm_rate: '0' is out of range: 1 to" <<<"${good}alarm_rate = 0"
	wrong "t.ini:4: clear_after: '500ms' is out of range: 1s to 1h" <<<"$good
clear_after = 500ms"
	wrong "t.ini:3: 'enabled' is given already at line 2" <<<"${good}enabled = no"
	wrong "t.ini:3: [plugin synflood] stands already at line 1" <<<"$good$good"
	wrong "t.ini:3: hook: synflood has no 'foo'" <<<"${good}hook = foo"
	wrong "t.ini:3: explain: 'xxxxx" <<<"${good}explain = $x400"
	wrong "t.ini:3: no '='" <<<"${good}alarm_rate"
	wrong "t.ini:3: a section's heading ends in ']'" <<<"${good}[sink console"
	wrong "t.ini:1: 'enabled' stands before the first [section]" <<<'enabled = yes'
	wrong "comments have their own lines" <<<"${good}alarm_rate = 5 ; as agreed"
	wrong "t.ini:3: file: path must be given" <<<"${good}[sink file]"
	wrong "t.ini:3: no sink type 'flie'" <<<"${good}[sink flie]"
	wrong "did you mean 'file'?" <<<"${good}[sink flie]"
	wrong "t.ini:4: unknown key 'paht' in [sink file], did you mean 'path'?" <<<"${good}[sink file]
paht = /tmp/events"
	wrong "t.ini:5: events: there is no event 'synflood.flood_strat'" <<<"${good}[sink console]
[route r]
events = synflood.flood_strat"
	wrong "t.ini:5: sinks: there is no sink 'consol'; did you mean 'console'?" <<<"${good}[sink console]
[route r]
sinks = consol"
	wrong "t.ini:2: log_level: 'loud' is not one of error, warning, info, debug" <<<'[tcpinspect]
log_level = loud
[plugin synflood]
enabled = yes'
	# All of them at once, not one a run.
	wrong "t.ini:3: unknown key 'one'" <<<"${good}one = 1
two = 2"
	says "t.ini:4: unknown key 'two'"
}

# They come after the file, in the order of their names, and may override it.
drop_ins() {
	local check=(check "${sinks[@]}" --plugin-dir "$TI_PLUGINS" -c t.ini)
	mkdir tcpinspect.d
	echo '[plugin synflood]' >t.ini
	ends 2 "${check[@]}"
	says "no plugin is enabled"
	printf '[plugin synflood]\nenabled = yes\nalarm_rate = 0\n' >tcpinspect.d/10-a.ini
	ends 2 "${check[@]}"
	says "tcpinspect.d/10-a.ini:3: alarm_rate: '0' is out of range"
	printf '[plugin synflood]\nalarm_rate = 7\n' >tcpinspect.d/20-b.ini
	echo 'not read' >tcpinspect.d/README
	ends 0 "${check[@]}"
	printf '[plugin synflood]\nalarm_rat = 7\n' >tcpinspect.d/30-c.ini
	ends 2 "${check[@]}"
	says "tcpinspect.d/30-c.ini:2: unknown key 'alarm_rat'"
	rm -r tcpinspect.d
}

# A value that inih would cut at 200 bytes and read on as a line of its own.
long_value() {
	local path=$work
	while [ ${#path} -lt 400 ]; do
		path+=/././././././././.
	done
	printf '[plugin t_flood]\n[sink file]\npath = %s/long.json\n' "$path" >t.ini
	flood_now
	ends 0 run -P ./t_flood.so -S ./file.so -c t.ini --count 3 --duration 20s
	kill $flood
	[ "$(wc -l <long.json)" = 3 ] || fail "not 3 events in $path/long.json"
}

cp "$(type -P dd)" ti_flood
# System calls for t_flood, until $flood is killed.
flood_now() {
	./ti_flood if=/dev/zero of=/dev/null bs=1 2>/dev/null &
	flood=$!
}

output() {
	local began
	flood_now
	ends 0 run -P ./t_flood.so -S ./console.so -c /dev/null -o json --count 1000 --duration 20s
	is 'length == 1000'
	is 'all(keys_unsorted == ["time", "host", "plugin", "event", "severity", "seq", "on_cpu", "pid"])'
	is 'all(.time | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{9}Z$"))'
	is 'map(.time) | . == sort'
	is 'all(.plugin == "t_flood" and .event == "call" and .severity == "info")'
	says "t_flood: attached raw_tp to sys_enter"
	ends 0 run -P ./t_flood.so -S ./console.so -c /dev/null --count 7 --duration 20s -q
	[ "$(wc -l <out)" = 7 ] || fail "not 7 lines of text"
	! grep -q $'\e' out || fail "colours that nobody can see"
	silent err
	kill $flood
	began=$SECONDS
	ends 0 run "${modules[@]}" -i lo -c /dev/null --duration 1s
	[ $((SECONDS - began)) -lt 10 ] || fail "1 s took $((SECONDS - began))"
	silent out
}

# Nothing but a plugin and an interface is named. (This host may have its own ini.)
zero_config() {
	local ini
	ini=$(grep -aoE '/[[:alnum:]/._-]+/tcpinspect[.]ini' tcpinspect | head -n 1)
	[ ! -e "$ini" ] && [ ! -e "${ini%.ini}.d" ] || return 0
	ends 0 run --plugin-dir "$TI_PLUGINS" --sink-dir "$TI_SINKS" -p synflood -i lo --duration 500ms
	says "synflood: attached tc to lo"
	says "synflood to console: 0 events"
}

without_rights() {
	local status=0
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		./tcpinspect run "${modules[@]}" -i lo -c /dev/null >out 2>err || status=$?
	[ $status = 3 ] || { show; fail "nobody's run ended with $status"; }
	says "CAP_BPF CAP_PERFMON CAP_NET_ADMIN"
	silent out
	for c in "check -c /dev/null" list; do
		# shellcheck disable=SC2086
		setpriv --reuid=65534 --regid=65534 --clear-groups ./tcpinspect $c "${modules[@]}" \
			>out 2>err || { show; fail "nobody may not $c"; }
	done
}

# What fails takes only itself down.
failing() {
	netns here
	start here -P ./synflood.so -P ./t_refused.so -P ./t_missing.so -i lo -c /dev/null
	eventually 10 grep -q "the others do" daemon.log || fail "nothing is said of the two that fail"
	for text in "synflood: attached tc to lo" "warning: 2 of 3 plugins could not run" \
		"t_refused: packets at tc: .*invalid mem access" \
		"t_missing: .*no tracepoint ti_no_such_tracepoint"; do
		grep -q "$text" daemon.log || fail "the log does not say '$text'"
	done
	on here bash -c ': <>/dev/tcp/127.0.0.1/1' 2>/dev/null || :
	stop
	expect 1 '.plugin == "synflood" and .event == "syn_sources" and .syns >= 1'
	ends 4 run -P ./t_refused.so -P ./t_missing.so -S ./console.so -i lo -c /dev/null --duration 9s
	silent out
}

for part in commands as_json arguments files drop_ins long_value output zero_config without_rights failing; do
	$part
	echo "ok: ${part//_/ }"
done
