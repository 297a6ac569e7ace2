# SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1
# bpf.mk - make rules for plugins and sinks outside of tcpinspect's tree. A
# plugin of synmss.bpf.c and synmss.c needs this Makefile:
#
#	all: synmss.so
#	include $(shell pkg-config --variable=bpf_mk tcpinspect)
#
# CLANG, LLVM_STRIP, CC, CFLAGS, LDFLAGS and BPF_CFLAGS are the author's to set.
# TI_PLUGINDIR and TI_SINKDIR are where the daemon looks for modules.

PKG_CONFIG ?= pkg-config
CLANG      ?= clang
LLVM_STRIP ?= llvm-strip
CFLAGS     ?= -O2 -g -Wall

TI_CFLAGS     := $(shell $(PKG_CONFIG) --cflags tcpinspect)
TI_BPF_CFLAGS := $(TI_CFLAGS) $(shell $(PKG_CONFIG) --cflags libbpf) \
		 $(shell $(PKG_CONFIG) --variable=bpf_cflags tcpinspect)
TI_PLUGINDIR  := $(shell $(PKG_CONFIG) --variable=plugindir tcpinspect)
TI_SINKDIR    := $(shell $(PKG_CONFIG) --variable=sinkdir tcpinspect)

ifeq ($(filter bpf,$(TI_BPF_CFLAGS)),)
$(error $(PKG_CONFIG) does not find tcpinspect: install tcpinspect-dev, or put the folder of tcpinspect.pc in PKG_CONFIG_PATH)
endif

# llvm-strip -g drops the DWARF and keeps the BTF that the daemon reads.
%.bpf.o: %.bpf.c
	$(CLANG) $(TI_BPF_CFLAGS) -Wall $(BPF_CFLAGS) -MD -MP -MT $@ -MF $@.d -c -o $@.tmp $<
	$(LLVM_STRIP) -g $@.tmp
	mv $@.tmp $@

# The assembler finds the BPF object that TI_BPF_OBJECT carries beside the .so.
%.so: %.c
	$(CC) -std=gnu11 $(CPPFLAGS) $(TI_CFLAGS) $(CFLAGS) -MD -MP -MF $@.d -fPIC \
		-fvisibility=hidden -Wa,-I$(@D) -shared $(LDFLAGS) -o $@ $< $(LDLIBS)

# Of the targets that follow none is to become the author's default goal.
TI_GOAL := $(.DEFAULT_GOAL)
# A plugin has an object, a sink none.
$(patsubst %.bpf.c,%.so,$(wildcard *.bpf.c)): %.so: %.bpf.o
-include $(wildcard *.bpf.o.d *.so.d)
.DEFAULT_GOAL := $(TI_GOAL)
