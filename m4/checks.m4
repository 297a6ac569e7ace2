# SPDX-License-Identifier: GPL-2.0-or-later
# What configure looks for. A thing that is missing is an error which names the
# packages that bring it.

m4_ifndef([PKG_CHECK_MODULES],
  [m4_fatal([pkg.m4 is missing: install pkg-config (Debian: pkg-config, Fedora: pkgconf-pkg-config)])])

# TI_MISSING(WHAT, DEBIAN PACKAGE, FEDORA PACKAGE)
AC_DEFUN([TI_MISSING], [AC_MSG_ERROR([$1 is missing.
  Debian, Ubuntu: apt-get install $2
  Fedora:         dnf install $3])])

# TI_PKG(VARIABLE, MODULE, DEBIAN PACKAGE, FEDORA PACKAGE)
AC_DEFUN([TI_PKG], [PKG_CHECK_MODULES([$1], [$2], [],
  [TI_MISSING([the pkg-config module `$2`], [$3], [$4])])])

AC_DEFUN([TI_LINUX], [
AC_REQUIRE([AC_CANONICAL_HOST])
AS_CASE([$host_os], [linux*], [], [AC_MSG_ERROR([tcpinspect hosts eBPF probes: it is for Linux, not for $host_os])])
])

AC_DEFUN([TI_GNU11], [
AC_MSG_CHECKING([whether $CC compiles gnu11])
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [[_Static_assert(__STDC_VERSION__ >= 201112L, "C11"); __auto_type x = 0; return x;]])],
  [AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
   TI_MISSING([a compiler for gnu11], [gcc], [gcc])])
])

AC_DEFUN([TI_LIBDL], [
AC_CHECK_LIB([dl], [dlopen], [LIBDL_LIBS=-ldl],
  [AC_CHECK_FUNC([dlopen], [LIBDL_LIBS=], [TI_MISSING([dlopen], [libc6-dev], [glibc-devel])])])
AC_SUBST([LIBDL_LIBS])
])

# TI_BPF_TOOLCHAIN
# CLANG and LLVM_STRIP, plain or with a version as Debian names them, and
# TI_BPF_CFLAGS, which plugins outside this tree get from tcpinspect.pc.
AC_DEFUN([TI_BPF_TOOLCHAIN], [
AC_ARG_VAR([CLANG], [clang 14 or later, compiles the BPF objects])
AC_ARG_VAR([LLVM_STRIP], [llvm-strip, strips them])
AC_ARG_VAR([BPF_CFLAGS], [flags for clang beside those of tcpinspect])
m4_define([ti_llvm_versions], [21 20 19 18 17 16 15 14])
AC_CHECK_PROGS([CLANG], [clang m4_foreach_w([v], ti_llvm_versions, [clang-v ])])
AS_IF([test -z "$CLANG"], [TI_MISSING([clang], [clang], [clang])])
AC_CHECK_PROGS([LLVM_STRIP], [llvm-strip m4_foreach_w([v], ti_llvm_versions, [llvm-strip-v ])])
AS_IF([test -z "$LLVM_STRIP"], [TI_MISSING([llvm-strip], [llvm], [llvm])])

AC_MSG_CHECKING([for the version of $CLANG])
ti_clang_version=`$CLANG -dumpversion 2>&AS_MESSAGE_LOG_FD`
AC_MSG_RESULT([$ti_clang_version])
dnl 14 is the first with the decl tags that the SDK marks events and options with.
AS_VERSION_COMPARE([$ti_clang_version], [14],
  [AC_MSG_ERROR([clang ${ti_clang_version:-(unknown)} is too old, 14 or later is needed (CLANG=clang-16 names another)])])

# clang -target bpf does not search the folder of the machine's <asm/types.h>.
AC_MSG_CHECKING([for the folder of <asm/types.h>])
ti_asm=`echo '#include <asm/types.h>' | $CC $CPPFLAGS -E - 2>/dev/null |
  $SED -n 's|^. [[0-9]]* "\(.*\)/asm/types\.h".*|\1|p' | $SED 1q`
AC_MSG_RESULT([${ti_asm:-none}])
AS_IF([test -z "$ti_asm"], [TI_MISSING([<asm/types.h>], [linux-libc-dev], [kernel-headers])])

# v3 (32-bit jumps and arithmetic) is known to every kernel since 5.1.
TI_BPF_CFLAGS="-target bpf -mcpu=v3 -g -O2 -idirafter $ti_asm"
AC_SUBST([TI_BPF_CFLAGS])

AC_MSG_CHECKING([whether $CLANG compiles for BPF])
cat >conftest.bpf.c <<_ACEOF
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
__u32 value;
_ACEOF
AS_IF([$CLANG $TI_BPF_CFLAGS $BPF_CFLAGS $LIBBPF_CFLAGS -c conftest.bpf.c -o conftest.bpf.o 2>&AS_MESSAGE_LOG_FD],
  [AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([$CLANG can not compile a BPF program, see config.log])])
rm -f conftest.bpf.c conftest.bpf.o
])

# TI_ABI
# The SDK's version, as its header says it (the dot is a #, which m4 would take
# for a comment).
AC_DEFUN([TI_ABI], [
ti_abi () { $SED -n "s/^.define TI_ABI_$[1] *\([[0-9]]*\).*/\1/p" "$srcdir/sdk/include/tcpinspect/plugin.h"; }
TI_ABI_VERSION=`ti_abi MAJOR`.`ti_abi MINOR`
AC_SUBST([TI_ABI_VERSION])
])

AC_DEFUN([TI_WARNINGS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors])], [], [enable_werror=no])
# Left out: snprintf cuts on purpose, and tables leave their last members zero.
WARNING_CFLAGS="-Wall -Wextra -Wno-format-truncation -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes -Wmissing-prototypes"
AS_IF([test "$enable_werror" = yes], [WARNING_CFLAGS="$WARNING_CFLAGS -Werror"])
AC_SUBST([WARNING_CFLAGS])
])

AC_DEFUN([TI_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
  [], [enable_sanitizers=no])
SANITIZER_FLAGS=
AS_IF([test "$enable_sanitizers" = yes], [
  SANITIZER_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
  ti_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $SANITIZER_FLAGS"
  AC_MSG_CHECKING([whether $CC links the sanitizers])
  AC_LINK_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     TI_MISSING([a sanitizer library], [gcc], [libasan libubsan])])
  CFLAGS=$ti_save_CFLAGS])
AC_SUBST([SANITIZER_FLAGS])
])

# TI_GENERATE
# tcpinspect.ini and the option parts of the man pages are printed by the daemon
# that was just built. A cross build needs something that can run it.
AC_DEFUN([TI_GENERATE], [
AC_ARG_VAR([EXE_WRAPPER], [runs programs of the host system when cross-compiling, such as "qemu-aarch64 -L SYSROOT"])
AS_IF([test "$cross_compiling" != yes || test -n "$EXE_WRAPPER"],
  [ti_generate=yes],
  [ti_generate="no (cross-compiling without EXE_WRAPPER)"])
AM_CONDITIONAL([GENERATE], [test "$ti_generate" = yes])
])

# TI_MODULE(NAME, DESCRIPTION)
# --disable-NAME and the conditional MODULE_NAME.
AC_DEFUN([TI_MODULE], [
AC_ARG_ENABLE([$1], [AS_HELP_STRING([--disable-$1], [do not build $2])], [], [enable_$1=yes])
AM_CONDITIONAL(m4_toupper([MODULE_$1]), [test "$enable_$1" = yes])
AS_IF([test "$enable_$1" = yes], [ti_modules="$ti_modules${ti_modules:+ }$1"])
])
