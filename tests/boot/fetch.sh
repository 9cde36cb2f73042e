#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Unpack Debian packages below a cache directory without installing them.
#
# usage: fetch.sh CACHE PACKAGE...
#
# A package that only depends on the real one (linux-image-cloud-amd64) is
# followed to it. CACHE/PACKAGE then holds the files of the package, complete
# or not there at all. Three names are our own: xen-hypervisor and xen-tools
# (Xen's programs and all its libraries), for what has a version in its name,
# and xen-qemu (Xen's device model and all its libraries).
set -eu

cache=$1
shift
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

depends() {
	apt-cache depends "$1" | sed -n 's/^ *Depends: \(.*\)/\1/p'
}

depends_deep() {
	apt-cache depends --recurse --no-recommends --no-suggests \
		--no-conflicts --no-breaks --no-replaces --no-enhances "$1" |
		grep '^[a-z]' | sort -u
}

xen_tools() {
	utils=$(depends xen-system-amd64 | grep '^xen-utils-[0-9]')
	depends_deep "$utils" |
		grep -E '^(libxen|libyajl|xenstore-utils|xen-utils)'
}

# all libraries but libc, which must be the one of this machine's linker
xen_qemu() {
	depends_deep qemu-system-xen |
		grep -E '^(lib|zlib1g|qemu-system-xen)' |
		grep -vE '^(libc6|libcap2-bin)$'
}

# the packages that a name stands for
real_package() {
	case $1 in
	xen-hypervisor)
		depends xen-system-amd64 | grep '^xen-hypervisor-.*amd64'
		;;
	xen-tools)
		xen_tools
		;;
	xen-qemu)
		xen_qemu
		;;
	linux-image-*amd64)
		depends "$1" | grep '^linux-image-[0-9]' | head -n 1
		;;
	*)
		echo "$1"
		;;
	esac
}

# apt-cache finds nothing before the first "apt-get update"
have_lists() {
	[ -n "$(real_package linux-image-cloud-amd64)" ]
}

fetch() {
	work=$(mktemp -d "$cache/.fetch.XXXXXX")
	names=$(real_package "$1")
	# several names: one word each
	# shellcheck disable=SC2086
	if ! (cd "$work" && apt-get -q download $names) >"$work/log" 2>&1; then
		cat "$work/log" >&2
		echo "fetch.sh: cannot download $1" >&2
		rm -rf "$work"
		exit 1
	fi
	for deb in "$work"/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
	done
	mv -T "$work/root" "$cache/$1" 2>/dev/null || [ -d "$cache/$1" ]
	rm -rf "$work"
	echo "  FETCH" $names
}

for package; do
	[ ! -d "$cache/$package" ] || continue
	if ! have_lists; then
		if [ "$(id -u)" != 0 ]; then
			echo "please type: sudo apt-get update" >&2
			exit 1
		fi
		apt-get -q update
	fi
	fetch "$package"
done
