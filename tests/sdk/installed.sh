# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# installed.sh - tcpinspect as its users have it: installed, with no tree around. To be
# sourced first by scripts that do what a plugin's author does:
#	. "$(dirname "$0")/installed.sh" || exit
#
# It makes the namespaces of netns/lib.sh, lays a file system over the prefix and
# says `make install` there, so that nothing has to be told where anything is, and
# nothing stays. `author COMMAND` is an ordinary user, `sudoer COMMAND` what that user does
# with sudo. $home is the author's.
#
# TI_BUILD: the folder tcpinspect was built in.
. "${BASH_SOURCE[0]%/*}/../netns/lib.sh" || exit

: "${TI_BUILD:=$PWD}" "${CC:=cc}" "${srcdir:=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}"
need make pkg-config setpriv "${CC%% *}" "${CLANG:-clang}" "${LLVM_STRIP:-llvm-strip}"
[ -e "$TI_BUILD/Makefile" ] || skip "no Makefile in $TI_BUILD: nothing was built there"

# What a Makefile's run would tell the author's.
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES CFLAGS CPPFLAGS LDFLAGS PKG_CONFIG_PATH SUDO_UID SUDO_GID

sdk_var() {
	PKG_CONFIG_PATH=$TI_BUILD/sdk pkg-config --variable="$1" tcpinspect
}

prefix=$(sdk_var prefix)
for dir in tcpinspect dropindir bpf_mk plugindir; do
	case $(sdk_var $dir) in
	"$prefix"/*) ;;
	*) skip "$dir is not below the prefix, $prefix: it can't be installed without a trace" ;;
	esac
done
mkdir -p "$prefix" "$work/over" "$work/over.work"
mount -t overlay -o "lowerdir=$prefix,upperdir=$work/over,workdir=$work/over.work" overlay "$prefix" 2>/dev/null ||
	mount -t tmpfs tmpfs "$prefix"
make -s -C "$TI_BUILD" install >"$work/installed" 2>&1 || {
	cat "$work/installed" >&2
	fail "make install"
}
PATH=$PATH:$(sdk_var sbindir)
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(sdk_var libdir)/pkgconfig
ip link set lo up

uid=$(id -u nobody) gid=$(id -g nobody)
home=$work/home
install -d -o "$uid" -g "$gid" "$home"

author() {
	HOME=$home setpriv --reuid "$uid" --regid "$gid" --clear-groups -- "$@"
}

sudoer() {
	SUDO_UID=$uid SUDO_GID=$gid "$@"
}
