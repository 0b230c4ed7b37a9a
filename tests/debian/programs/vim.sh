printf 'one\ntwo\nthree\n' > f
vim.tiny -u NONE -N -es -c '%s/two/TWO/' -c 'normal Gofour' -c 'g/one/d' -c 'wq' f; echo $?; cat f; ls -A
