# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host.sh - what quickstart and runtests ask of the host: packages, and to build
# without leaving files of root's in somebody's folder. Sourced by both.

# Root builds as the owner of this folder.
as_owner() {
	if [ "$(stat -c %u .)" = "$(id -u)" ]; then
		"$@"
	else
		setpriv --reuid "$(stat -c %u .)" --regid "$(stat -c %g .)" --clear-groups "$@"
	fi
}

# packages DISTRIBUTION GROUP
packages() {
	case $1-$2 in
	debian-build) echo autoconf automake libtool make gcc libc6-dev pkg-config clang llvm \
		libbpf-dev libelf-dev libevent-dev libinih-dev libpcap-dev zlib1g-dev ;;
	fedora-build) echo autoconf automake libtool make gcc glibc-devel pkgconf-pkg-config clang llvm \
		libbpf-devel elfutils-libelf-devel libevent-devel inih-devel libpcap-devel zlib-devel ;;
	debian-demo) echo iproute2 hping3 curl nmap python3 ;;
	fedora-demo) echo iproute hping3 curl nmap python3 ;;
	debian-test) echo abigail-tools libcmocka-dev libsqlite3-dev sqlite3 bpftool busybox-static cpio dash ethtool iperf3 iputils-ping jq mandoc masscan nftables nginx-light \
		nmap openssl procps prometheus python3 qemu-system-x86 shellcheck tcpdump tshark util-linux wrk xz-utils zmap ;;
	fedora-test) echo libabigail libcmocka-devel sqlite sqlite-devel libasan libubsan bpftool ethtool iperf3 iputils jq mandoc nftables nginx nmap openssl procps-ng \
		python3 ShellCheck tcpdump util-linux wireshark-cli wrk ;;
	esac
}

# present DISTRIBUTION PACKAGE
present() {
	case $1 in
	debian) [ "$(dpkg-query -W -f='${db:Status-Status}' "$2" 2>/dev/null)" = installed ] ;;
	fedora) rpm -q --quiet --whatprovides "$2" ;;
	esac
}

# Debian starts the service of a package that it installs, now and at each boot.
# This answer of policy-rc.d forbids the first; an administrator's own policy
# stays as it is.
install_debian() {
	local policy=/usr/sbin/policy-rc.d r=0
	if [ -e $policy ]; then
		policy=
	else
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
	fi
	apt-get -q update || echo "apt-get update failed: going on with the lists that are here"
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -q -y install --no-install-recommends "$@" || r=$?
	[ -z "$policy" ] || rm -f $policy
	case " $* " in
	*" nginx-light "*) systemctl disable nginx >/dev/null 2>&1 || true ;;
	esac
	case " $* " in # for promtool
	*" prometheus "*) systemctl disable prometheus prometheus-node-exporter >/dev/null 2>&1 || true ;;
	esac
	return $r
}

install_fedora() {
	dnf -y install --setopt=install_weak_deps=False "$@"
}

# need GROUP... - name what is missing of these groups and install exactly that.
need() {
	local distribution group package missing=()
	if command -v apt-get >/dev/null; then
		distribution=debian
	elif command -v dnf >/dev/null; then
		distribution=fedora
	else
		echo "neither apt-get nor dnf is here: going on with what is installed"
		return 0
	fi
	for group; do
		for package in $(packages $distribution "$group"); do
			present $distribution "$package" || missing+=("$package")
		done
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing what is missing: ${missing[*]}"
	install_$distribution "${missing[@]}"
}
