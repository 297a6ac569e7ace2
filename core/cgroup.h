/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.h - where the cgroup2 hierarchy is: hosts mount it at /sys/fs/cgroup,
 * beside the older hierarchies, or anywhere else.
 */
#ifndef TI_CGROUP_H
#define TI_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#define TI_CGROUP2_CURE "mkdir -p /run/cgroup2 && mount -t cgroup2 cgroup2 /run/cgroup2"

/*
 * The mount point, into path[]. *root: it is the host's root cgroup; else, as in a
 * container, only a part of the hierarchy is to be had. -ENOENT: not mounted.
 */
int ti_cgroup2(char *path, size_t size, bool *root);

#endif
