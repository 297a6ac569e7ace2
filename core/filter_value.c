/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter_value.c - what an item of the common in-kernel options means: a prefix,
 * a range of ports, a cgroup, a network namespace, a process.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "cgroup.h"
#include "filter.h"
#include "hook.h"
#include "log.h"
#include "nearest.h"
#include "option.h"

#define NETNS_DIR "/run/netns"
#define PID_LIMIT (1 << 22) /* PID_MAX_LIMIT of 64-bit kernels */

/* Digits only, from 1 to max. */
static int number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!len || len > 20)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = text[i] - '0';

		if (digit > 9 || v > (max - digit) / 10)
			return -EINVAL;
		v = v * 10 + digit;
	}
	if (!v)
		return -EINVAL;
	*out = v;
	return 0;
}

/* --- addresses ----------------------------------------------------------- */

/* Clear what is beyond the prefix; was anything set there? */
static bool clear_host_bits(struct ti_filter_key *key)
{
	uint8_t *bytes = (uint8_t *)key->addr;
	bool any = false;

	for (unsigned bit = key->len; bit < 128; bit++) {
		uint8_t mask = 0x80 >> bit % 8;

		any |= bytes[bit / 8] & mask;
		bytes[bit / 8] &= ~mask;
	}
	return any;
}

static const char *address_text(const struct ti_filter_key *key, bool v4,
				char out[INET6_ADDRSTRLEN])
{
	return v4 ? inet_ntop(AF_INET, &key->addr[3], out, INET6_ADDRSTRLEN)
		  : inet_ntop(AF_INET6, key->addr, out, INET6_ADDRSTRLEN);
}

int ti_filter_prefix(const char *item, struct ti_filter_item *out, char *why, size_t size)
{
	struct ti_filter_key key = {.addr = {0, 0, htonl(0xffff), 0}};
	const char *slash = strchr(item, '/');
	char text[64]; /* cut short it is no address either */
	uint64_t len;
	bool v4;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(item, "/"), item);
	v4 = inet_pton(AF_INET, text, &key.addr[3]) == 1;
	if (!v4 && inet_pton(AF_INET6, text, key.addr) != 1)
		return ti_hook_why(
			why, size, -EINVAL,
			"'%s' is no prefix: write 192.0.2.0/24, 2001:db8::/48 or an address", item);
	len = v4 ? 32 : 128;
	if (slash && strcmp(slash, "/0") == 0)
		len = 0;
	else if (slash && number(slash + 1, strlen(slash + 1), len, &len) < 0)
		return ti_hook_why(why, size, -EINVAL,
				   "'%s': the length after / is 0 to %llu for %s", item,
				   (unsigned long long)len, v4 ? "IPv4" : "IPv6");
	key.len = v4 ? len + 96 : len;
	if (!v4 && key.len >= 96 && !key.addr[0] && !key.addr[1] && key.addr[2] == htonl(0xffff))
		return ti_hook_why(why, size, -EINVAL, "'%s' is IPv4: write %s/%u", item,
				   address_text(&key, true, text), key.len - 96);
	if (clear_host_bits(&key))
		return ti_hook_why(
			why, size, -EINVAL,
			"'%s' has bits set beyond its length: write %s/%llu, or the address "
			"without a length",
			item, address_text(&key, v4, text), (unsigned long long)len);
	out->key = key;
	return 0;
}

int ti_filter_port(const char *item, struct ti_filter_item *out, char *why, size_t size)
{
	const char *dash = strchr(item, '-');
	size_t len = dash ? (size_t)(dash - item) : strlen(item);
	uint64_t first, last;

	if (strcmp(item, "all") == 0) {
		out->first = 1;
		out->last = 65535;
		return 0;
	}
	if (number(item, len, 65535, &first) < 0 ||
	    number(dash ? dash + 1 : item, strlen(dash ? dash + 1 : item), 65535, &last) < 0)
		return ti_hook_why(why, size, -EINVAL,
				   "'%s' is no port: write numbers from 1 to 65535, ranges like "
				   "8000-8100, or all",
				   item);
	if (first > last)
		return ti_hook_why(why, size, -EINVAL,
				   "'%s' is the wrong way round: write %llu-%llu", item,
				   (unsigned long long)last, (unsigned long long)first);
	out->first = first;
	out->last = last;
	return 0;
}

