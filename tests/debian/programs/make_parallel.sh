cat > Makefile <<'M'
OBJS := $(shell seq -f 'o%g.o' 1 50)
all: sum
%.o: %.c ; @cp $< $@
sum: $(OBJS) ; @cat $^ | sort -n | tail -1 > $@; echo made $@
.PHONY: all fail
fail: ; @exit 3
M
for i in $(seq 50); do echo $i > o$i.c; done
make -j2; cat sum; make -j2; make fail; echo $?; touch o7.c; make -n -j2 | head -3; make -s -C . ; rm -f o*
