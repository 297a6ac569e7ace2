#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every code block of the documents is built and run as a reader would, with tcpinspect
# installed: see docs.py for what a document has to say of its blocks.
# docs.sh [FILE...] - only these.
set -eu

: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
shopt -s nullglob
documents=("$srcdir"/{README,CONTRIBUTING,sdk/README}.md "$srcdir"/doc/*.{md,in}
	"$srcdir"/{plugins,sinks,sdk/examples}/*/README.md "$srcdir"/sdk/include/tcpinspect/*.h)
[ $# = 0 ] || documents=("$@")
if [ -z "${TI_OWN_NAMESPACES-}" ]; then
	command -v python3 >/dev/null || { echo "skipped: no python3 here"; exit 77; }
	python3 "$srcdir/tests/sdk/docs.py" check "${documents[@]}" || exit 1
fi
. "$(dirname "$0")/installed.sh" || exit

# What the documents take for granted: sudo, an interface, a capture.
mkdir "$work/bin" "$work/has"
python3 "$srcdir/tests/replay/capture.py" requests 9 | gzip >"$work/has/capture.pcapng.gz"
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
chmod +x "$work/bin/sudo"
PATH=$work/bin:$PATH
LD_LIBRARY_PATH=$(sdk_var libdir) # instead of ldconfig
export LD_LIBRARY_PATH
unset TI_PLUGINS TI_SINKS TI_TEST_PLUGINS TCPINSPECT
ip link add eth0 type veth peer name wire
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
ip link set wire up
TMPDIR=$work TI_DOCS_HAS=$work/has timeout 400 python3 "$srcdir/tests/sdk/docs.py" run "${documents[@]}" || fail "see above"
