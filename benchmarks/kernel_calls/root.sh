#!/bin/sh
# Make the initramfs of the observed kernel: root.sh WORK. Programs that are installed here are put into it, with their libraries.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(cd "$1" && pwd)
root=$work/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/workload" "$root/proc" "$root/sys" "$root/dev" "$root/etc" "$root/var/lib" "$root/root" \
    "$root/lib/x86_64-linux-gnu" "$root/lib64"
cp "$(command -v busybox)" "$root/bin/busybox"
gcc -O1 -static -w -o "$root/workload/calls" "$here/workload/calls.c"
cp "$here/workload/parts" "$root/workload/parts"
cp "$here/workload/init" "$root/init"
chmod +x "$root/init"
programs='ip tc bridge ss nstat arpd mke2fs mkfs.vfat mkfs.minix mkfs.xfs mkfs.btrfs mkfs.f2fs mkudffs mksquashfs genisoimage mkfs.cramfs fuse2fs fusermount3 mount umount losetup sfdisk partx
    blkdiscard blockdev dmsetup mdadm nft xtables-nft-multi xtables-legacy-multi iptables ip6tables iptables-legacy stress-ng amixer aplay arecord amidi aconnect aseqdump speaker-test tcpdump iperf3 keyctl fio
    ethtool i2cdetect i2cdump i2cget i2cset lspci lsusb evtest pppd hdparm sg_inq sg_turs sg_readcap sg_modes sg_logs sg_reset sg_dd nvme conntrack brctl rngtest getfacl setfacl getfattr setfattr
    unshare nsenter prlimit chrt taskset ionice rtcwake hwclock setquota quotaon repquota ping fsfreeze swapon swapoff mkswap zramctl'
for name in $programs; do
    path=$(command -v "$name" || true)
    [ -n "$path" ] || { echo "not installed: $name"; continue; }
    path=$(readlink -f "$path")
    cp "$path" "$root/usr/bin/$name"
    for library in $(ldd "$path" 2>/dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
done
mkdir -p "$root/usr/lib/x86_64-linux-gnu" "$root/usr/share" "$root/usr/sbin"
for folder in /usr/lib/x86_64-linux-gnu/xtables /usr/share/alsa /usr/share/misc /usr/lib/tc; do
    [ -d "$folder" ] && mkdir -p "$root$(dirname "$folder")" && cp -rL "$folder" "$root$(dirname "$folder")/"
done
cp /usr/bin/fusermount3 "$root/usr/bin/fusermount" 2>/dev/null || true
printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\n' > "$root/etc/group"
: > "$root/etc/mtab"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1 > "$work/initramfs.gz")
ls -la "$work/initramfs.gz"
