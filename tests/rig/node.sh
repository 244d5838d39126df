# What a node of the test rig has besides processes: an address and a link to the machine's bridge, and cgroups.
# Its network, its mounts and its processes are those of one process (`init`) and end with it.
#
# Usage: sh node.sh VERB FOLDER …, as root.
#   init FOLDER            PID 1 of a node, in namespaces of its own: mounts, then reaps processes without a parent
#   up FOLDER PID          gives the node of that process a number (written to FOLDER/number), a link and cgroups
#   enter FOLDER PID ARG…  becomes a program in the node's namespaces and cgroups
#   down FOLDER            removes what `up` has made, and whatever still runs there; nothing if there is nothing
verb=$1
dir=$2
shift 2

# One link for each number that is taken, to the folder of its cluster.
numbers=/run/dr-syncer-rig
bridge=drs0

# Bridge and numbers are the whole machine's: one at a time. A lock file could not be removed without a race.
lock() {
  exec 9</run && flock 9
}

# The cgroup NUMBER in every hierarchy: one with cgroup v2, one for each controller with v1.
hierarchies() {
  if [ -e /sys/fs/cgroup/cgroup.procs ]; then
    echo "/sys/fs/cgroup/drs-$1"
  else
    for procs in /sys/fs/cgroup/*/cgroup.procs; do
      [ -L "${procs%/cgroup.procs}" ] || echo "${procs%/cgroup.procs}/drs-$1"
    done
  fi
}

make_cgroups() {
  for group in $(hierarchies "$1"); do
    for part in "$group" "$group/system"; do
      mkdir -p "$part" || return
      # Without processors and memory, cpuset lets no process in.
      for file in cpuset.cpus cpuset.mems; do
        if [ -e "$part/$file" ]; then cat "${part%/*}/$file" >"$part/$file" || return; fi
      done
    done
  done
}

# Kills what is in the cgroups until they can be removed: namespaces die with their first process, but not at once.
remove_cgroups() {
  tries=0
  while [ $tries -lt 200 ]; do
    left=
    for group in $(hierarchies "$1"); do
      [ -d "$group" ] || continue
      left=yes
      find "$group" -name cgroup.procs -exec cat {} + | while read -r pid; do
        # Those of outer process namespaces are all 0, which would be our own group.
        [ "$pid" = 0 ] || kill -s KILL "$pid"
      done
      find "$group" -depth -type d -exec rmdir {} +
    done 2>/dev/null
    [ -n "$left" ] || return 0
    tries=$((tries + 1))
    sleep 0.05
  done
  echo "cgroups of drs-$1 are left" >&2
  return 1
}

up() {
  pid=$1
  lock
  mkdir -p "$numbers"
  number=1
  until ln -sT "$dir" "$numbers/$number" 2>/dev/null; do
    number=$((number + 1))
    [ $number -le 200 ] || { echo "200 nodes are there already: see $numbers" >&2; exit 1; }
  done
  set -e
  if [ ! -e "/sys/class/net/$bridge" ]; then
    ip link add "$bridge" type bridge
    ip address add 198.18.0.254/24 dev "$bridge"
    ip link set "$bridge" up
  fi
  ip link add "drs-$number" type veth peer name eth0 netns "$pid"
  ip link set "drs-$number" master "$bridge" up
  nsenter --target="$pid" --net sh -ec "
    ip link set lo up
    ip address add 198.18.0.$number/24 dev eth0
    ip link set eth0 up
    ip route add default via 198.18.0.254"
  make_cgroups "$number"
  # The original may lie below /run, which the node does not see.
  cp -L /etc/resolv.conf "$dir/resolv.conf"
  echo "$number" >"$dir/number"
}

down() {
  [ -d "$numbers" ] || exit 0
  result=0
  for taken in "$numbers"/*; do
    [ "$(readlink "$taken")" = "$dir" ] || continue
    number=${taken##*/}
    remove_cgroups "$number" || result=1
    (
      lock
      ip link delete "drs-$number"
      rm "$taken"
      rmdir "$numbers" && ip link delete "$bridge"
    ) 2>/dev/null
  done
  exit $result
}

init() {
  set -e
  # What container runtimes, network plugins and the kubelet write to fixed places stays inside and ends with us.
  for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$folder"; done
  [ -d "$dir" ] || { echo "The folder of a node must not be below /run, /var/lib or /var/log: $dir" >&2; exit 1; }
  # The kubelet sets these for the whole machine unless they are so already: it is shown what it wants to see.
  mkdir /run/sysctl
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    shown=/run/sysctl/$(echo "${setting%=*}" | tr / .)
    echo "${setting#*=}" >"$shown"
    mount --bind "$shown" "/proc/sys/${setting%=*}"
  done
  touch "$dir/ready"
  sleep infinity &
  wait
}

enter() {
  pid=$1
  shift
  number=$(cat "$dir/number") || exit 1
  for group in $(hierarchies "$number"); do echo $$ >"$group/system/cgroup.procs" || exit 1; done
  exec nsenter --target="$pid" --mount --net --pid="/proc/$pid/ns/pid_for_children" -- "$@"
}

"$verb" "$@"
