// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen block backend: the only file that touches a shared ring.
 *
 * Each word that the frontend wrote is read once.  The backend keeps its own
 * indices and never reads back what it published.
 */

#include <linux/build_bug.h>
#include <linux/string.h>

#include <xen/interface/io/blkif.h>

#include "blkback.h"

/* protocol.h repeats the ABI; here is the proof that it does so truly. */
static_assert(XEN_BLKIF_OP_READ == BLKIF_OP_READ);
static_assert(XEN_BLKIF_OP_WRITE == BLKIF_OP_WRITE);
static_assert(XEN_BLKIF_OP_WRITE_BARRIER == BLKIF_OP_WRITE_BARRIER);
static_assert(XEN_BLKIF_OP_FLUSH_DISKCACHE == BLKIF_OP_FLUSH_DISKCACHE);
static_assert(XEN_BLKIF_OP_DISCARD == BLKIF_OP_DISCARD);
static_assert(XEN_BLKIF_OP_INDIRECT == BLKIF_OP_INDIRECT);
static_assert((int)XEN_BLKIF_STATUS_OKAY == BLKIF_RSP_OKAY);
static_assert((int)XEN_BLKIF_STATUS_ERROR == BLKIF_RSP_ERROR);
static_assert((int)XEN_BLKIF_STATUS_EOPNOTSUPP == BLKIF_RSP_EOPNOTSUPP);
static_assert(XEN_BLKIF_DIRECT_SEGS == BLKIF_MAX_SEGMENTS_PER_REQUEST);
static_assert(XEN_BLKIF_INDIRECT_PAGES == BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST);
static_assert(sizeof(struct blkif_request_segment) == XEN_BLKIF_SEG_SIZE);
static_assert(XEN_PAGE_SIZE == XEN_BLKIF_PAGE_SIZE);
static_assert(offsetof(struct blkif_sring, req_prod) == XEN_BLKIF_OFF_REQ_PROD);
static_assert(offsetof(struct blkif_sring, req_event) == XEN_BLKIF_OFF_REQ_EVENT);
static_assert(offsetof(struct blkif_sring, rsp_prod) == XEN_BLKIF_OFF_RSP_PROD);
static_assert(offsetof(struct blkif_sring, rsp_event) == XEN_BLKIF_OFF_RSP_EVENT);
static_assert(offsetof(struct blkif_sring, ring) == XEN_BLKIF_RING_HEADER);

static u32 *shared_index(const struct xen_blkback_ring *ring, u32 offset)
{
	return ring->shared + offset;
}

static u32 *shared_slot(const struct xen_blkback_ring *ring, u32 idx)
{
	return ring->shared +
	       xen_blkif_slot_offset(ring->layout, ring->nr_slots, idx);
}

/**
 * xen_blkback_ring_init - start with a ring that the frontend has just set up
 * @ring: to be filled
 * @shared: mapped ring pages
 * @layout: slot layout
 * @nr_pages: number of pages
 */
void xen_blkback_ring_init(struct xen_blkback_ring *ring, void *shared,
			   const struct xen_blkif_layout *layout, u32 nr_pages)
{
	*ring = (struct xen_blkback_ring) {
		.shared = shared,
		.layout = layout,
		.nr_slots = xen_blkif_ring_slots(layout, nr_pages),
	};
}

/**
 * xen_blkback_ring_pending - how many requests wait in the ring?
 * @ring: the ring
 *
 * Context: the queue's work item.
 * Return: their number, or -EPROTO if no well-behaved frontend can have
 * produced that index.
 */
int xen_blkback_ring_pending(const struct xen_blkback_ring *ring)
{
	u32 prod = READ_ONCE(*shared_index(ring, XEN_BLKIF_OFF_REQ_PROD));

	if (!xen_blkif_prod_valid(prod, ring->req_cons, ring->rsp_prod,
				  ring->nr_slots))
		return -EPROTO;

	/* Slots are read after the index that covers them. */
	virt_rmb();
	return prod - ring->req_cons;
}

/**
 * xen_blkback_ring_take - copy the next request out of the ring
 * @ring: the ring; xen_blkback_ring_pending() has counted this request
 * @copy: room for XEN_BLKIF_MAX_SLOT_SIZE bytes, aligned to 4
 *
 * Each word is loaded exactly once; nothing else may look at the slot.
 *
 * Context: the queue's work item.
 */
void xen_blkback_ring_take(struct xen_blkback_ring *ring, void *copy)
{
	const u32 *src = shared_slot(ring, ring->req_cons);
	u32 *dst = copy;
	u32 i;

	for (i = 0; i < ring->layout->slot_size / sizeof(u32); i++)
		dst[i] = READ_ONCE(src[i]);
	ring->req_cons++;
}

/**
 * xen_blkback_ring_respond - write a response, not yet visible to the frontend
 * @ring: the ring
 * @id: the request's id
 * @op: the request's operation, struct xen_blkif_req.op
 * @status: one of enum xen_blkif_status
 *
 * Context: the queue's work item, once for each request taken.
 */
void xen_blkback_ring_respond(struct xen_blkback_ring *ring, u64 id, u8 op,
			      s16 status)
{
	u32 rsp[XEN_BLKIF_MAX_RSP_SIZE / sizeof(u32)];

	xen_blkif_encode_rsp(ring->layout, id, op, status, rsp);
	memcpy(shared_slot(ring, ring->rsp_prod), rsp, ring->layout->rsp_size);
	ring->rsp_prod++;
}

/**
 * xen_blkback_ring_push - show the frontend all responses written so far
 * @ring: the ring
 *
 * Context: the queue's work item.
 * Return: true if the frontend asked to be notified.
 */
bool xen_blkback_ring_push(struct xen_blkback_ring *ring)
{
	u32 old = ring->rsp_pushed;

	if (old == ring->rsp_prod)
		return false;

	/* Responses are visible before the index that covers them. */
	virt_wmb();
	WRITE_ONCE(*shared_index(ring, XEN_BLKIF_OFF_RSP_PROD), ring->rsp_prod);
	ring->rsp_pushed = ring->rsp_prod;

	/*
	 * The index is visible before rsp_event is read: a frontend that sets
	 * rsp_event and then finds no response is sure to be notified.
	 */
	virt_mb();
	return xen_blkif_need_notify(old, ring->rsp_prod,
			READ_ONCE(*shared_index(ring, XEN_BLKIF_OFF_RSP_EVENT)));
}

/**
 * xen_blkback_ring_arm - ask for a notification of the next request
 * @ring: the ring
 *
 * The caller looks at the ring once more afterwards: a request that came in
 * before the frontend could see req_event is not notified.
 *
 * Context: the queue's work item.
 */
void xen_blkback_ring_arm(struct xen_blkback_ring *ring)
{
	WRITE_ONCE(*shared_index(ring, XEN_BLKIF_OFF_REQ_EVENT),
		   ring->req_cons + 1);
	/* Pairs with the frontend's barrier between req_prod and req_event. */
	virt_mb();
}
