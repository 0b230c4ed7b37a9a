cat > s.sh <<'S'
stty -a | tr ';' '\n' | sed 's/^ *//' | grep -E '^(speed|intr|eof|susp)'; stty size; stty rows 33 cols 77; stty size; stty raw -echo; stty -a | grep -o -- '-icanon\|-echo \|-opost' | sort | tr -d ' '; stty sane; stty -g | wc -c | grep -c .; s=$(stty -g); stty intr ^X; stty $s; stty -a | grep -o 'intr = ..'; stty cooked; tty | cut -c1-9; stty erase ^H; stty -a | grep -o 'erase = ..'; echo a | stty 2>&1 | head -1 | cut -c1-5
S
script -qec 'sh s.sh' /dev/null < /dev/null | tr -d '\r'; stty < /dev/null 2>&1; rm s.sh
