#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# setup.sh FOLDER - what vm.sh needs, once: stock distribution kernels, a QEMU that
# can run them without KVM, the rate of this machine's TSC. About 30 s and 1 GB;
# nothing is installed. Debian only; exits 77 with the reason where it can't.
# shellcheck disable=SC2012,SC2206 # names are packages'
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
[ ! -e ready ] || exit 0

skip() { # REASON
	echo "skipped: $*"
	exit 77
}
sources=/etc/apt/sources.list.d/debian.sources
[ "$(uname -m)" = x86_64 ] || skip "the kernels are for x86-64"
[ -e $sources ] || skip "no $sources: kernels are fetched from Debian"
for tool in apt-get dpkg busybox cpio xz gcc unshare; do
	command -v $tool >/dev/null || skip "no $tool here"
done

# Packages come through an apt of our own: the machine's knows only its release.
mirror=$(awk '/^URIs:/ { print $2; exit }' $sources)
security=${mirror%/debian}/debian-security
apt=$PWD/apt
mkdir -p "$apt"/etc/{apt.conf.d,preferences.d,trusted.gpg.d} "$apt"/{state/lists,cache/archives}/partial debs
options='[arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
for suite in bullseye bookworm bookworm-backports trixie trixie-backports sid; do
	echo "deb $options $mirror $suite main"
done >"$apt/etc/sources.list"
for suite in bullseye bookworm; do
	echo "deb $options $security $suite-security main"
done >>"$apt/etc/sources.list"
cat >"$apt/apt.conf" <<END
Dir::Etc "$apt/etc"; Dir::Etc::sourcelist "$apt/etc/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::State::Lists "$apt/state/lists"; Dir::Cache "$apt/cache";
Acquire::Languages "none"; APT::Sandbox::User "root"; Acquire::Check-Valid-Until "false";
END
export APT_CONFIG="$apt/apt.conf"
apt-get -qq update 2>apt.log || skip "no package lists to be had: $(tail -n 1 apt.log)"

# Names carry ABI numbers that move on: the newest of each pattern.
newest() {
	apt-cache search --names-only "$1" | awk '{ print $1 }' | sort -V | tail -n 1
}
fetch() {
	(cd debs && apt-get -qq download "$1") || skip "$1 is not to be had"
}
# unpack_kernel NAME PATTERN... - to k/NAME: vmlinuz and modules.
unpack_kernel() {
	local name=$1 pattern package from version
	shift
	rm -rf "k/$name" t
	mkdir -p "k/$name/lib/modules" t
	for pattern; do
		package=$(newest "$pattern")
		[ -n "$package" ] || { echo "no kernel package $pattern"; return 0; }
		fetch "$package"
		dpkg -x "$(ls -t debs/"$package"_*.deb | head -n 1)" t
	done
	from=$(ls -d t/lib/modules/* t/usr/lib/modules/* 2>/dev/null | head -n 1)
	version=${from##*/}
	cp "$(ls t/boot/vmlinuz-* "$from/vmlinuz" 2>/dev/null | head -n 1)" "k/$name/vmlinuz"
	mv "$from" "k/$name/lib/modules/"
	find "k/$name/lib" -name '*.ko.xz' -print0 | xargs -0r -n 64 xz -d
	busybox depmod -b "$PWD/k/$name" "$version"
	rm -rf t
}
unpack_kernel 5.10 '^linux-image-5\.10\.[0-9-]+-cloud-amd64$'
unpack_kernel 6.1 '^linux-image-6\.1\.0-[0-9]+-cloud-amd64$'
unpack_kernel 6.12 '^linux-image-6\.12\.[0-9]+\+deb1[23]-cloud-amd64$'
unpack_kernel 6.18 '^linux-image-6\.18\.[0-9]+\+deb13-cloud-amd64$'
unpack_kernel 7 '^linux-binary-7\.[0-9.]+\+deb1[34]-cloud-amd64$' '^linux-modules-7\.[0-9.]+\+deb1[34]-cloud-amd64$'

# QEMU 7.2 of Debian 12 emulates cmpxchg16b wrongly, and 6.12 crashes on it.
qemu=$(apt-cache madison qemu-system-x86 | awk '/bookworm-backports/ { print $3; exit }')
for package in qemu-system-x86 qemu-system-data qemu-system-common; do
	fetch $package="$qemu"
	dpkg -x "$(ls -t debs/${package}_*.deb | head -n 1)" qemu
done
gcc -O2 -o tsc "$here/tsc.c"
./tsc >tsc_khz
rm -rf debs apt
touch ready
