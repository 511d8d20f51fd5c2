/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen network backend: the ring protocol as pure functions on private copies.
 *
 * Nothing here reads shared memory, allocates, locks or prints.  The caller
 * copies a slot out of the ring once and hands the copy in; every decision is
 * taken on that copy.  The file builds unchanged in user space.
 */
#ifndef _XEN_NETBACK_PROTOCOL_H
#define _XEN_NETBACK_PROTOCOL_H

#include <linux/errno.h>
#include <linux/types.h>

#include <xen/interface/io/netif.h>

/* A granted page, whatever the page size of this kernel. */
#define XEN_NETBACK_PAGE		4096U
/* Data slots of one packet that every backend has to accept. */
#define XEN_NETBACK_SLOTS_MAX		XEN_NETIF_NR_SLOTS_MIN
/* Beyond the above the packet is dropped, beyond this the ring is broken. */
#define XEN_NETBACK_SLOTS_FATAL		20U
/* Each known extra at most once. */
#define XEN_NETBACK_EXTRAS_MAX		(XEN_NETIF_EXTRA_TYPE_MAX - 1)
/* Responses one packet can need. */
#define XEN_NETBACK_RSPS_MAX \
	(XEN_NETBACK_SLOTS_FATAL + XEN_NETBACK_EXTRAS_MAX)
/* Ethernet header: nothing shorter is a packet. */
#define XEN_NETBACK_LEN_MIN		14U
/* Smallest IPv4 MTU (68) without IPv4 and TCP headers. */
#define XEN_NETBACK_GSO_SIZE_MIN	28U

/* One tx slot, as the frontend wrote it: a request or an extra. */
union xen_netback_tx_slot {
	u32 raw[3];
	struct xen_netif_tx_request req;
	struct xen_netif_extra_info extra;
};

/* One rx response slot: data, or the extra that describes it. */
union xen_netback_rx_slot {
	u32 raw[2];
	struct xen_netif_rx_response rsp;
	struct xen_netif_extra_info extra;
};

/* What the frontend did wrong.  Those after the marker break the ring. */
enum xen_netback_fault {
	XEN_NETBACK_OK,
	XEN_NETBACK_DROP_SLOTS,		/* more slots than have to be accepted */
	XEN_NETBACK_DROP_LENGTH,	/* slot sizes contradict the total */
	XEN_NETBACK_DROP_SHORT,		/* no room for an Ethernet header */
	XEN_NETBACK_DROP_GSO,		/* segments too small to be honest */
	XEN_NETBACK_DROP_MCAST,		/* multicast control was not offered */
	XEN_NETBACK_FATAL_MARK,		/* not a fault: fatal ones follow */
	XEN_NETBACK_FATAL_INDEX,	/* impossible producer index */
	XEN_NETBACK_FATAL_TRUNCATED,	/* packet ends after the ring does */
	XEN_NETBACK_FATAL_SLOTS,	/* chain that no frontend sends */
	XEN_NETBACK_FATAL_CROSS_PAGE,	/* data leaves the granted page */
	XEN_NETBACK_FATAL_EXTRA_TYPE,	/* unknown extra */
	XEN_NETBACK_FATAL_EXTRA_TWICE,	/* same extra again */
	XEN_NETBACK_FATAL_GSO_SIZE,	/* segment size zero */
	XEN_NETBACK_FATAL_GSO_TYPE,	/* unknown segmentation type */
	XEN_NETBACK_FAULTS
};

/* A non-empty piece of a packet in one granted page. */
struct xen_netback_tx_frag {
	grant_ref_t gref;
	u16 offset;
	u16 size;
};

/**
 * struct xen_netback_tx_packet - one guest packet, gathered and checked
 * @fault:	%XEN_NETBACK_OK, or why the packet has to be dropped
 * @flags:	XEN_NETTXF_* of the first slot
 * @total:	length in bytes
 * @gso_size:	segment size, 0 without segmentation
 * @gso_type:	XEN_NETIF_GSO_TYPE_*
 * @nr_frags:	members of @frag in use; their sizes add up to @total
 * @nr_rsps:	ring slots used, each owed one response
 * @frag:	the data, valid when @fault is %XEN_NETBACK_OK
 * @rsp:	the responses, in ring order
 */
struct xen_netback_tx_packet {
	enum xen_netback_fault fault;
	u16 flags;
	u16 total;
	u16 gso_size;
	u8 gso_type;
	u8 nr_frags;
	u8 nr_rsps;
	struct xen_netback_tx_frag frag[XEN_NETBACK_SLOTS_MAX];
	struct xen_netif_tx_response rsp[XEN_NETBACK_RSPS_MAX];
};

/* What the gather state machine makes of the next slot. */
enum xen_netback_gather_state {
	XEN_NETBACK_GATHER_FIRST,
	XEN_NETBACK_GATHER_EXTRA,
	XEN_NETBACK_GATHER_DATA,
	XEN_NETBACK_GATHER_DONE,
};

/**
 * struct xen_netback_gather - state while a packet is put together
 * @state:	what the next slot is
 * @nr_slots:	data slots seen
 * @seen:	bit per extra type seen
 * @rest:	bytes in the data slots after the first
 * @pkt:	the result
 */
struct xen_netback_gather {
	enum xen_netback_gather_state state;
	u32 nr_slots;
	u32 seen;
	u32 rest;
	struct xen_netback_tx_packet *pkt;
};

static inline bool xen_netback_fatal(enum xen_netback_fault fault)
{
	return fault > XEN_NETBACK_FATAL_MARK;
}

const char *xen_netback_fault_name(enum xen_netback_fault fault);

void xen_netback_gather_start(struct xen_netback_gather *g,
			      struct xen_netback_tx_packet *pkt);
enum xen_netback_fault
xen_netback_gather_slot(struct xen_netback_gather *g,
			const union xen_netback_tx_slot *slot);
void xen_netback_tx_fail(struct xen_netback_tx_packet *pkt);

bool xen_netback_attach_valid(u32 prod, u32 rsp, u32 size);
bool xen_netback_pending(u32 prod, u32 cons, u32 rsp, u32 size, u32 *pending);
bool xen_netback_must_notify(u32 old, u32 new, u32 event);

u32 xen_netback_rx_slots(u32 len, bool gso);
u32 xen_netback_rx_ops_bound(u32 len, u32 regions);
u32 xen_netback_chunk(u64 len, u64 src_offset, u64 dst_offset);
union xen_netback_rx_slot xen_netback_rx_data(u16 id, u16 flags, u16 len);
union xen_netback_rx_slot xen_netback_rx_gso(u8 type, u16 size);

int xen_netback_parse_u32(const char *str, size_t len, u32 min, u32 max,
			  u32 *value);

#endif /* _XEN_NETBACK_PROTOCOL_H */
