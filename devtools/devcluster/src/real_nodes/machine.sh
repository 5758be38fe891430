# The first process of a node: makes its file system and then waits for orphans.
#
#   machine.sh NODE_FOLDER NODE_NAME
set -e
node=$1
name=$2

# All that the node's programs write outside of the state folder. None of it is made
# on the machine itself.
mount --bind "$node/var/lib" /var/lib
mount --bind "$node/var/log" /var/log
mount --bind "$node/opt" /opt
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock /run/netns

# The kubelet insists on these values and would set them for the whole machine.
mkdir "$node/sysctl"
for setting in \
    vm/overcommit_memory=1 vm/panic_on_oom=0 \
    kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000
do
    file=$node/sysctl/$(echo "${setting%%=*}" | tr / .)
    echo "${setting#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${setting%%=*}"
done

echo "$name" >/proc/sys/kernel/hostname
echo 1 >/proc/sys/net/ipv4/ip_forward
# There is no name server. Without a line, containerd would give Pods the machine's
# own, which they cannot reach; this one refuses at once.
echo "nameserver 127.0.0.1" >"$node/resolv.conf"
: >"$node/ready"

# A shell that waits for one child takes note of the end of all.
while :; do
    sleep 3600
done
