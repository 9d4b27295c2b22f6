#!/bin/bash
# The machine's first process: mounts the disk at $1, runs the command that follows, and turns the machine off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
ip link set lo up
disk=$1
shift
mount -t ext4 /dev/ubda "$disk" && "$@"
umount "$disk"
echo o >/proc/sysrq-trigger
sleep 60
