# Runs the processes of one cluster of the test rig in a session of its own, and removes them together with their
# folder when its standard input ends: the process that started the cluster holds the other end, so this also happens
# when that process is killed.
#
# Usage: sh supervise.sh FOLDER. Commands, one a line on standard input:
#   start NAME          runs the script FOLDER/NAME.cmd, its output goes to FOLDER/NAME.log
#   run NAME            runs such a script to its end, before the next command; its exit code goes to FOLDER/NAME.exit
#   signal NAME SIGNAL  sends a signal to what `start` started
#   keep                from now on, the end of standard input removes nothing, SIGTERM does
#   stop                removes everything now
dir=$1
node=${0%/*}/node.sh
children=

# Writes pid and start time (field 22 of /proc/PID/stat) to FOLDER/NAME.pid.
record() {
  read -r stat <"/proc/$2/stat" || return 0
  set -- "$1" "$2" ${stat##*) }
  echo "$2 ${22}" >"$dir/$1.pid.new" && mv "$dir/$1.pid.new" "$dir/$1.pid"
}

# A pid that was used again is not our child: field 4 of /proc/PID/stat is the parent.
is_child() {
  read -r stat <"/proc/$1/stat" || return 1
  set -- ${stat##*) }
  [ "$2" = $$ ]
}

# The host-path provisioner makes its folders outside of the cluster's; etcd's files name them.
remove_volumes() {
  [ -d /tmp/hostpath_pv ] || return 0
  grep -raoh '/tmp/hostpath_pv/[0-9a-f]\{8\}-[0-9a-f-]\{27\}' "$dir/etcd" | sort -u | xargs -r rm -rf
  rmdir /tmp/hostpath_pv
}

finish() {
  trap '' TERM
  for pid in $children; do
    is_child "$pid" && kill -s KILL "$pid"
  done
  wait
  sh "$node" down "$dir"
  remove_volumes
  rm -rf "$dir"
  exit 0
}

start() {
  sh "$dir/$1.cmd" </dev/null >>"$dir/$1.log" 2>&1 &
  children="$children $!"
  record "$1" $!
}

run() {
  start "$1"
  wait $!
  echo $? >"$dir/$1.exit.new" && mv "$dir/$1.exit.new" "$dir/$1.exit"
}

signal() {
  read -r pid _ <"$dir/$1.pid" && kill -s "$2" "$pid"
}

exec 2>/dev/null
trap '' INT HUP
trap finish TERM
record supervisor $$
kept=
while read -r verb name argument; do
  case $verb in
    start) start "$name" ;;
    run) run "$name" ;;
    signal) signal "$name" "$argument" ;;
    keep) kept=yes ;;
    stop) finish ;;
  esac
done
[ -n "$kept" ] || finish
wait
