/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every type of the SDK that user space and the daemon share, for abidw: a type is in the
 * record when an exported function has to do with it. A new public type is added here.
 */
#include <tcpinspect/event.h>
#include <tcpinspect/filter.h>
#include <tcpinspect/metrics.h>
#include <tcpinspect/plugin.h>
#include <tcpinspect/sink.h>

#define USED(type)                                                             \
	__attribute__((visibility("default"))) void abi_##type(struct type *p);\
	void abi_##type(struct type *p)                                        \
	{                                                                      \
		(void)p;                                                       \
	}
#define USED_ENUM(type)                                                        \
	__attribute__((visibility("default"))) void abi_##type(enum type p);   \
	void abi_##type(enum type p)                                           \
	{                                                                      \
		(void)p;                                                       \
	}

USED(ti_prefix_v1)
USED(ti_plugin)
USED(ti_host)
USED(ti_socket)
USED(ti_sink)
USED(ti_sink_host)
USED(ti_option)
USED(ti_record)
USED(ti_event_type)
USED(ti_field)
USED(ti_enum_name)
USED(ti_addr)
USED(ti_prefix)
USED(ti_filter_set)
USED(ti_filter_key)
USED(ti_filter_lists)
USED_ENUM(ti_module_kind)
USED_ENUM(ti_log_level)
USED_ENUM(ti_option_type)
USED_ENUM(ti_severity)
USED_ENUM(ti_count)
USED_ENUM(ti_tcp_flag)
USED_ENUM(ti_format)
USED_ENUM(ti_field_kind)
USED_ENUM(ti_filter_bit)

/* What is made by macros, and scalars that carry a meaning. */
struct fields {
	ti_port port;
	ti_vlan vlan;
	ti_ifindex ifindex;
	ti_ns ns;
	ti_bool yes;
	ti_str(7) str;
	ti_list(__u32, 3) list;
	ti_counter counter;
	ti_gauge gauge;
	ti_histogram(4, 2) histogram;
};
USED(fields)
