/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sockets.h - the TCP sockets of this network namespace. */
#ifndef TI_SOCKETS_H
#define TI_SOCKETS_H

#include <tcpinspect/plugin.h>

/* As ti_host.sockets. */
int ti_sockets_each(uint32_t states, int (*fn)(void *arg, const struct ti_socket *s), void *arg);

#endif
