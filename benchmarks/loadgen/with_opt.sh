#!/bin/sh
# with_opt.sh FOLDER COMMAND...: become COMMAND, for which what is in FOLDER lies in /opt, before what was there already.
# Runs in a mount namespace of its own (unshare --mount), so that nobody else sees it. An empty FOLDER changes nothing.
set -e
folder=$1
shift
if [ -n "$folder" ]; then
    mount -t tmpfs -o size=1m,mode=755 none /mnt
    for entry in "$folder"/* /opt/*; do
        place=/mnt/${entry##*/}
        if [ -e "$place" ] || [ ! -e "$entry" ]; then continue; fi
        if [ -d "$entry" ]; then mkdir "$place"; else : >"$place"; fi
        mount --rbind "$entry" "$place"
    done
    mount --rbind /mnt /opt
fi
exec "$@"
