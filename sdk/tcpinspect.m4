# SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1
# tcpinspect.m4 - plugins and sinks of tcpinspect built with autoconf and automake.
#
# TCPINSPECT_SDK
# --------------
# Finds the SDK, clang and llvm-strip, or says what to install. For Makefile.am:
#
#	plugin_PROGRAMS = synmss.so		(sink_PROGRAMS for a sink)
#	synmss_so_SOURCES = synmss.c
#	dropin_DATA = synmss.ini
#	TESTS = synmss.pcap
#	TEST_EXTENSIONS = .pcap .sh
#	EXTRA_DIST = synmss.bpf.c synmss.expected $(dropin_DATA) $(TESTS)
#	@TCPINSPECT_RULES@
#
# The last line has the rules for synmss.bpf.o and the flags of the .so. Tests are those
# of sdk/check: captures and scripts. Unless told otherwise with --prefix and the
# like, `make install` goes where tcpinspect is installed, which is where the daemon looks.
AC_DEFUN([TCPINSPECT_SDK], [
AC_REQUIRE([AC_PROG_CC])
m4_ifndef([PKG_PROG_PKG_CONFIG], [m4_fatal([pkg.m4 is missing: install pkg-config (Fedora: pkgconf-pkg-config)])])
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
AC_ARG_VAR([CLANG], [clang 14 or later, compiles the BPF objects])
AC_ARG_VAR([LLVM_STRIP], [llvm-strip, strips them])
AC_ARG_VAR([BPF_CFLAGS], [flags for clang beside those of tcpinspect])
tcpinspect_var () { $PKG_CONFIG --variable=$[1] tcpinspect; }

AC_MSG_CHECKING([for the SDK of tcpinspect])
AS_IF([tcpinspect_abi=`$PKG_CONFIG --modversion tcpinspect 2>&AS_MESSAGE_LOG_FD`],
  [AC_MSG_RESULT([`tcpinspect_var abi_version`])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([pkg-config does not find tcpinspect.pc: install tcpinspect-dev, or put its folder in PKG_CONFIG_PATH])])
AS_IF([$PKG_CONFIG --exists libbpf], [],
  [AC_MSG_ERROR([bpf/bpf_helpers.h is missing: install libbpf-dev (Fedora: libbpf-devel)])])
m4_define([tcpinspect_llvm], [21 20 19 18 17 16 15 14])
AC_CHECK_PROGS([CLANG], [clang m4_foreach_w([v], tcpinspect_llvm, [clang-v ])])
AS_IF([test -z "$CLANG"], [AC_MSG_ERROR([clang 14 or later is missing: install clang])])
AC_CHECK_PROGS([LLVM_STRIP], [llvm-strip m4_foreach_w([v], tcpinspect_llvm, [llvm-strip-v ])])
AS_IF([test -z "$LLVM_STRIP"], [AC_MSG_ERROR([llvm-strip is missing: install llvm])])

AS_IF([test "x$prefix" = xNONE], [
  prefix=`tcpinspect_var prefix`
  AS_IF([test "x$libdir" = 'x${exec_prefix}/lib'], [libdir=`tcpinspect_var libdir`])
  AS_IF([test "x$sysconfdir" = 'x${prefix}/etc'], [sysconfdir=`tcpinspect_var sysconfdir`])])
AC_SUBST([plugindir], ['${libdir}/tcpinspect/plugins'])
AC_SUBST([sinkdir], ['${libdir}/tcpinspect/sinks'])
AC_SUBST([dropindir], ['${sysconfdir}/tcpinspect.d'])

AC_SUBST([PCAP_LOG_COMPILER], ["`tcpinspect_var check`"])
AC_SUBST([SH_LOG_COMPILER], ["`tcpinspect_var check`"])
AC_SUBST([TCPINSPECT_CFLAGS], [`$PKG_CONFIG --cflags tcpinspect`])
AC_SUBST([TCPINSPECT_BPF_CFLAGS],
  ["$TCPINSPECT_CFLAGS `$PKG_CONFIG --cflags libbpf` `tcpinspect_var bpf_cflags`"])
dnl [A]M_: aclocal takes words at the start of a line for macros of automake's.
AC_SUBST([TCPINSPECT_RULES], ['
[A]M_CPPFLAGS = $(TCPINSPECT_CFLAGS) -Wa,-I.
[A]M_CFLAGS = -std=gnu11 -Wall -fPIC -fvisibility=hidden
[A]M_LDFLAGS = -shared
tcpinspect_objects = $(patsubst $(srcdir)/%.c,%.o,$(wildcard $(srcdir)/*.bpf.c))
%.bpf.o: %.bpf.c
	$(CLANG) $(TCPINSPECT_BPF_CFLAGS) -Wall $(BPF_CFLAGS) -MD -MP -MT $[@] -MF $[@].d -c -o $[@].tmp $<
	$(LLVM_STRIP) -g $[@].tmp
	mv $[@].tmp $[@]
-include $(tcpinspect_objects:=.d)
$(foreach p,$(plugin_PROGRAMS),$($(p:.so=_so_OBJECTS))): $(tcpinspect_objects)
clean-am: clean-bpf
.PHONY: clean-bpf
clean-bpf:
	rm -f $(tcpinspect_objects) $(tcpinspect_objects:=.d)'])
AM_SUBST_NOTMAKE([TCPINSPECT_RULES])
])
