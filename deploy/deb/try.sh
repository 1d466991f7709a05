#!/bin/sh
# try.sh PACKAGE: installs, uses, upgrades, removes and purges the package, as root, in a mount namespace of its own
# (unshare -m) with a copy of this system that is thrown away. Exit 77: that cannot be made here.
set -eu
deb=$(readlink -f "$1")
[ -n "${TRY_INSIDE:-}" ] || {
	layers=$(mktemp -d)
	mount -t tmpfs tcptrack-try "$layers" || exit 77
	mkdir "$layers/upper" "$layers/work" "$layers/root"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" "$layers/root" || exit 77
	cp "$deb" "$layers/root/package.deb"
	cp "$0" "$layers/root/try.sh"
	mount -t proc proc "$layers/root/proc" || exit 77
	TRY_INSIDE=1 chroot "$layers/root" sh /try.sh /package.deb && code=0 || code=$?
	umount -R "$layers/root" "$layers" 2>/dev/null || umount -l "$layers"
	rmdir "$layers" 2>/dev/null || true
	exit $code
}

# Triggers, as mandb, are not what is tried.
fail() { echo "try.sh: $*" >&2; exit 1; }
as() { # as GROUP COMMAND...: nobody, and in that group
	group=$1
	shift
	# The shell between has lost root's rights, which setpriv keeps until it runs something.
	setpriv --reuid=65534 --regid=65534 --groups="$group" sh -c '"$@"' sh "$@"
}

dpkg --no-triggers --install "$deb" >/log 2>&1 || { cat /log; exit 77; } # what it depends on is not installed
[ "$(stat -c '%U:%G %a' /usr/bin/tcptrack)" = 'root:tcptrack 750' ] || fail "$(stat -c '%U:%G %a' /usr/bin/tcptrack)"
[ -z "$(getent group tcptrack | cut -d: -f4)" ] || fail "somebody is in the group"
[ "$(getcap /usr/bin/tcptrack)" = '/usr/bin/tcptrack cap_net_raw=ep' ] || fail "capabilities: $(getcap /usr/bin/tcptrack)"
[ ! -e /etc/systemd/system/multi-user.target.wants/tcptrack.service ] || fail "the service is enabled"

tcptrack=$(getent group tcptrack | cut -d: -f3)
as 65534 tcptrack version >/dev/null 2>&1 && fail "whoever is not in the group may run it"
as "$tcptrack" tcptrack version >/dev/null || fail "who is in the group may not run it"
ip link set lo up
as "$tcptrack" tcptrack live -i lo --duration 200ms -o json | grep -q '"event":"summary"' || fail "who is in the group may not capture"

# An administrator's word stands.
dpkg-statoverride --update --add root root 0755 /usr/bin/tcptrack
dpkg --no-triggers --install "$deb" >/dev/null
[ "$(stat -c '%U:%G %a' /usr/bin/tcptrack)$(getcap /usr/bin/tcptrack)" = 'root:root 755' ] || fail "the administrator's word does not stand"
dpkg-statoverride --remove /usr/bin/tcptrack

# Debian's tcptrack and this one cannot be installed at once.
mkdir -p /old/DEBIAN
printf 'Package: tcptrack\nVersion: 1.4.3-1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: another program\n' >/old/DEBIAN/control
dpkg-deb --build /old /old.deb >/dev/null
dpkg --no-triggers --install /old.deb >/dev/null 2>&1 && fail "no conflict with Debian's tcptrack"

dpkg --no-triggers --remove tcptrack-go >/dev/null
[ ! -e /usr/bin/tcptrack ] && [ ! -e /usr/share/doc/tcptrack-go ] || fail "remove leaves something"
dpkg --no-triggers --purge tcptrack-go >/dev/null
getent group tcptrack && fail "purge leaves the group"
echo "installed, used, upgraded, removed"
