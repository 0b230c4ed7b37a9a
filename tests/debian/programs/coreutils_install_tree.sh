echo x > src; install -D -m 0755 src t/bin/tool; install -d -m 0700 t/private; install -m 644 src src2 t 2>&1; find t -printf '%m %p\n' | sort; rmdir -p t/private 2>&1; mkdir -p e/f/g; rmdir -p e/f/g; ls
cp --parents t/bin/tool . 2>&1; cp -u src t/; cp -n src t/src; cp -b src t/src; ls t | sort; rm -ri t </dev/null 2>&1 | tail -1; rm -rf t; cp src nowhere/x; echo $?
