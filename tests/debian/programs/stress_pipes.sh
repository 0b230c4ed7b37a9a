for s in pipe poll epoll eventfd; do stress-ng --$s 2 --timeout 1 --verify --quiet; echo "$s $?"; done
