/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trust.c - whose files are opened: everything from "/" down to the file belongs to
 * people who are trusted and can be changed by nobody else.
 */
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"

static bool trust_all;

struct trust {
	bool all; /* nothing is asked */
	bool lenient; /* sticky folders and private groups are fine */
	bool other; /* `uid` is trusted beside root */
	uid_t uid;
};

bool ti_sudo_uid(uid_t *uid)
{
	const char *text = getenv("SUDO_UID");
	unsigned long n;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || n >= UINT_MAX)
		return false;
	*uid = n;
	return true;
}

/* A program that lends rights (file capabilities, set-uid) opens root's modules
 * only: its caller's would run with more rights than the caller has. */
static struct trust trust_for(bool named)
{
	struct trust t = {.uid = getuid(), .all = trust_all};

	if (getauxval(AT_SECURE))
		return t;
	t.other = t.uid != 0 || (named && ti_sudo_uid(&t.uid));
	t.lenient = named || getuid() != 0;
	return t;
}

/* A group of the owner alone: called like the owner, whose primary group it
 * is, and nobody else is in it. */
static bool is_private_group(uid_t uid, gid_t gid)
{
	const struct passwd *pw = getpwuid(uid);
	const struct group *gr = getgrgid(gid);

	if (!pw || !gr || pw->pw_gid != gid || strcmp(pw->pw_name, gr->gr_name))
		return false;
	for (char **member = gr->gr_mem; *member; member++)
		if (strcmp(*member, pw->pw_name))
			return false;
	return true;
}

/* The write bits that let others than the owner change it. */
static mode_t foreign_bits(const struct trust *t, const struct stat *st)
{
	mode_t bits = st->st_mode & (S_IWGRP | S_IWOTH);

	if (!bits || !t->lenient)
		return bits;
	if (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX)
		return 0;
	if (bits & S_IWGRP && is_private_group(st->st_uid, st->st_gid))
		bits &= ~S_IWGRP;
	return bits;
}

/* `path` is the module's own file, or a folder above it; a folder that is meant
 * to be somebody else's is not the one to change. */
static int judge_owner(const struct trust *t, const char *path, const struct stat *st,
		       struct ti_refusal *why)
{
	const bool owned = !st->st_uid || (t->other && st->st_uid == t->uid);
	const bool dir = S_ISDIR(st->st_mode);
	const char *cure = owned ? "chmod go-w " : "chown root ", *what = path;
	const char *thing = dir ? "the folder" : "the file";
	mode_t bits = foreign_bits(t, st);

	if (dir && (!owned || st->st_mode & S_ISVTX)) {
		cure = "move the module to a folder of root's";
		what = "";
	}
	if (!owned)
		return ti_refuse(why, -EPERM, "%s %s belongs to uid %u and only %s trusted: %s%s",
				 thing, path, st->st_uid,
				 t->other ? "root and its caller are" : "root is", cure, what);
	if (bits)
		return ti_refuse(why, -EPERM, "%s %s is writable by %s (mode %04o): %s%s", thing,
				 path, bits & S_IWOTH ? "everyone" : "its group",
				 st->st_mode & 07777, cure, what);
	return 0;
}

/* Each folder of a resolved path from "/" down; none may be a symlink now. */
static int judge_folders(const struct trust *t, const char *real, struct ti_refusal *why)
{
	char folder[PATH_MAX];
	struct stat st;
	int r;

	for (const char *slash = real; slash; slash = strchr(slash + 1, '/')) {
		size_t len = slash == real ? 1 : slash - real;

		memcpy(folder, real, len);
		folder[len] = '\0';
		if (lstat(folder, &st) < 0)
			return ti_refuse(why, -errno, "%s: %s", folder, strerror(errno));
		if (!S_ISDIR(st.st_mode))
			return ti_refuse(why, -EPERM, "%s changed while it was looked at", folder);
		r = judge_owner(t, folder, &st, why);
		if (r < 0)
			return r;
	}
	return 0;
}

void ti_trust_all(void)
{
	trust_all = true;
}

int ti_trust_folders(const char *real, bool named, struct ti_refusal *why)
{
	const struct trust t = trust_for(named);

	return judge_folders(&t, real, why);
}

/* It is looked at before it is opened: opening a device can have effects. */
int ti_trust_open(int *fd, off_t *size, const char *real, bool named, struct ti_refusal *why)
{
	const struct trust t = trust_for(named);
	ti_cleanup(ti_closep) int file = -1;
	struct stat st = {0};
	int r;

	r = judge_folders(&t, real, why);
	if (r < 0)
		return r;
	if (lstat(real, &st) == 0 && S_ISREG(st.st_mode)) {
		file = open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (file < 0 || fstat(file, &st) < 0)
			return ti_refuse(why, -errno, "cannot be opened: %s", strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return ti_refuse(why, -EINVAL, "is not a regular file");
	r = judge_owner(&t, real, &st, why);
	if (r < 0)
		return r;
	*size = st.st_size;
	*fd = file;
	file = -1;
	return 0;
}
