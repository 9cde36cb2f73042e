#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Unpack Debian packages below a cache directory without installing them.
#
# usage: fetch.sh CACHE PACKAGE...
#
# A package that only depends on the real one (linux-image-cloud-amd64) is
# followed to it. CACHE/PACKAGE then holds the files of the package, complete
# or not there at all.
set -eu

cache=$1
shift
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

real_package() {
	case $1 in
	linux-image-*amd64)
		apt-cache depends "$1" |
			sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' |
			head -n 1
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
	name=$(real_package "$1")
	if ! (cd "$work" && apt-get -q download "$name") >"$work/log" 2>&1; then
		cat "$work/log" >&2
		echo "fetch.sh: cannot download $1" >&2
		rm -rf "$work"
		exit 1
	fi
	dpkg-deb -x "$work"/*.deb "$work/root"
	mv -T "$work/root" "$cache/$1" 2>/dev/null || [ -d "$cache/$1" ]
	rm -rf "$work"
	echo "  FETCH $name"
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
