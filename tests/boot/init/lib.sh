# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the inits of L1 and L2; runs under busybox.

export PATH=/bin:/sbin:/usr/bin

say() {
	echo "[$LEVEL] $*"
}

start() {
	/bin/busybox --install -s /bin
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t devtmpfs dev /dev
	exec </dev/console >/dev/console 2>&1
	echo 3 >/proc/sys/kernel/printk
	level=$(option level)
	LEVEL=${level:-$LEVEL}
}

# the words of the kernel's command line that begin with "abyme."
option() {
	for word in $(cat /proc/cmdline); do
		case $word in
		"abyme.$1="*) echo "${word#*=}" ;;
		"abyme.$1") echo 1 ;;
		esac
	done
}

# the end, whatever happened: never leave the person waiting
finish() {
	if [ "$failures" = 0 ]; then
		say "SUCCESS"
	else
		say "FAILURE: $failures"
	fi
	# waits until the console has said everything
	stty -echo
	if [ "$(option end)" = reboot ]; then
		reboot -f
	else
		poweroff -f
	fi
	sleep 60
}

failures=0
check() {
	what=$1
	shift
	if "$@"; then
		say "PASS $what"
	else
		say "FAIL $what"
		failures=$((failures + 1))
	fi
}
