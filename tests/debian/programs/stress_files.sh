for s in dir hdd link rename; do stress-ng --$s 2 --hdd-bytes 4M --timeout 1 --verify --quiet; echo "$s $?"; done
