/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kit.h - what the tests of our plugins with the test kit (testing.h) begin with. To be
 * included once a program, after cmocka.h. */
#ifndef TI_TEST_KIT_H
#define TI_TEST_KIT_H

#include <stdio.h>
#include <stdlib.h>
#include <tcpinspect/testing.h>

#define SECOND 1000000000ull
/* What ti_test_now() is at first. */
#define START (1000 * SECOND)

/* Path of a plugin of this tree. */
static inline const char *kit_plugin(const char *name)
{
	static char path[4096];
	const char *dir = getenv("TI_PLUGINS");

	snprintf(path, sizeof(path), "%s/%s.so", dir ? dir : "modules/plugins", name);
	return path;
}

static inline struct ti_test *kit_opened(struct ti_test *t)
{
	if (!t)
		fail_msg("%s", ti_test_error());
	return t;
}

/* kit_user("conn", "stuck_close_wait=60s"): fails where there is none. */
#define kit_user(name, ...)  kit_opened(ti_test_new_user(kit_plugin(name), ##__VA_ARGS__))
#define kit_whole(name, ...) kit_opened(ti_test_new(kit_plugin(name), ##__VA_ARGS__))

/* For main(): whether packets can't be fed here, which is said; then it returns 77. */
static inline int kit_skips(void)
{
	const char *why;

	if (ti_test_can_feed(&why))
		return 0;
	printf("skipped: %s\n", why);
	return 1;
}

#endif
