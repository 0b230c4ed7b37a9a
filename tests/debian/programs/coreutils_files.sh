mkdir -p d/e; touch -d '2020-01-02 03:04:05' d/f; cp -a d c; ln -s f d/link; ln d/f d/hard
stat -c '%n %s %a %h %F' d/f d/link; stat -c %y d/f; readlink d/link; readlink -f d/link | sed "s#$HOME#~#"; realpath --relative-to=. d/e
mv d/f d/g; install -m 640 -D /etc/passwd i/j/k; stat -c %a i/j/k; chmod -R go-rwx c; stat -c '%a' c c/f
truncate -s 5000 big; du --apparent-size -b big; dd if=/dev/zero of=dd bs=1k count=3 status=none; stat -c %s dd
cp -r d d2; rm -r d; mktemp -u x.XXXX | wc -c; test -e d || echo gone; rmdir c/e; ls -A c; ls -l --time-style=long-iso c | tail -1
mkfifo p; (echo via >p &) ; cat p; cp --reflink=auto dd dd2; cmp dd dd2 && echo same; ls -i dd | wc -w; pathchk -p ok; sync dd; mkdir -m 700 m; chown 1000:1000 m; stat -c %u:%g m
touch -r dd m2; stat -c %F p; df . | wc -l; shred -n 1 -u dd2; ls; link dd l1; unlink l1; cp -p big c2; cp -u big c2; mv -n big c2; echo $?
