for s in fork signal timer; do case $s in signal) s=sigfd;; esac; stress-ng --$s 2 --timeout 1 --verify --quiet; echo "$s $?"; done
