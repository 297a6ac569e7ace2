/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One alternative of two programs that can't be attached together: one goes to
 * interfaces, the other to the host. */
#include "states.h"

TI_HOOK(states, 0) SEC("raw_tp/inet_sock_set_state")
int states_raw_tp(void *ctx)
{
	changed(0, 0, 0, 0);
	return 0;
}

TI_HOOK(states, 0) SEC("tc")
int states_tc(void *ctx)
{
	return -1;
}
