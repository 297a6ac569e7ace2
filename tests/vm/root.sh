#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# root.sh FOLDER [FILE...] - the guests' root as an initramfs, FOLDER/root.cpio:
# tools of this machine with their libraries, and the FILEs' libraries; and for
# each kernel the modules that tests use, FOLDER/k/NAME/modules.cpio.
# shellcheck disable=SC2012,SC2206 # names are packages'
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH=/usr/sbin:/usr/bin:/sbin:/bin
folder=$1
shift
python=$(readlink -f /usr/bin/python3)
tools=(busybox dash bash ip tc ss ping nsenter unshare mount umount setpriv flock bpftool jq curl hping3 nstat
	iperf3 nft nginx nmap wrk ethtool timeout sysctl stat awk "${python##*/}")
modules="veth dummy 8021q bridge bonding ifb sch_netem sch_ingress sch_fq sch_fq_codel cls_bpf cls_matchall act_bpf act_mirred
	nf_tables nft_counter nft_numgen nft_limit nft_ct nft_log nft_hash nft_reject_ipv4 nft_reject_ipv6 nft_reject_inet
	nft_chain_nat nft_nat nft_masq nft_objref nf_nat nf_conntrack
	af_packet_diag tcp_diag inet_diag"
for tool in "${tools[@]}"; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool here: VMs are given this machine's"; exit 77; }
done

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{proc,sys,dev,run,tmp,etc,root,var/lib/nginx,var/log/nginx,usr/bin,usr/lib,lib64}
ln -s usr/bin "$root/bin"
ln -s usr/bin "$root/sbin"
ln -s bin "$root/usr/sbin"
ln -s usr/lib "$root/lib"
files=("$@")
for tool in "${tools[@]}"; do
	path=$(command -v "$tool")
	cp -L "$path" "$root/usr/bin/"
	files+=("$path")
done
python=${python##*/}
files+=(/usr/lib/$python/lib-dynload/*.so)
ldd "${files[@]}" 2>/dev/null | grep -oE '/[^ ]+\.so[^ ]*' | sed 's/:$//' | sort -u |
	while read -r lib; do
		to=$root$lib
		case $lib in /usr/* | /lib*) ;; *) to=$root/usr/lib/x86_64-linux-gnu/${lib##*/} ;; esac
		mkdir -p "${to%/*}"
		cp -L "$lib" "$to"
	done
mkdir -p "$root/usr/share/nmap"
cp -L /usr/share/nmap/nmap-{mac-prefixes,payloads,protocols,services} "$root/usr/share/nmap/"
(cd / && find "usr/lib/$python" \( -name '*.py' -o -path '*/lib-dynload/*.so' \) \
	-not -path '*/test/*' -not -path '*/lib2to3/*' -not -path '*/idlelib/*' -not -path '*/dist-packages/*' |
	cpio -pdmu --quiet "$root")
ln -sf "$python" "$root/usr/bin/python3"
ln -sf dash "$root/usr/bin/sh"
for name in $(busybox --list); do
	[ -e "$root/usr/bin/$name" ] || ln -s busybox "$root/usr/bin/$name"
done
cp /etc/protocols /etc/services "$root/etc/" 2>/dev/null || :
printf '%s\n' root:x:0:0::/root:/bin/sh www-data:x:33:33::/: nobody:x:65534:65534::/: >"$root/etc/passwd"
printf '%s\n' root:x:0: www-data:x:33: nogroup:x:65534: >"$root/etc/group"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
install -m 755 "$here/init" "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$folder/root.cpio"

for kernel in "$folder"/k/*/; do
	[ ! "$kernel/modules.cpio" -nt "$here/root.sh" ] || continue
	version=$(ls "$kernel/lib/modules")
	from=$kernel/lib/modules/$version
	rm -rf "$root"
	mkdir -p "$root/usr/lib/modules/$version"
	for module in $modules; do
		grep -E "/$module\.ko:" "$from/modules.dep" || :
	done | tr -d : | tr ' ' '\n' | sort -u | while read -r file; do
		[ -n "$file" ] || continue
		mkdir -p "$root/usr/lib/modules/$version/${file%/*}"
		cp "$from/$file" "$root/usr/lib/modules/$version/$file"
	done
	busybox depmod -b "$root/usr" "$version" 2>/dev/null
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$kernel/modules.cpio"
done
