// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: the ring protocol as pure functions on private copies.
 *
 * The ABI is include/xen/interface/io/netif.h and ring.h.  Two things there
 * are easy to get wrong.  The size in the first slot of a transmitted packet
 * is that of the whole packet, so the first slot can only be checked once all
 * others are known.  And extras sit between the first slot and the second,
 * whatever the flags of the extras say about more data.
 */
#include "protocol.h"

static const char * const fault_names[XEN_NETBACK_FAULTS] = {
	[XEN_NETBACK_OK]		= "none",
	[XEN_NETBACK_DROP_SLOTS]	= "too many slots",
	[XEN_NETBACK_DROP_LENGTH]	= "sizes contradict the total",
	[XEN_NETBACK_DROP_SHORT]	= "shorter than an Ethernet header",
	[XEN_NETBACK_DROP_GSO]		= "segment size too small",
	[XEN_NETBACK_DROP_MCAST]	= "multicast control not offered",
	[XEN_NETBACK_FATAL_INDEX]	= "impossible producer index",
	[XEN_NETBACK_FATAL_TRUNCATED]	= "unfinished packet",
	[XEN_NETBACK_FATAL_SLOTS]	= "endless packet",
	[XEN_NETBACK_FATAL_CROSS_PAGE]	= "data outside the granted page",
	[XEN_NETBACK_FATAL_EXTRA_TYPE]	= "unknown extra",
	[XEN_NETBACK_FATAL_EXTRA_TWICE]	= "repeated extra",
	[XEN_NETBACK_FATAL_GSO_SIZE]	= "segment size zero",
	[XEN_NETBACK_FATAL_GSO_TYPE]	= "unknown segmentation type",
};

/**
 * xen_netback_fault_name() - say what a frontend did wrong
 * @fault: the fault
 *
 * Context: any.
 * Return: a string for messages, never NULL.
 */
const char *xen_netback_fault_name(enum xen_netback_fault fault)
{
	const char *name = NULL;

	if ((u32)fault < XEN_NETBACK_FAULTS)
		name = fault_names[fault];
	return name ? name : "unknown fault";
}

/**
 * xen_netback_gather_start() - begin a packet
 * @g:   state machine to reset
 * @pkt: where the packet goes
 *
 * Context: any.
 */
void xen_netback_gather_start(struct xen_netback_gather *g,
			      struct xen_netback_tx_packet *pkt)
{
	g->state = XEN_NETBACK_GATHER_FIRST;
	g->nr_slots = 0;
	g->seen = 0;
	g->rest = 0;
	g->pkt = pkt;

	pkt->fault = XEN_NETBACK_OK;
	pkt->flags = 0;
	pkt->total = 0;
	pkt->gso_size = 0;
	pkt->gso_type = XEN_NETIF_GSO_TYPE_NONE;
	pkt->nr_frags = 0;
	pkt->nr_rsps = 0;
}

/* The first fault of a packet is the one that is reported. */
static void gather_drop(struct xen_netback_gather *g,
			enum xen_netback_fault why)
{
	if (g->pkt->fault == XEN_NETBACK_OK)
		g->pkt->fault = why;
}

/* SLOTS_FATAL and one bit per extra type keep this within RSPS_MAX. */
static void gather_rsp(struct xen_netback_gather *g, u16 id, s16 status)
{
	struct xen_netif_tx_response *rsp = &g->pkt->rsp[g->pkt->nr_rsps++];

	rsp->id = id;
	rsp->status = status;
}

static bool leaves_page(u32 offset, u32 size)
{
	return (u64)offset + size > XEN_NETBACK_PAGE;
}

/*
 * All slots are known: check what needs the whole, then squeeze out the empty
 * slots, which are legal on the ring and poison for everybody above.
 */
static enum xen_netback_fault gather_finish(struct xen_netback_gather *g)
{
	struct xen_netback_tx_packet *pkt = g->pkt;
	u32 first, i, used = 0;

	g->state = XEN_NETBACK_GATHER_DONE;

