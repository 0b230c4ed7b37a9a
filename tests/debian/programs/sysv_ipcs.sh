# mask: ^0x\S+ +\d+ 
ipcmk -M 10000 -p 0640 | sed 's/[0-9][0-9]*/N/'; ipcmk -Q -p 0600 | sed 's/[0-9][0-9]*/N/'; ipcmk -S 3 | sed 's/[0-9][0-9]*/N/'
ipcs -m; ipcs -q; ipcs -s
ipcs -l | sed '/^$/d'
ipcs -u | head -12
ipcrm -a; echo $?; ipcs | grep -c 0x
head -1 /proc/sysvipc/shm; head -1 /proc/sysvipc/msg /proc/sysvipc/sem
