cat > Makefile <<'M'
SRC := a b c
OUT = $(SRC:%=%.out)
.PHONY: all clean
all: $(OUT) ; @echo all $(words $^) $(MAKELEVEL)
%.out: %.in ; @tr a-z A-Z < $< > $@; echo made $@
%.in: ; @echo $* > $@
ifdef DEBUG
$(info debug on)
endif
define twice
$(1) $(1)
endef
show: ; @echo '$(call twice,x) $(shell echo sh) $(foreach v,1 2,<$(v)>) $(if $(OUT),some) $(sort c a b) $(patsubst %.out,%.o,$(OUT))'
sub: ; @$(MAKE) --no-print-directory show
fail: ; @false
clean: ; rm -f *.in *.out
M
make -j2 -Otarget | sort; make; touch -d '+2 seconds' a.in; make | head -1; make show DEBUG=1; make sub; make fail; echo $?; make -k fail all 2>&1 | tail -1; make -n clean; make -s clean; make missing 2>&1 | sed 's/^make: //'; ls
