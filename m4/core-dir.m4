# SPDX-License-Identifier: GPL-2.0-or-later

# TI_CORE_DIR
# Generated configure scripts remove crash dumps with `rm -f core ...`, which
# fails loudly where core/ is a folder and breaks `make distcheck`. This shell
# function drops that one operand. Call it right after AC_INIT.
AC_DEFUN([TI_CORE_DIR], [
rm ()
{
  if test "x$[1] x$[2]" = "x-f xcore" && test -d core; then
    shift; shift; set x -f "$[@]"; shift
  fi
  command rm "$[@]"
}
])
