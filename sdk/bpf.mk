# SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1
# bpf.mk - make rules for plugins and sinks outside of tcpinspect's tree. A
# plugin of synmss.bpf.c and synmss.c needs this Makefile:
#
#	all: synmss.so
#	include $(shell pkg-config --variable=bpf_mk tcpinspect)
#
# Goals: all; check (see sdk/check); install and uninstall, with DESTDIR; clean.
# CLANG, LLVM_STRIP, CC, CFLAGS, LDFLAGS and BPF_CFLAGS are the author's to set, and
# before this is included, when not as here: plugins and sinks, the .so files that are
# installed; tests, what `check` runs. TI_PLUGINDIR, TI_SINKDIR and TI_DROPINDIR are
# where the daemon looks for modules and for what the ini file says of them.

PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g -Wall
plugins    ?= $(filter $(patsubst %.c,%.so,$(wildcard *.c)),$(patsubst %.bpf.c,%.so,$(wildcard *.bpf.c)))
tests      ?= $(wildcard *.pcap *.pcapng *.pcap.gz *.pcapng.gz $(ti_modules:.so=.sh))

# As distributions name them.
ti_tool = $(shell for v in '' -21 -20 -19 -18 -17 -16 -15 -14; do command -v $(1)$$v && break; done)
ifndef CLANG
CLANG      := $(call ti_tool,clang)
endif
ifndef LLVM_STRIP
LLVM_STRIP := $(call ti_tool,llvm-strip)
endif

TI_CFLAGS     := $(shell $(PKG_CONFIG) --cflags tcpinspect)
TI_BPF_CFLAGS := $(TI_CFLAGS) $(shell $(PKG_CONFIG) --cflags libbpf) \
		 $(shell $(PKG_CONFIG) --variable=bpf_cflags tcpinspect)
TI_PLUGINDIR  := $(shell $(PKG_CONFIG) --variable=plugindir tcpinspect)
TI_SINKDIR    := $(shell $(PKG_CONFIG) --variable=sinkdir tcpinspect)
TI_DROPINDIR  := $(shell $(PKG_CONFIG) --variable=dropindir tcpinspect)
TI_CHECK      := $(shell $(PKG_CONFIG) --variable=check tcpinspect)
ti_modules    := $(plugins) $(sinks)

ifeq ($(filter bpf,$(TI_BPF_CFLAGS)),)
$(error $(PKG_CONFIG) does not find tcpinspect: install tcpinspect-dev, or put the folder of tcpinspect.pc in PKG_CONFIG_PATH)
endif

# $(call ti_needs,WHAT,CONDITION,PACKAGES): says what to install.
ti_needs = @$(2) || { echo "$(1) is missing: install $(3)" >&2; exit 1; }

# llvm-strip -g drops the DWARF and keeps the BTF that the daemon reads.
%.bpf.o: %.bpf.c
	$(call ti_needs,clang 14 or later,[ -n "$(CLANG)" ],clang)
	$(call ti_needs,llvm-strip,[ -n "$(LLVM_STRIP)" ],llvm)
	$(call ti_needs,bpf/bpf_helpers.h,$(PKG_CONFIG) --exists libbpf,libbpf-dev (Fedora: libbpf-devel))
	$(CLANG) $(TI_BPF_CFLAGS) -Wall $(BPF_CFLAGS) -MD -MP -MT $@ -MF $@.d -c -o $@.tmp $<
	$(LLVM_STRIP) -g $@.tmp
	mv $@.tmp $@

# The assembler finds the BPF object that TI_BPF_OBJECT carries beside the .so.
%.so: %.c
	$(call ti_needs,a C compiler,command -v $(firstword $(CC)) >/dev/null,gcc)
	$(CC) -std=gnu11 $(CPPFLAGS) $(TI_CFLAGS) $(CFLAGS) -MD -MP -MF $@.d -fPIC \
		-fvisibility=hidden -Wa,-I$(@D) -shared $(LDFLAGS) -o $@ $< $(LDLIBS)

# Of the targets that follow none is to become the author's default goal.
TI_GOAL := $(.DEFAULT_GOAL)

.PHONY: all check install uninstall clean
check: all
	@[ -n "$(tests)" ] || echo "no tests here: a capture X.pcap with X.expected is one"
	@failed=0; for test in $(tests); do \
		$(TI_CHECK) $$test $(ti_modules:%=./%); \
		case $$? in \
		0) echo "PASS: $$test" ;; \
		77) echo "SKIP: $$test" ;; \
		*) echo "FAIL: $$test"; failed=1 ;; \
		esac; \
	done; exit $$failed

# The daemon refuses modules that others can write, whatever the umask was. An ini file
# that is there is the administrator's.
define ti_install
umask 022; mkdir -p "$(DESTDIR)$(2)" && install -m 755 $(1) "$(DESTDIR)$(2)/$(1)"
@umask 022; ini=$(1:.so=.ini); to="$(DESTDIR)$(TI_DROPINDIR)/$$ini"; \
if [ -e "$$to" ] && ! cmp -s $$ini "$$to"; then echo "$$to is there already, and stays"; \
elif [ -e $$ini ]; then mkdir -p "$${to%/*}" && echo "install -m 644 $$ini $$to" && install -m 644 $$ini "$$to"; fi

endef
install: all
	$(foreach so,$(plugins),$(call ti_install,$(so),$(TI_PLUGINDIR)))
	$(foreach so,$(sinks),$(call ti_install,$(so),$(TI_SINKDIR)))

uninstall:
	rm -f $(plugins:%="$(DESTDIR)$(TI_PLUGINDIR)/%") $(sinks:%="$(DESTDIR)$(TI_SINKDIR)/%")
	@for ini in $(ti_modules:.so=.ini); do \
		to="$(DESTDIR)$(TI_DROPINDIR)/$$ini"; \
		if cmp -s $$ini "$$to"; then rm "$$to"; \
		elif [ -e "$$to" ]; then echo "$$to was edited: it stays"; fi; \
	done

clean:
	rm -f $(ti_modules) $(ti_modules:=.d) $(plugins:.so=.bpf.o) $(plugins:.so=.bpf.o.d)

# A plugin has an object, a sink none.
$(patsubst %.bpf.c,%.so,$(wildcard *.bpf.c)): %.so: %.bpf.o
-include $(wildcard *.bpf.o.d *.so.d)
.DEFAULT_GOAL := $(TI_GOAL)
