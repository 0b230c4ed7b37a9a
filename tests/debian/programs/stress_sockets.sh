for s in sockpair sockfd; do stress-ng --$s 2 --timeout 1 --verify --quiet; echo "$s $?"; done
