for s in futex sem sem-sysv; do stress-ng --$s 2 --timeout 1 --verify --quiet; echo "$s $?"; done
