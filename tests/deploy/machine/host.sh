#!/bin/sh
# host.sh ENGINE COMMAND,WORD COMMAND …: load the images, here where it is fast; then boot the guest with these files.
set -eu
/engines/"$1".sh /opt/container-design-workshop/images/seat/entrypoint.sh true
printf '%s\n' "$@" > /machine/words
# Volumes are file systems of their own: the engines' storage is named, the disk itself is left out.
mkdir /disk/root
tar --create --one-file-system --xattrs --xattrs-include='*' --exclude='./run/*' --directory=/ \
    . ./var/lib/docker ./var/lib/containers ./home/ann/.local/share/docker \
    | tar --extract --xattrs --xattrs-include='*' --directory=/disk/root
mke2fs -q -t ext4 -d /disk/root /disk/root.img 20G
rm -rf /disk/root
exec qemu-system-x86_64 -machine q35 -accel tcg,thread=multi,tb-size=1024 -cpu max -smp 2 -m 4G \
    -kernel /boot/vmlinuz-* -initrd /boot/initrd.img-* \
    -append "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0 mitigations=off" \
    -drive file=/disk/root.img,if=virtio,format=raw,cache=unsafe -nic none -nographic -no-reboot