	if (g->nr_slots > XEN_NETBACK_SLOTS_MAX)
		gather_drop(g, XEN_NETBACK_DROP_SLOTS);
	if (g->rest > pkt->total)
		gather_drop(g, XEN_NETBACK_DROP_LENGTH);

	if (pkt->fault == XEN_NETBACK_OK) {
		first = pkt->total - g->rest;
		if (leaves_page(pkt->frag[0].offset, first))
			return XEN_NETBACK_FATAL_CROSS_PAGE;
		pkt->frag[0].size = first;
	}

	if (pkt->total < XEN_NETBACK_LEN_MIN)
		gather_drop(g, XEN_NETBACK_DROP_SHORT);

	if (pkt->fault != XEN_NETBACK_OK) {
		pkt->nr_frags = 0;
		xen_netback_tx_fail(pkt);
		return XEN_NETBACK_OK;
	}

	for (i = 0; i < pkt->nr_frags; i++) {
		if (pkt->frag[i].size)
			pkt->frag[used++] = pkt->frag[i];
	}
	pkt->nr_frags = used;
	return XEN_NETBACK_OK;
}

/* The flags of the first slot and of the last one say what comes next. */
static enum xen_netback_fault gather_next(struct xen_netback_gather *g,
					  bool extra, bool more)
{
	if (extra) {
		g->state = XEN_NETBACK_GATHER_EXTRA;
		return XEN_NETBACK_OK;
	}
	if (more) {
		g->state = XEN_NETBACK_GATHER_DATA;
		return XEN_NETBACK_OK;
	}
	return gather_finish(g);
}

static enum xen_netback_fault
gather_first(struct xen_netback_gather *g,
	     const struct xen_netif_tx_request *req)
{
	struct xen_netback_tx_packet *pkt = g->pkt;

	pkt->flags = req->flags;
	pkt->total = req->size;
	pkt->frag[0].gref = req->gref;
	pkt->frag[0].offset = req->offset;
	pkt->frag[0].size = 0;
	pkt->nr_frags = 1;
	g->nr_slots = 1;
	gather_rsp(g, req->id, XEN_NETIF_RSP_OKAY);

	return gather_next(g, req->flags & XEN_NETTXF_extra_info,
			   req->flags & XEN_NETTXF_more_data);
}

static enum xen_netback_fault
gather_data(struct xen_netback_gather *g,
	    const struct xen_netif_tx_request *req)
{
	struct xen_netback_tx_packet *pkt = g->pkt;
	struct xen_netback_tx_frag *frag;

	if (g->nr_slots == XEN_NETBACK_SLOTS_FATAL)
		return XEN_NETBACK_FATAL_SLOTS;
	if (leaves_page(req->offset, req->size))
		return XEN_NETBACK_FATAL_CROSS_PAGE;

	g->nr_slots++;
	g->rest += req->size;
	gather_rsp(g, req->id, XEN_NETIF_RSP_OKAY);

	if (g->nr_slots <= XEN_NETBACK_SLOTS_MAX) {
		frag = &pkt->frag[pkt->nr_frags++];
		frag->gref = req->gref;
		frag->offset = req->offset;
		frag->size = req->size;
	}
	return gather_next(g, false, req->flags & XEN_NETTXF_more_data);
}

