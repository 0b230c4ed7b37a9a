for s in mq msg shm shm-sysv; do stress-ng --$s 2 --shm-bytes 4M --shm-sysv-bytes 4M --timeout 1 --verify --quiet; echo "$s $?"; done
