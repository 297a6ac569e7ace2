#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every code block of the documents is built and run as a reader would, against what `make
# install` lays out: see docs.py for what a document has to say of its blocks.
#
# docs.sh inside ROOT: in a mount, network and host name namespace of its own, with
# ROOT laid over the folders that `make install` would write to.
set -eu

srcdir=$(cd "${srcdir:-.}" && pwd)
build=$(cd "${TI_BUILD:-.}" && pwd)
cd "$srcdir"
shopt -s nullglob
documents=(README.md CONTRIBUTING.md doc/*.md sdk/*.md sdk/examples/*/README.md plugins/*/README.md
	sinks/*/README.md doc/*.in sdk/include/tcpinspect/*.h)

# What a reader has: the installed tcpinspect, sudo, and a network.
inside() {
	local root=$1 dir prefix
	prefix=$(PKG_CONFIG_PATH=$build/sdk pkg-config --variable=prefix tcpinspect)
	dirs=("$prefix")
	# What does not lie below it.
	for dir in "$(PKG_CONFIG_PATH=$build/sdk pkg-config --variable=libdir tcpinspect)" \
		"$(dirname "$(cd "$root" && find . -name tcpinspect.ini -printf '/%P\n')")"; do
		[[ $dir/ = "$prefix"/* ]] || dirs+=("$dir")
	done
	for dir in "${dirs[@]}"; do
		mkdir -p "$root.new$dir" "$root.work$dir"
		mount -t overlay overlay -o "lowerdir=$root$dir:$dir,upperdir=$root.new$dir,workdir=$root.work$dir" "$dir" ||
			{ echo "SKIP: no file system can be laid over $dir here"; exit 77; }
	done
	mkdir "$root/sudo"
	printf '#!/bin/sh\nexec "$@"\n' >"$root/sudo/sudo"
	chmod +x "$root/sudo/sudo"
	export PATH=$root/sudo:$prefix/sbin:$prefix/bin:$PATH
	export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:$prefix/lib64/pkgconfig
	hostname web1
	ip link set lo up
	ip link add eth0 type veth peer name wire
	ip addr add 192.0.2.1/24 dev eth0
	ip link set eth0 up
	ip link set wire up
	exec env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS python3 tests/sdk/docs.py run "${documents[@]}"
}

if [ "${1-}" = inside ]; then
	inside "$2"
fi

for tool in python3 make pkg-config "${CC:-cc}" "${CLANG:-clang}" "${LLVM_STRIP:-llvm-strip}"; do
	command -v "${tool%% *}" >/dev/null || { echo "SKIP: no $tool here"; exit 77; }
done
python3 tests/sdk/docs.py check "${documents[@]}" || exit 1
[ "$(id -u)" = 0 ] || { echo "SKIP: all blocks are classified; to run them takes root"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
env -u MAKEFLAGS -u MAKELEVEL make -s -C "$build" install DESTDIR="$work/root" >"$work/log" 2>&1 ||
	{ cat "$work/log"; echo "FAIL: make install DESTDIR=..."; exit 1; }
timeout 300 unshare --mount --net --uts bash "$srcdir/tests/sdk/docs.sh" inside "$work/root"
