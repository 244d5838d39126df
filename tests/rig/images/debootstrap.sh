# Makes the files of a small Debian from a mirror, as a tar archive.
#
# Usage: unshare --mount sh debootstrap.sh FOLDER ARCHIVE [SUITE URL]…, the first of which is bookworm
set -e
folder=$1 archive=$2
shift 2
PATH=$PATH:/usr/sbin:/sbin
debootstrap --variant=minbase bookworm "$folder/root" $2
cd "$folder/root"
while [ $# -gt 0 ]; do
  echo "deb $2 $1 main"
  shift 2
done >etc/apt/sources.list
rm -rf var/cache/apt/*.bin var/cache/apt/archives/*.deb var/lib/apt/lists/* var/log/*.log
rm -rf usr/share/doc/* usr/share/man/* usr/share/info/* usr/share/locale/*
tar --create --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --file "$archive" .
