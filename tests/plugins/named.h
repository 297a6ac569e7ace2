/* SPDX-License-Identifier: GPL-2.0-or-later */
/* named.h - is it a process of this name? For plugins that look at those of one test. */
#define IS_NAMED(name) is_named(name, sizeof(name))

static __always_inline int is_named(const char *name, int size)
{
	char comm[16];

	if (bpf_get_current_comm(comm, sizeof(comm)) < 0)
		return 0;
#pragma unroll
	for (int i = 0; i < size; i++)
		if (comm[i] != name[i])
			return 0;
	return 1;
}
