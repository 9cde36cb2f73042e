#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Install what building and trying Abyme needs. Instant when nothing is
# missing; as another user than root it prints the line to type instead.
#
# usage: deps.sh [build|boot|check]...    (default: all of them)
set -eu

# "what to look for" "package": a path, or else a command's name
table() {
	case $1 in
	build) cat <<-END
		gcc gcc
		make make
		git git
		END
		;;
	boot) cat <<-END
		python3 python3
		qemu-system-x86_64 qemu-system-x86
		qemu-img qemu-utils
		bochs bochs
		/usr/share/bochs/BIOS-bochs-latest bochsbios
		/usr/share/bochs/VGABIOS-lgpl-latest vgabios
		bochs-term bochs-term
		grub-mkrescue grub-common
		/usr/lib/grub/i386-pc/multiboot2.mod grub-pc-bin
		/usr/lib/grub/x86_64-efi/multiboot2.mod grub-efi-amd64-bin
		xorriso xorriso
		mformat mtools
		/usr/share/OVMF/ ovmf
		/usr/share/seabios/bios-256k.bin seabios
		lz4 lz4
		gdb gdb
		dpkg-deb dpkg
		END
		;;
	check) cat <<-END
		clang clang
		clang-format clang-format
		clang-tidy clang-tidy
		cppcheck cppcheck
		END
		;;
	*)
		echo "deps.sh: no such group: $1" >&2
		exit 2
		;;
	esac
}

installed() {
	dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null |
		grep -qx installed
}

have() {
	case $1 in
	/*) [ -e "$1" ] ;;
	bochs-term) installed bochs-term ;;
	bochs) command -v bochs >/dev/null || command -v bochs-bin >/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

missing() {
	for group; do
		table "$group" | while read -r probe package; do
			have "$probe" || echo "$package"
		done
	done
	# busybox comes in two builds; only the static one runs in an initrd
	case " $* " in
	*" boot "*) installed busybox-static || echo busybox-static ;;
	esac
}

[ $# -gt 0 ] || set -- build boot check
list=$(missing "$@" | sort -u | tr '\n' ' ')
[ -n "$list" ] || exit 0

line="apt-get install --no-install-recommends $list"
if ! command -v apt-get >/dev/null; then
	echo "missing, and no apt-get here to install it: $list" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "missing packages; please type: sudo $line" >&2
	exit 1
fi
echo "installing: $list"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
$(echo "$line" | sed 's/ install / install -y -q /')
left=$(missing "$@" | sort -u | tr '\n' ' ')
[ -z "$left" ] || { echo "still missing: $left" >&2; exit 1; }
