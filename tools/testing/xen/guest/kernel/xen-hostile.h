/* SPDX-License-Identifier: GPL-2.0-only */
/* What /dev/xen-hostile of a hostile guest is asked for. */
#ifndef XEN_HOSTILE_H
#define XEN_HOSTILE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HOSTILE_PORTS 4

/* Sends @count events to each of the ports; a send that Xen refuses ends it. */
struct hostile_events {
	__u32 ports, count;
	__u32 port[HOSTILE_PORTS];
};

#define HOSTILE_EVENTS _IOW('h', 1, struct hostile_events)
/* A grant of a page that comes and goes until the file is closed. */
#define HOSTILE_FLAP _IOR('h', 2, __u32)

#endif
