seq 1 3 20 | paste -sd+ | bc; expr 7 \* 6; expr length hello; expr substr hello 2 3; expr match abc123 '[a-z]*'; printf '%x %o %e %5.2f|%-8s|%08d\n' 255 8 12345.678 3.14159 left 42
numfmt --from=iec 4K 3M; numfmt --to=si --padding=8 1234567; seq -w 8 11; seq 5 -2 0; factor 97 100 1234567; shuf -i 1-5 -n 5 | sort; date -u -d @1000000000 '+%F %T %A %j %U'; date -u -d '2024-02-28 +2 days' +%F
