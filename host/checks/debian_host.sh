# Runs on the host, in name spaces of its own: the root file system $1 as /, what may be written in memory, then the rest of the
# command line in it.
set -e
root=$1
shift
for folder in tmp run root var/tmp; do mount -t tmpfs -o mode=1777 none "$root/$folder"; done
mount -t proc none "$root/proc"
mount -t sysfs -o ro none "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 none "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/dev/mqueue"
mount -t tmpfs -o mode=1777 none "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 none "$root/dev/pts"
mount -t mqueue none "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
hostname portico
exec chroot "$root" "$@"
