/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup.c - finds the cgroup2 hierarchy among the mounts. Keeps nothing. */
#include "cgroup.h"

#include <errno.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static void endmntentp(FILE **f)
{
	if (*f)
		endmntent(*f);
}

/* What is mounted may be hidden by what was mounted over it since. */
static bool is_cgroup2(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && (unsigned long)st.f_type == CGROUP2_SUPER_MAGIC;
}

/* Every cgroup has this file but the root. */
static bool is_root(const char *path)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s/cgroup.events", path);
	return access(file, F_OK) < 0;
}

int ti_cgroup2(char *path, size_t size, bool *root)
{
	__attribute__((cleanup(endmntentp))) FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	int r = -ENOENT;

	while (f && (m = getmntent(f))) {
		bool whole;

		if (strcmp(m->mnt_type, "cgroup2") || strlen(m->mnt_dir) >= size ||
		    !is_cgroup2(m->mnt_dir))
			continue;
		whole = is_root(m->mnt_dir);
		if (r == 0 && !whole) /* a part, and one was found */
			continue;
		strcpy(path, m->mnt_dir);
		*root = whole;
		r = 0;
		if (whole)
			break;
	}
	return r;
}
