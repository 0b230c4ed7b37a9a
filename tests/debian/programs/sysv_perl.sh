perl -MIPC::SysV=IPC_PRIVATE,IPC_CREAT,IPC_RMID,IPC_NOWAIT,SETVAL,GETVAL,S_IRUSR,S_IWUSR -e '
my $shm = shmget(IPC_PRIVATE, 4000, IPC_CREAT | 0600); shmwrite($shm, "portico", 10, 7); shmread($shm, my $got, 8, 11); print unpack("A*", $got =~ s/\0//gr), "\n";
my $msg = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
msgsnd($msg, pack("l! a*", 3, "three"), 0); msgsnd($msg, pack("l! a*", 1, "one"), 0);
msgrcv($msg, my $m, 100, -2, 0); print join(",", unpack("l! a*", $m)), "\n";
msgrcv($msg, $m, 100, 0, 0); print join(",", unpack("l! a*", $m)), "\n";
print defined(msgrcv($msg, $m, 100, 0, IPC_NOWAIT)) ? "some" : "none: $!", "\n";
my $sem = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600); semctl($sem, 0, SETVAL, 1); semctl($sem, 1, SETVAL, 0);
if (fork == 0) { semop($sem, pack("s3 s3", 0, -1, 0, 1, 1, 0)); exit 4 }
semop($sem, pack("s3", 1, -1, 0)); wait; print $? >> 8, " ", semctl($sem, 0, GETVAL, 0) + 0, "\n";
semctl($sem, 0, IPC_RMID, 0); msgctl($msg, IPC_RMID, 0); shmctl($shm, IPC_RMID, 0); print "done\n"'
