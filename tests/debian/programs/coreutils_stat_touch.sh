touch -d '2020-02-03 04:05:06.789 UTC' f; stat -c '%y %s %a %F %h' f; touch -r f g; stat -c %Y g; chmod 4751 f; stat -c '%a %A' f
mkdir -m 1777 d; stat -c '%a %A %F' d; ln -s f l; stat -c '%F %N' l; stat -L -c %F l; truncate -s 5000 s; stat -c '%s %b' s | cut -d' ' -f1; test f -ot s && echo older
ln f h; stat -c %h f; test f -ef h && echo same; rm h; chmod u-s,g=rw,o= f; stat -c %A f; date -u -r f +%F; stat -f -c '%T' / >/dev/null && echo fs