static enum xen_netback_fault
gather_gso(struct xen_netback_gather *g,
	   const struct xen_netif_extra_info *extra)
{
	if (!extra->u.gso.size)
		return XEN_NETBACK_FATAL_GSO_SIZE;
	if (extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
	    extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
		return XEN_NETBACK_FATAL_GSO_TYPE;

	/* A packet of tens of thousands of segments is an attack, not TCP. */
	if (extra->u.gso.size < XEN_NETBACK_GSO_SIZE_MIN)
		gather_drop(g, XEN_NETBACK_DROP_GSO);
	g->pkt->gso_size = extra->u.gso.size;
	g->pkt->gso_type = extra->u.gso.type;
	return XEN_NETBACK_OK;
}

static enum xen_netback_fault
gather_extra(struct xen_netback_gather *g,
	     const struct xen_netif_extra_info *extra)
{
	enum xen_netback_fault fault = XEN_NETBACK_OK;

	if (extra->type == XEN_NETIF_EXTRA_TYPE_NONE ||
	    extra->type >= XEN_NETIF_EXTRA_TYPE_MAX)
		return XEN_NETBACK_FATAL_EXTRA_TYPE;
	if (g->seen & (1U << extra->type))
		return XEN_NETBACK_FATAL_EXTRA_TWICE;
	g->seen |= 1U << extra->type;
	gather_rsp(g, 0, XEN_NETIF_RSP_NULL);

	switch (extra->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		fault = gather_gso(g, extra);
		break;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		/* Such a request carries no packet, only the address. */
		gather_drop(g, XEN_NETBACK_DROP_MCAST);
		break;
	default:
		/* Hints that this backend has no use for. */
		break;
	}
	if (fault != XEN_NETBACK_OK)
		return fault;

	return gather_next(g, extra->flags & XEN_NETIF_EXTRA_FLAG_MORE,
			   g->pkt->flags & XEN_NETTXF_more_data);
}

/**
 * xen_netback_gather_slot() - give the state machine the next slot
 * @g:    state machine
 * @slot: private copy of the slot
 *
 * The packet is complete when @g->state is %XEN_NETBACK_GATHER_DONE.  It then
 * is either good, or @g->pkt->fault says why to drop it and all its responses
 * carry the error.
 *
 * Context: any.
 * Return: %XEN_NETBACK_OK, or a fatal fault after which the ring is not to be
 * used any more.
 */
enum xen_netback_fault
xen_netback_gather_slot(struct xen_netback_gather *g,
			const union xen_netback_tx_slot *slot)
{
	switch (g->state) {
	case XEN_NETBACK_GATHER_FIRST:
		return gather_first(g, &slot->req);
	case XEN_NETBACK_GATHER_EXTRA:
		return gather_extra(g, &slot->extra);
	case XEN_NETBACK_GATHER_DATA:
		return gather_data(g, &slot->req);
	case XEN_NETBACK_GATHER_DONE:
		break;
	}
	return XEN_NETBACK_FATAL_SLOTS;
}

/**
 * xen_netback_tx_fail() - turn the responses of a packet into errors
 * @pkt: the packet
 *
 * Extras keep their empty response: it is no statement about the packet.
 *
 * Context: any.
 */
void xen_netback_tx_fail(struct xen_netback_tx_packet *pkt)
{
	u32 i;

	for (i = 0; i < pkt->nr_rsps; i++) {
		if (pkt->rsp[i].status == XEN_NETIF_RSP_OKAY)
			pkt->rsp[i].status = XEN_NETIF_RSP_ERROR;
	}
}

/**
 * xen_netback_attach_valid() - can a ring be taken over as it stands?
 * @prod: request producer found in the ring
 * @rsp:  response producer found in the ring
 * @size: slots in the ring
 *
 * Context: any.
 * Return: false when there would be more requests than slots.
 */
bool xen_netback_attach_valid(u32 prod, u32 rsp, u32 size)
{
	return (u32)(prod - rsp) <= size;
}

/**
 * xen_netback_pending() - count requests not yet taken
 * @prod:    request producer, as the frontend wrote it
 * @cons:    our request consumer
 * @rsp:     our response producer
 * @size:    slots in the ring
 * @pending: result
 *
 * A request may only go where the response to an earlier one has been, so
 * there is room for @size requests after @rsp.  A producer that overtakes that
 * or that went backwards is impossible.
 *
 * Context: any.
 * Return: false when @prod is impossible.
 */
bool xen_netback_pending(u32 prod, u32 cons, u32 rsp, u32 size, u32 *pending)
{
	u32 room = size - (u32)(cons - rsp);

	*pending = prod - cons;
	return *pending <= room;
}

/**
 * xen_netback_must_notify() - did a producer step over the peer's mark?
 * @old:   producer before
 * @new:   producer after
 * @event: index that the peer wants to hear of
 *
 * Context: any.
 * Return: true when @event is in (@old, @new].
 */
bool xen_netback_must_notify(u32 old, u32 new, u32 event)
{
	return (u32)(new - event) < (u32)(new - old);
}

/**
 * xen_netback_rx_slots() - slots that a packet to the guest takes
 * @len: length of the packet
 * @gso: whether an extra goes with it
 *
 * Context: any.
 * Return: number of slots.
 */
u32 xen_netback_rx_slots(u32 len, bool gso)
{
	u64 data = ((u64)len + XEN_NETBACK_PAGE - 1) / XEN_NETBACK_PAGE;

	return (u32)data + gso;
}

/**
 * xen_netback_rx_ops_bound() - copies that a packet can take at most
 * @len:     length of the packet
 * @regions: contiguous pieces it is in
 *
 * A region of n bytes touches at most n / page + 2 pages, and each page edge
 * of the destination cuts one copy in two.
 *
 * Context: any.
 * Return: upper bound on the number of copies.
 */
u32 xen_netback_rx_ops_bound(u32 len, u32 regions)
{
	return 2 * (len / XEN_NETBACK_PAGE) + 2 * regions;
}

/**
 * xen_netback_chunk() - length of the next copy
 * @len:        bytes left to copy
 * @src_offset: where they are, relative to any page
 * @dst_offset: where they go, relative to any page
 *
 * Context: any.
 * Return: the most that can be copied without crossing a page edge on either
 * side.
 */
u32 xen_netback_chunk(u64 len, u64 src_offset, u64 dst_offset)
{
	u32 src = XEN_NETBACK_PAGE - (u32)(src_offset % XEN_NETBACK_PAGE);
	u32 dst = XEN_NETBACK_PAGE - (u32)(dst_offset % XEN_NETBACK_PAGE);
	u32 edge = src;

	if (dst < edge)
		edge = dst;

	return len < edge ? (u32)len : edge;
}

/**
 * xen_netback_rx_data() - response that announces data
 * @id:    of the request that the data went to
 * @flags: XEN_NETRXF_*
 * @len:   bytes, at most a page
 *
 * Context: any.
 * Return: the slot, without uninitialised bytes.
 */
union xen_netback_rx_slot xen_netback_rx_data(u16 id, u16 flags, u16 len)
{
	union xen_netback_rx_slot slot = { .raw = { 0, 0 } };

	slot.rsp.id = id;
	slot.rsp.flags = flags;
	slot.rsp.status = (s16)len;
	return slot;
}

/**
 * xen_netback_rx_gso() - extra that announces segmentation
 * @type: XEN_NETIF_GSO_TYPE_*
 * @size: payload of each segment
 *
 * Context: any.
 * Return: the slot, without uninitialised bytes.
 */
union xen_netback_rx_slot xen_netback_rx_gso(u8 type, u16 size)
{
	union xen_netback_rx_slot slot = { .raw = { 0, 0 } };

	slot.extra.type = XEN_NETIF_EXTRA_TYPE_GSO;
	slot.extra.u.gso.type = type;
	slot.extra.u.gso.size = size;
	return slot;
}

/**
 * xen_netback_parse_u32() - read a number that a frontend wrote
 * @str:   the value
 * @len:   its length, not counting a terminator
 * @min:   smallest number allowed
 * @max:   largest number allowed
 * @value: result, untouched on error
 *
 * Plain decimal digits only: no sign, no blank, no prefix, nothing behind.
 *
 * Context: any.
 * Return: 0, -EINVAL for what is not a number, -ERANGE for one out of bounds.
 */
int xen_netback_parse_u32(const char *str, size_t len, u32 min, u32 max,
			  u32 *value)
{
	u64 v = 0;
	size_t i;

	/* Ten digits hold every u32 and cannot overflow a u64. */
	if (!len || len > 10)
		return -EINVAL;

	for (i = 0; i < len; i++) {
		if (str[i] < '0' || str[i] > '9')
			return -EINVAL;
		v = v * 10 + (u32)(str[i] - '0');
	}
	if (v < min || v > max)
		return -ERANGE;

	*value = (u32)v;
	return 0;
}
