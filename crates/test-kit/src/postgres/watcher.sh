# Ends a cluster and removes what is left of it: `watch PLACE`, or `kill FOLDER`.
#
# It runs as the user of the server, to whom alone /proc shows in which folder a process works. By that folder the
# processes are found: they have sessions of their own and forget their parent once it is killed.
set -u

members() {
    find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$folder" -o -lname "$folder/*" \) 2>/dev/null | cut -d/ -f3
}

# PostgreSQL can't remove its shared memory when it is killed; its next start does, if there is one.
kill_members() {
    while pids=$(members) && [ -n "$pids" ]; do
        # So that none makes more while we look; what it has just made is open and not mapped yet.
        kill -STOP $pids 2>/dev/null
        {
            cat $(printf '/proc/%s/maps ' $pids)
            find $(printf '/proc/%s/fd ' $pids) -lname '/dev/shm/*' -printf '%l\n'
        } 2>/dev/null | grep -o '/dev/shm/PostgreSQL\.[0-9]*' >>"$folder/shared-memory"
        kill -KILL $pids 2>/dev/null
        sleep 0.01
    done
}

if [ "$1" = kill ]; then
    folder=$2
    kill_members
    exit
fi

# PIPE, for nobody may be there any more to be told of the folder.
trap '' HUP INT PIPE QUIT TERM
folder=$(mktemp -d "$2/billhook-postgres.XXXXXXXXXX") && folder=$(cd "$folder" && pwd -P) || exit 1
echo "$folder"
exec >/dev/null 2>&1
while read -r _; do :; done

lock="$folder/data/postmaster.pid"
postmaster=$(head -n 1 "$lock")
for pid in $(members); do
    if [ "$pid" = "$postmaster" ]; then
        kill -QUIT "$pid"
        # PostgreSQL itself kills after 5 seconds what doesn't quit.
        checks=0
        while [ -n "$(members)" ] && [ $((checks += 1)) -lt 300 ]; do sleep 0.02; done
    fi
done
kill_members
if [ -f "$lock" ]; then
    # Its seventh line has key and number of the segment that keeps two servers from one folder.
    set -- $(sed -n 7p "$lock")
    [ $# -eq 2 ] && ipcrm -m "$2"
fi
[ -f "$folder/shared-memory" ] && xargs -r rm -f <"$folder/shared-memory"
rm -rf "$folder"
