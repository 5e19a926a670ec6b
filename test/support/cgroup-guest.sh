# Process 1 of the guest of test/cgroup-v2.test.ts, after guest/init's mounts: the hosts that Rennet may meet, one after another.
exec </dev/null
for port in /sys/class/virtio-ports/*; do
  [ "$(cat "$port/name")" != rennet.log ] || exec >"/dev/${port##*/}" 2>&1
done
cd /sys/fs/cgroup || exit
scenario() { # GROUP COMMAND…: a process that starts in this group
  group=$1
  shift
  sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "/sys/fs/cgroup/$group" "$@" 2>&1 || echo "FAILED: $*"
}
tell='/rennet/in/node --disable-warning=ExperimentalWarning /rennet/in/test/support/cgroup-guest.ts'
user='setpriv --reuid 1000 --regid 1000 --clear-groups'
delegate() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.delegate", b"1")' "$1"; }

# No systemd: the top hands its controllers on when it is told to.
$tell top bounds killed shares
# A container of which we are all.
mkdir -p box.scope && echo 400M >box.scope/memory.max && scenario box.scope $tell container bounds

mkdir -p /run/systemd/system user.slice/session.scope
echo '+memory +pids' >user.slice/cgroup.subtree_control
scenario user.slice/session.scope $tell session bounds
scenario user.slice/session.scope $user $tell user
# What a user's systemd has left to us.
mkdir user.slice/mine.scope && chown -R 1000 user.slice/mine.scope && delegate user.slice/mine.scope
scenario user.slice/mine.scope $user $tell delegated bounds
mkdir user.slice/kept.scope && chown -R 1000 user.slice/kept.scope
scenario user.slice/kept.scope $user $tell kept
mkdir user.slice/shared.scope && chown -R 1000 user.slice/shared.scope && delegate user.slice/shared.scope
sh -c 'echo $$ >user.slice/shared.scope/cgroup.procs && exec sleep 1000' &
while ! grep -q . user.slice/shared.scope/cgroup.procs; do sleep 0.1; done
scenario user.slice/shared.scope $user $tell shared
# There is no mount(8) in the image. MS_REMOUNT, MS_BIND, MS_RDONLY
closed='import ctypes, os, sys; ctypes.CDLL(None).mount(None, b"/sys/fs/cgroup", None, 0x1021, None) and sys.exit(9); os.execv(sys.argv[1], sys.argv[1:])'
unshare --mount python3 -c "$closed" $tell readonly
find . -name 'rennet-*' | sort | sed 's/^/LEFT /'
echo END
