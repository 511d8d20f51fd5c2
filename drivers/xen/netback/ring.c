// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: our end of the shared rings.
 *
 * This file alone touches shared pages.  Each word of a slot is loaded once,
 * into memory that the frontend cannot write; our own indices are private, and
 * of the frontend's only the request producer decides anything.  The response
 * event index is a hint: a lie costs the frontend its notification.
 */
#include <linux/build_bug.h>
#include <linux/compiler.h>

#include <asm/barrier.h>

#include "netback.h"

/* The index words stand in the same place in both kinds of ring. */
static_assert(offsetof(struct xen_netif_tx_sring, req_prod) ==
	      offsetof(struct xen_netif_rx_sring, req_prod));
static_assert(offsetof(struct xen_netif_tx_sring, req_event) ==
	      offsetof(struct xen_netif_rx_sring, req_event));
static_assert(offsetof(struct xen_netif_tx_sring, rsp_prod) ==
	      offsetof(struct xen_netif_rx_sring, rsp_prod));
static_assert(offsetof(struct xen_netif_tx_sring, rsp_event) ==
	      offsetof(struct xen_netif_rx_sring, rsp_event));

static_assert(__CONST_RING_SIZE(xen_netif_tx, XEN_PAGE_SIZE) ==
	      XEN_NETBACK_RING_SLOTS);
static_assert(__CONST_RING_SIZE(xen_netif_rx, XEN_PAGE_SIZE) ==
	      XEN_NETBACK_RING_SLOTS);
static_assert(sizeof(union xen_netback_tx_slot) ==
	      sizeof(struct xen_netif_tx_request));
static_assert(sizeof(union xen_netback_rx_slot) ==
	      sizeof(struct xen_netif_rx_response));

/**
 * xen_netback_ring_attach() - map a ring and take over its indices
 * @ring: the ring
 * @xdev: device whose frontend granted it
 * @gref: the grant
 *
 * A frontend may hand over a ring that has been in use, so responses go on
 * where they stopped.
 *
 * Context: process.
 * Return: 0, -EPROTO when the indices are impossible, or what mapping gave.
 */
int xen_netback_ring_attach(struct xen_netback_ring *ring,
			    struct xenbus_device *xdev, grant_ref_t gref)
{
	struct xen_netif_tx_sring *sring;
	void *page;
	u32 prod, rsp;
	int err;

	err = xenbus_map_ring_valloc(xdev, &gref, 1, &page);
	if (err)
		return err < 0 ? err : -EINVAL;

	sring = page;
	rsp = READ_ONCE(sring->rsp_prod);
	prod = READ_ONCE(sring->req_prod);
	if (!xen_netback_attach_valid(prod, rsp, XEN_NETBACK_RING_SLOTS)) {
		xenbus_unmap_ring_vfree(xdev, page);
		return -EPROTO;
	}

	ring->tx = page;
	ring->size = XEN_NETBACK_RING_SLOTS;
	ring->cons = rsp;
	ring->prod = rsp;
	ring->pushed = rsp;
	return 0;
}

/**
 * xen_netback_ring_detach() - unmap a ring
 * @ring: the ring; one that was never attached is left alone
 * @xdev: device that it was attached for
 *
 * Context: process, with nobody left who could use the ring.
 */
void xen_netback_ring_detach(struct xen_netback_ring *ring,
			     struct xenbus_device *xdev)
{
	if (!ring->tx)
		return;
	xenbus_unmap_ring_vfree(xdev, ring->tx);
	ring->tx = NULL;
}

/**
 * xen_netback_ring_pending() - count the requests not yet taken
 * @ring: the ring
 * @n:    result
 *
 * Context: any.  A caller that does not own @ring gets a hint.
 * Return: false when the producer index is impossible.
 */
