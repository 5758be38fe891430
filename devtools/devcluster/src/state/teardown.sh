#!/bin/sh
# Removes everything that the cluster of a state folder has started and created, and
# then the folder. It can run twice, or while another process runs it.
#
#   teardown.sh STATE_FOLDER
#
# The file `undo` in that folder contains one call of a function below for each
# resource that was created, in the order of creation, with its exact name.

state=$1
failed=

[ -d "$state" ] || exit 0
exec 9>"$state/teardown.lock" || exit 1
flock 9
# The process that held the lock has removed the folder. A folder of this name that
# exists now belongs to another cluster.
[ "/proc/$$/fd/9" -ef "$state/teardown.lock" ] || exit 0

fail() {
    echo "$*" >&2
    failed=yes
}

# retry COMMAND: until it succeeds, for at most 15 seconds.
retry() {
    attempt=0
    until "$@"; do
        attempt=$((attempt + 1))
        [ "$attempt" -lt 300 ] || return 1
        sleep 0.05
    done
}

# Only the processes of this cluster have its state folder in their environment:
# each child inherits it.
kill_marked() {
    pids=$(grep -lszxF "DEVCLUSTER_STATE=$state" /proc/[0-9]*/environ | cut -d/ -f3)
    [ -z "$pids" ] && return 0
    kill -KILL $pids 2>/dev/null
    return 1
}

# delete_link NAME ADDRESS: the address distinguishes the link of this cluster from another of that name.
delete_link() {
    [ "$(cat "/sys/class/net/$1/address" 2>/dev/null)" = "$2" ] || return 0
    ip link delete "$1" 2>/dev/null
    [ "$(cat "/sys/class/net/$1/address" 2>/dev/null)" != "$2" ] \
        || fail "the network link $1 is still there"
}

# remove_cgroup NAME: in every hierarchy, children first.
remove_cgroup() {
    for cgroup in "/sys/fs/cgroup/$1" "/sys/fs/cgroup/"*"/$1"; do
        retry remove_cgroup_folder "$cgroup" || fail "the control group $cgroup is still there"
    done
}

remove_cgroup_folder() {
    [ -d "$1" ] || return 0
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -d "$1" ]
}

remove_state() {
    # A mount that is left might contain data of the user.
    if grep -qF " $state/" /proc/self/mountinfo; then
        return 1
    fi
    rm -rf "$state" 2>/dev/null
    [ ! -d "$state" ]
}

retry kill_marked || fail "processes of $state do not end"
eval "$(tac "$state/undo")"
[ -z "$failed" ] || exit 1
retry remove_state || {
    echo "cannot remove $state: it is in use" >&2
    exit 1
}