/* --- cgroups ------------------------------------------------------------- */

/* A cgroup's id is the inode number of its folder. */
static int cgroup_by_path(const char *item, struct ti_filter_item *out, char *why, size_t size)
{
	char mount[256], path[4096];
	struct stat st;
	bool root;

	if (ti_cgroup2(mount, sizeof(mount), &root) < 0)
		return ti_hook_why(why, size, -EINVAL, "'%s': no cgroup2 is mounted here: " TI_CGROUP2_CURE,
				   item);
	if (!strncmp(item, mount, strlen(mount)) && item[strlen(mount)] == '/')
		return ti_hook_why(why, size, -EINVAL, "'%s': write the path below the mount: %s",
				   item, item + strlen(mount));
	if (!item[strspn(item, "/")])
		return ti_hook_why(
			why, size, -EINVAL,
			"'%s' is every socket: leave this out, or name a cgroup below it", item);
	snprintf(path, sizeof(path), "%s%s", mount, item);
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return ti_hook_why(
			why, size, -ENOENT,
			"there is no cgroup %s in %s; nothing is reported of it until there is",
			item, mount);
	out->first = out->last = st.st_ino;
	return 0;
}

int ti_filter_cgroup(const char *item, struct ti_filter_item *out, char *why, size_t size)
{
	out->first = out->last = 0;
	if (item[0] == '/' && !strstr(item, "/.."))
		return cgroup_by_path(item, out, why, size);
	if (number(item, strlen(item), UINT64_MAX, &out->first) < 0)
		return ti_hook_why(
			why, size, -EINVAL,
			"'%s' is no cgroup: write its path, as /system.slice/nginx.service, "
			"or its id",
			item);
	out->last = out->first;
	return 0;
}

/* --- network namespaces -------------------------------------------------- */

/* "; did you mean 'blue'?", or nothing. */
static void suggest_netns(const char *item, char *out, size_t size)
{
	ti_cleanup(ti_freep) struct dirent **entries = NULL;
	int n = scandir(NETNS_DIR, &entries, NULL, alphasort);
	const char *near = NULL;

	for (int i = 0; i < n && !near; i++) {
		const char *name = entries[i]->d_name;

		near = name[0] == '.' ? NULL : ti_nearest(item, &name, 1, sizeof(name));
	}
	snprintf(out, size, "%s%s%s", near ? "; did you mean '" : "", near ? near : "",
		 near ? "'?" : "");
	for (int i = 0; i < n; i++)
		free(entries[i]);
}

/* 0 with its inode number (0: may not be looked at); -ENOENT; -EINVAL: another file. */
static int netns_inode(const char *path, uint64_t *inode)
{
	ti_cleanup(ti_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*inode = 0;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENOENT : 0;
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET || fstat(fd, &st) < 0)
		return -EINVAL;
	*inode = st.st_ino;
	return 0;
}

int ti_filter_netns(const char *item, struct ti_filter_item *out, char *why, size_t size)
{
	char path[4096], near[128];
	int r;

	if (!strcmp(item, "self"))
		snprintf(path, sizeof(path), "/proc/self/ns/net");
	else
		snprintf(path, sizeof(path), "%s%s", item[0] == '/' ? "" : NETNS_DIR "/", item);
	r = netns_inode(path, &out->first);
	if (r < 0 && number(item, strlen(item), UINT32_MAX, &out->first) == 0)
		r = 0;
	out->last = out->first;
	if (r == 0)
		return 0;
	if (item[0] == '/')
		return ti_hook_why(why, size, -EINVAL,
				   "'%s' is no network namespace: write a name of `ip "
				   "netns`, /proc/PID/ns/net, self, or an inode number",
				   item);
	suggest_netns(item, near, sizeof(near));
	return ti_hook_why(why, size, -EINVAL,
			   "there is no network namespace '%s' in " NETNS_DIR
			   "%s (or write /proc/PID/ns/net, self, or an inode number)",
			   item, near);
}

int ti_filter_pid(const char *item, struct ti_filter_item *out, char *why, size_t size)
{
	if (number(item, strlen(item), PID_LIMIT, &out->first) < 0)
		return ti_hook_why(why, size, -EINVAL,
				   "'%s' is no process: write numbers from 1 to %d", item,
				   PID_LIMIT);
	out->last = out->first;
	return 0;
}
