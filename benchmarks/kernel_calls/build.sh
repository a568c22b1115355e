#!/bin/sh
# Build the observed kernel: build.sh SOURCE WORK CONFIG...   SOURCE: an unpacked linux-6.1 (is only read), WORK: a folder for everything made.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd)
mkdir -p "$2"
work=$(cd "$2" && pwd)
shift 2
tree=$work/src
if [ ! -d "$tree" ]; then
    cp -al "$source" "$tree"
    rm "$tree/kernel/Makefile"    # a hard link: never written in place
    cp "$source/kernel/Makefile" "$tree/kernel/Makefile"
    echo 'obj-y += indirect_calls/' >> "$tree/kernel/Makefile"
    mkdir "$tree/kernel/indirect_calls"
fi
for file in record.c thunks.S; do
    cmp -s "$here/$file" "$tree/kernel/indirect_calls/$file" || cp "$here/$file" "$tree/kernel/indirect_calls/$file"
done
cp -p "$here/Makefile.kernel" "$tree/kernel/indirect_calls/Makefile"
for one in "$@"; do cat "$one"; done > "$work/all.config"
flags='-mindirect-branch=thunk-extern -mindirect-branch-register -fno-jump-tables -fno-optimize-sibling-calls -fno-ipa-icf -fno-ipa-cp'
make -s -C "$tree" O="$work/build" KCONFIG_ALLCONFIG="$work/all.config" allnoconfig
[ "${CONFIGURE_ONLY:-}" ] || nice -n 5 make -s -C "$tree" O="$work/build" -j2 KCFLAGS="$flags" vmlinux bzImage