bool xen_netback_ring_pending(const struct xen_netback_ring *ring, u32 *n)
{
	u32 prod = READ_ONCE(ring->tx->req_prod);

	/* Pairs with the barrier between slots and producer in the peer. */
	virt_rmb();
	return xen_netback_pending(prod, READ_ONCE(ring->cons),
				   READ_ONCE(ring->prod), ring->size, n);
}

/**
 * xen_netback_ring_take_tx() - copy the next slot of a transmit ring
 * @ring: the ring, with at least one request pending
 * @slot: private copy
 *
 * Context: owner of the ring.
 */
void xen_netback_ring_take_tx(struct xen_netback_ring *ring,
			      union xen_netback_tx_slot *slot)
{
	const u32 *from;
	u32 i;

	from = (const u32 *)&ring->tx->ring[ring->cons & (ring->size - 1)];
	for (i = 0; i < ARRAY_SIZE(slot->raw); i++)
		slot->raw[i] = READ_ONCE(from[i]);
	WRITE_ONCE(ring->cons, ring->cons + 1);
}

/**
 * xen_netback_ring_take_rx() - copy the next slot of a receive ring
 * @ring: the ring, with at least one request pending
 * @req:  private copy
 *
 * Context: owner of the ring.
 */
void xen_netback_ring_take_rx(struct xen_netback_ring *ring,
			      struct xen_netif_rx_request *req)
{
	const struct xen_netif_rx_request *from;

	from = &ring->rx->ring[ring->cons & (ring->size - 1)].req;
	req->id = READ_ONCE(from->id);
	req->pad = 0;
	req->gref = READ_ONCE(from->gref);
	WRITE_ONCE(ring->cons, ring->cons + 1);
}

/**
 * xen_netback_ring_put_tx() - write a response, not yet published
 * @ring: the ring, with a request taken and not answered
 * @rsp:  the response
 *
 * Context: owner of the ring.
 */
void xen_netback_ring_put_tx(struct xen_netback_ring *ring,
			     const struct xen_netif_tx_response *rsp)
{
	ring->tx->ring[ring->prod & (ring->size - 1)].rsp = *rsp;
	WRITE_ONCE(ring->prod, ring->prod + 1);
}

/**
 * xen_netback_ring_put_rx() - write a response or extra, not yet published
 * @ring: the ring, with a request taken and not answered
 * @slot: the response
 *
 * Context: owner of the ring.
 */
void xen_netback_ring_put_rx(struct xen_netback_ring *ring,
			     const union xen_netback_rx_slot *slot)
{
	ring->rx->ring[ring->prod & (ring->size - 1)].rsp = slot->rsp;
	WRITE_ONCE(ring->prod, ring->prod + 1);
}

/**
 * xen_netback_ring_push() - publish the responses written so far
 * @ring: the ring
 *
 * Context: owner of the ring.
 * Return: true when the frontend has to be notified.
 */
bool xen_netback_ring_push(struct xen_netback_ring *ring)
{
	u32 old = ring->pushed;

	if (ring->prod == old)
		return false;

	/* Responses before the index that covers them. */
	virt_wmb();
	WRITE_ONCE(ring->tx->rsp_prod, ring->prod);
	ring->pushed = ring->prod;

	/*
	 * The index before the mark: a frontend that raises the mark and then
	 * finds no response must be seen here.
	 */
	virt_mb();
	return xen_netback_must_notify(old, ring->prod,
				       READ_ONCE(ring->tx->rsp_event));
}

/**
 * xen_netback_ring_arm() - ask for an event
 * @ring: the ring
 * @n:    number of pending requests that is worth an event, at least 1
 *
 * Ends in a full barrier, so a look at the producer afterwards finds every
 * request for which no event will come.
 *
 * Context: owner of the ring, or anybody while the owner is stopped.
 */
void xen_netback_ring_arm(struct xen_netback_ring *ring, u32 n)
{
	WRITE_ONCE(ring->tx->req_event, READ_ONCE(ring->cons) + n);
	/* The mark before the producer; pairs with the push in the peer. */
	virt_mb();
}
