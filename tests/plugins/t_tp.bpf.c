/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "states.h"

TI_HOOK(states, 0) SEC("tp/sock/inet_sock_set_state")
int states_tp(struct trace_event_raw_inet_sock_set_state *ctx)
{
	changed(ctx->oldstate, ctx->newstate, ctx->sport, ctx->family);
	return 0;
}
