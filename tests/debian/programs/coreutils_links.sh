mkdir -p a/b/c; echo text > a/b/c/f; ln -s b/c/f a/l; readlink a/l; readlink -f a/l | sed "s|$PWD|.|"; realpath --relative-to=a/b a/l; realpath -e missing; echo $?
ln -s loop loop; cat loop; ln -sfn a/b d; ls d; cp -rP a x; ls -l x/l | sed 's/.*l -> /l -> /'; cp -rL a y; test -L y/l || echo copied; mv d e; readlink e; unlink e; ls
pwd -P | sed "s|$PWD|.|"; cd a/b; cd -P ..; basename "$PWD"; dirname a/b/c; basename a/b.txt .txt
