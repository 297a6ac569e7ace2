/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/event.h - an event as user space sees it.
 *
 * Event types are not described here by their authors: TI_EVENT in bpf.h plants
 * the struct in the BPF object's BTF, and the daemon builds a ti_event_type of
 * it when it loads the probe.
 */
#ifndef TCPINSPECT_EVENT_H
#define TCPINSPECT_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/types.h>

/* What a field holds, and so how it is printed and matched. */
enum ti_field_kind {
	TI_FIELD_UINT,    /* unsigned, `size` 1, 2, 4 or 8 */
	TI_FIELD_INT,     /* signed, `size` 1, 2, 4 or 8 */
	TI_FIELD_BOOL,
	TI_FIELD_ENUM,    /* `size` 1, 2, 4 or 8; names in `names` */
	TI_FIELD_ADDR,
	TI_FIELD_PREFIX,
	TI_FIELD_PORT,
	TI_FIELD_VLAN,
	TI_FIELD_IFINDEX,
	TI_FIELD_NS,
	TI_FIELD_STR,
	TI_FIELD_LIST,    /* `size` of one item, `capacity` items, `items` */
};

/* One name of an enum value, as printed (lower case, enum's prefix cut). */
struct ti_enum_name {
	int64_t value;
	const char *name;
};

/*
 * One field. Offsets are bytes from the start of the event's struct, and for
 * the fields of a list's items from the start of the item.
 */
struct ti_field {
	const char *name;
	enum ti_field_kind kind;
	uint32_t offset;
	uint32_t size;
	uint32_t capacity;  /* TI_FIELD_STR: bytes; TI_FIELD_LIST: items */
	int optional;       /* absent from the output when 0 */
	const char *help;   /* "" when none was given */
	const struct ti_enum_name *names;
	uint32_t n_names;
	const struct ti_field *items; /* fields of a list's item; one field with
					 an empty name when it is no struct */
	uint32_t n_items;
};

/* One event type of one plugin, in declared order of fields. Owned by the
 * daemon, constant while the plugin is loaded. */
struct ti_event_type {
	const char *plugin;
	const char *name;
	enum ti_severity severity;
	const char *help;
	uint16_t number;    /* ti_record.event */
	uint32_t size;      /* bytes of the struct */
	const struct ti_field *fields;
	uint32_t n_fields;
};

#endif
