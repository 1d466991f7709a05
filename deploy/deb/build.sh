#!/bin/sh
# build.sh BINARY DIRECTORY: packs a built tcptrack into DIRECTORY/tcptrack-go_VERSION_ARCH.deb and prints that name.
# Needs dpkg-deb; dpkg-shlibdeps (dpkg-dev) too where the binary is linked with libpcap. The same binary, VERSION and
# SOURCE_DATE_EPOCH give the same package, octet by octet. COMPRESSION is dpkg-deb's, xz unless told.
set -eu
umask 022
export LC_ALL=C TZ=UTC

binary=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
[ -x "$binary" ] || { echo "$binary: no program; make deb builds it" >&2; exit 2; }

git() { command git -C "$top" "$@" 2>/dev/null; }
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct || date +%s)}"
export SOURCE_DATE_EPOCH

# A tag is the version; what lies between tags, and what has none, sorts before the next.
if [ -z "${VERSION:-}" ]; then
	tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*') || tag=
	base=${tag#v}
	VERSION=${base:-0}
	[ -n "$tag" ] && [ "$(git describe --tags --match 'v[0-9]*')" = "$tag" ] ||
		VERSION=${base:-0}+git$(date -d "@$SOURCE_DATE_EPOCH" +%Y%m%d).$(git rev-parse --short=7 HEAD || echo devel)
fi

case $(go env GOARCH) in
386) arch=i386 ;;
arm) arch=armhf ;;
ppc64le) arch=ppc64el ;;
*) arch=$(go env GOARCH) ;;
esac

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
pack=$root/pack
put() { install -D -m "$1" "$2" "$pack/$3"; }

put 0750 "$binary" usr/bin/tcptrack
put 0644 "$top/deploy/systemd/tcptrack.service" usr/lib/systemd/system/tcptrack.service
put 0644 "$here/copyright" usr/share/doc/tcptrack-go/copyright
put 0644 "$here/lintian-overrides" usr/share/lintian/overrides/tcptrack-go
put 0644 "$top/CHANGELOG.md" usr/share/doc/tcptrack-go/CHANGELOG.md
for page in "$top"/docs/*.md; do put 0644 "$page" "usr/share/doc/tcptrack-go/${page##*/}"; done
for example in prometheus/alerts.yml prometheus/alerts_test.yml grafana/tcptrack.json zabbix/tcptrack.conf; do
	put 0644 "$top/deploy/$example" "usr/share/doc/tcptrack-go/examples/$example"
done

mkdir -p "$pack/usr/share/man/man1" "$root/shell"
"$binary" man "$pack/usr/share/man/man1"
for shell in bash zsh fish; do "$binary" completion $shell >"$root/shell/$shell"; done
put 0644 "$root/shell/bash" usr/share/bash-completion/completions/tcptrack
put 0644 "$root/shell/zsh" usr/share/zsh/vendor-completions/_tcptrack
put 0644 "$root/shell/fish" usr/share/fish/vendor_completions.d/tcptrack.fish
{
	echo "tcptrack-go ($VERSION) unstable; urgency=medium"
	echo
	echo "  * What has changed stands in CHANGELOG.md."
	echo
	echo " -- $(sed -n 's/^Maintainer: //p' "$here/control")  $(date -R -d "@$SOURCE_DATE_EPOCH")"
} >"$pack/usr/share/doc/tcptrack-go/changelog"
chmod 0644 "$pack"/usr/share/man/man1/* "$pack/usr/share/doc/tcptrack-go/changelog"
gzip -9n "$pack"/usr/share/man/man1/* "$pack"/usr/share/doc/tcptrack-go/changelog "$pack"/usr/share/doc/tcptrack-go/CHANGELOG.md

# Libraries, if any: with libpcap the program needs that and libc.
libraries=
if LC_ALL=C readelf -d "$binary" 2>/dev/null | grep -q NEEDED; then
	command -v dpkg-shlibdeps >/dev/null || { echo "$binary needs libraries, and dpkg-shlibdeps is not there to name them (apt-get install dpkg-dev); CGO_ENABLED=0 make deb packs a program that needs none" >&2; exit 2; }
	mkdir -p "$root/deps/debian" "$pack/DEBIAN"
	echo "Source: tcptrack-go" >"$root/deps/debian/control"
	libraries=$(cd "$root/deps" && dpkg-shlibdeps -O "$pack/usr/bin/tcptrack" | sed -n 's/^shlibs:Depends=/, /p')
fi

mkdir -p "$pack/DEBIAN"
sed -e "s/@VERSION@/$VERSION/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$(du -sk --apparent-size "$pack/usr" | cut -f1)/" \
	-e "s/@LIBRARIES@/$libraries/" "$here/control" >"$pack/DEBIAN/control"
install -m 0755 "$here/postinst" "$here/prerm" "$here/postrm" "$pack/DEBIAN/"
(cd "$pack" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$pack/DEBIAN/md5sums"
chmod 0644 "$pack/DEBIAN/md5sums" "$pack/DEBIAN/control"

find "$pack" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0 -r touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
mkdir -p "$out"
deb=$out/tcptrack-go_${VERSION}_$arch.deb
dpkg-deb --root-owner-group --uniform-compression -Z"${COMPRESSION:-xz}" --build "$pack" "$deb" >/dev/null
echo "$deb"
