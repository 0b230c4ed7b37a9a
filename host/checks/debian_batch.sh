# Runs cases one after the other, on Linux as in the guest, and tells what each left. Standard input: a tar archive with cases, each
# a script NAME.sh. $1: seconds that a case may take. Lines of ours start with a mark that no case prints.
mark='@@portico'
mkdir -p /tmp/cases /tmp/work /tmp/outputs
cd /tmp/cases && tar -xf - || exit 99
for script in *.sh; do
    name=${script%.sh}
    mkdir /tmp/work/$name
    cd /tmp/work/$name || exit 98
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp/work/$name LANG=C.UTF-8 TZ=UTC USER=root LOGNAME=root \
        SHELL=/bin/bash TERM=dumb timeout -k 5 $1 bash /tmp/cases/$script >/tmp/outputs/$name 2>&1 </dev/null
    status=$?
    printf '%s case %s\n' "$mark" "$name"
    cat /tmp/outputs/$name
    printf '\n%s status %s\n' "$mark" "$status"
    # What it left: kind, permissions, links, name; of files the length and a sum, of symbolic links the target.
    find . -mindepth 1 \( -type f -printf '%y %m %n %s ' -exec sha256sum {} \; \) -o \( -type l -printf '%y %p -> %l\n' \) -o -printf '%y %m %p\n' | LC_ALL=C sort -k 5
    printf '%s end\n' "$mark"
    cd /tmp && chmod -R u+rwx /tmp/work/$name && rm -rf /tmp/work/$name /tmp/outputs/$name
done
