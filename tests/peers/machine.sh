#!/usr/bin/env bash
# A machine with systemd of its own, made of this one: namespaces, and a copy of the file system that forgets what is
# written to it. Needs root. Runs until it is killed. See machine.py.
#
#   machine.sh FOLDER    FOLDER is /srv/shared in there
set -euo pipefail

shared=$1 stage=${2-outside}
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# What concerns hardware, or the kernel that this machine shares.
masked=(
  dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount
  ldconfig.service systemd-binfmt.service systemd-boot-system-token.service systemd-firstboot.service
  systemd-hwdb-update.service systemd-journal-catalog-update.service systemd-machine-id-commit.service
  systemd-modules-load.service systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-random-seed.service
  systemd-remount-fs.service systemd-sysctl.service systemd-sysusers.service systemd-tmpfiles-setup-dev.service
  systemd-tmpfiles-setup.service systemd-udev-trigger.service systemd-udevd.service systemd-update-done.service
  systemd-update-utmp.service
)

if [[ $stage == outside ]]; then
  # A control group that is the root of all in there.
  group=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)/gloss-machine-$$
  mkdir "$group"
  echo $$ >"$group/cgroup.procs"
  exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup --net bash "$0" "$shared" inside
fi

mount --make-rprivate /
mount -t proc proc /proc
stage=$(mktemp -d)
mount -t tmpfs tmpfs "$stage"
root=$stage/root
mkdir "$root" "$stage/written" "$stage/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$stage/written,workdir=$stage/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
for folder in run tmp dev sys/fs/cgroup; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -p "$root/dev/shm" "$root/dev/pts" "$root/srv/shared" "$root/etc/systemd/system"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --bind "$shared" "$root/srv/shared"
# The checkout may lie in what is hidden by now, or on a file system of its own, which an overlay does not show.
mkdir -p "$root$checkout"
mount --bind "$checkout" "$root$checkout"
mount -o remount,bind,ro "$root$checkout"
for unit in "${masked[@]}"; do ln -sfn /dev/null "$root/etc/systemd/system/$unit"; done
# Where packages may start nothing, as in containers, in there they may.
rm -f "$root/usr/sbin/policy-rc.d"
cd "$root"
pivot_root . mnt
umount -l /mnt
ip link set lo up
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/lib/systemd/systemd --system --unit=sysinit.target --log-target=journal --show-status=0
