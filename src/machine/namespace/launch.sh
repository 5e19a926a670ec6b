#!/bin/sh
# Starts a guest of the namespace driver: no virtual machine, the host's own kernel.
#
#   launch.sh IMAGE INPUT PLACE MIB BASE [CGROUP_PROCS…]
#
# IMAGE: folder of the root. INPUT: becomes /rennet/in. PLACE: an empty folder to mount over. MIB: what the guest may write.
# BASE: first of 65,536 host user ids for the guest (as root), or 0 for an ordinary user, who becomes the guest's root.
# Descriptors 3, 4, 5, 6 are the agent's channels. Runs in a mount namespace of its own, so that nothing has to be unmounted.
set -eu

# The guest's root in `root` and its input in `in`, on a tmpfs over PLACE; host paths appear only as short relative names,
# because overlayfs gives ':' and ',' a meaning. $5: options of the overlays.
mount_root() {
  mount -t tmpfs -o "size=$4m,mode=0755" rennet "$3"
  cd -P "$3"
  mkdir image input upper work input-upper input-work root in
  mount --bind "$1" image
  mount --bind "$2" input
  mount -t overlay -o "lowerdir=image,upperdir=upper,workdir=work$5" rennet-root root
}

# In the guest's namespaces, as its root, in the place of mount_root (neither its path nor this file may be reachable for
# the guest's users any more, so the folder is inherited and the script comes as standard input): leave the host's file
# system and become the agent. What is mounted below `root` is mounted here: mounts that come from the host are locked
# together, and an overlay cannot be stacked on such a root.
enter() {
  mount --bind root root
  cd -P root # plain cd goes by $PWD, whose path is closed to us
  mkdir -p rennet/in rennet/host
  mount --bind ../in rennet/in
  mount -t proc -o nosuid,nodev,noexec proc proc
  mount -t tmpfs -o mode=0755 rennet-dev dev
  for name in null zero full random urandom tty; do
    : >"dev/$name"
    mount --bind "/dev/$name" "dev/$name"
  done
  pivot_root . rennet/host
  cd /
  # The agent unmounts rennet/host before all else: the image has no umount(8).
  exec 0</dev/null 9<&-
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root PYTHONHASHSEED=0 \
    /usr/bin/python3 -B /usr/lib/rennet/agent.py fds "$1m"
}

# pdeathsig comes after the last change of user, which clears it (prctl(2)); --kill-child passes it on to process 1.
NAMESPACES='--mount --propagation private --pid --net --ipc --uts --fork --kill-child=KILL'

case $1 in
  --enter)
    enter "$2"
    ;;
  --own)
    # Ordinary user: we are root of our own user namespace already.
    mount_root "$2" "$3" "$4" "$5" ''
    mount --rbind input in
    mount -o remount,bind,ro in
    exec setpriv --pdeathsig KILL --no-new-privs unshare $NAMESPACES sh -s -- --enter "$5" <"$0"
    ;;
esac

self=$0 image=$1 input=$2 place=$3 mib=$4 base=$5
shift 5
for procs in "$@"; do echo $$ >"$procs"; done
if [ "$base" = 0 ]; then
  map=--map-root-user
  grep -q "^$(id -un):" /etc/subuid 2>/dev/null && command -v newuidmap >/dev/null && map="$map --map-auto"
  exec unshare --user $map --mount --propagation private sh "$self" --own "$image" "$input" "$place" "$mib"
fi

mount_root "$image" "$input" "$place" "$mib" ,redirect_dir=on,metacopy=on
# Image and input belong to the host's root, who does not exist in the guest: folders, and what dpkg locks, become the guest's.
find root -xdev -type d -exec chown "$base:$base" {} +
chown -R "$base:$base" root/var/lib/dpkg
mount -t overlay -o lowerdir=input,upperdir=input-upper,workdir=input-work,redirect_dir=on,metacopy=on rennet-input in
chown -R "$base:$base" in
mount -o remount,ro in
# A user namespace with the range can only be mapped from outside, by us: a child makes it, waits, and is gone.
mkfifo made mapped
unshare --user setpriv --pdeathsig KILL sh -c 'echo >made; read -r _ <mapped' &
read -r _ <made
echo "0 $base 65536" >"/proc/$!/uid_map"
echo "0 $base 65536" >"/proc/$!/gid_map"
exec 9<"/proc/$!/ns/user"
echo >mapped
wait
rm made mapped
exec nsenter --user=/proc/self/fd/9 --setuid 0 --setgid 0 \
  setpriv --pdeathsig KILL --no-new-privs unshare $NAMESPACES sh -s -- --enter "$mib" <"$self"
