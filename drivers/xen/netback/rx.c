// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: packets that the guest receives.
 *
 * Packets are copied into the pages that the guest posted, in the context of
 * the sender: no queue of our own, no thread.  Copies of several packets are
 * collected while the stack says that more follow, then done in one hypercall
 * and published with one push.
 *
 * When the guest has not posted enough, the netdev queue stops, and the queue
 * discipline above, which is bounded, takes the strain.  If that lasts, the
 * carrier goes off, which empties the discipline and frees the pages that
 * other guests' packets may sit in.
 */
#include <linux/interrupt.h>
#include <linux/moduleparam.h>
#include <linux/skbuff.h>

#include <xen/events.h>
#include <xen/page.h>

#include "netback.h"
#include "trace.h"

static unsigned int rx_stall_timeout = 10000;
module_param(rx_stall_timeout, uint, 0644);
MODULE_PARM_DESC(rx_stall_timeout,
		 "Milliseconds without room in the guest until the carrier goes off");

/* Any packet that the stack can hand us fits into an empty batch. */
static_assert(2 * (65535 / XEN_NETBACK_PAGE) + 2 * (MAX_SKB_FRAGS + 1) <=
	      XEN_NETBACK_RX_OPS);

static struct netdev_queue *queue_txq(const struct xen_netback_queue *queue)
{
	return netdev_get_tx_queue(queue->vif->dev, queue->id);
}

/* Where the next byte goes: a slot, and how much of its page is used. */
struct rx_cursor {
	const struct sk_buff *gso;	/* packet whose extra is still to come */
	u16 first;	/* slot of the packet that has the flags */
	u16 slot;
	u32 pos;	/* bytes of the packet placed so far */
	grant_ref_t gref;
};

static u16 take_slot(struct xen_netback_queue *queue, grant_ref_t *gref,
		     u16 *id)
{
	struct xen_netif_rx_request req;

	xen_netback_ring_take_rx(&queue->rx, &req);
	queue->rx_ready--;
	*gref = req.gref;
	*id = req.id;
	return queue->rxb->nr_slots++;
}

/* The extra takes the slot after the first one, if there is something to say */
static void add_extra(struct xen_netback_queue *queue, struct rx_cursor *cur)
{
	const struct skb_shared_info *shinfo;
	grant_ref_t gref;
	u16 id, slot;
	u8 type;

	if (!cur->gso)
		return;

	shinfo = skb_shinfo(cur->gso);
	type = shinfo->gso_type & SKB_GSO_TCPV4 ? XEN_NETIF_GSO_TYPE_TCPV4 :
						  XEN_NETIF_GSO_TYPE_TCPV6;
	slot = take_slot(queue, &gref, &id);
	queue->rxb->slot[slot] = xen_netback_rx_gso(type, shinfo->gso_size);
	queue->rxb->slot[cur->first].rsp.flags |= XEN_NETRXF_extra_info;
	cur->gso = NULL;
}

static void next_data_slot(struct xen_netback_queue *queue,
			   struct rx_cursor *cur)
{
	union xen_netback_rx_slot *slot = queue->rxb->slot;
	u16 id;

	if (cur->pos) {
		slot[cur->slot].rsp.flags |= XEN_NETRXF_more_data;
		add_extra(queue, cur);
	}
	cur->slot = take_slot(queue, &cur->gref, &id);
	slot[cur->slot] = xen_netback_rx_data(id, 0, 0);
}

/*
 * Name the source of a copy.  A page that another guest granted and that is
 * mapped here is not ours to name by frame: the grant it came by is.
 */
static void fill_source(struct gnttab_copy *op, struct page *page, u32 offset)
{
	struct xen_page_foreign *foreign = xen_page_foreign(page);

	if (foreign) {
		op->source.u.ref = foreign->gref;
		op->source.domid = foreign->domid;
		op->flags |= GNTCOPY_source_gref;
	} else {
		op->source.u.gmfn = xen_page_to_gfn(page) +
				    (offset >> XEN_PAGE_SHIFT);
		op->source.domid = DOMID_SELF;
	}
	op->source.offset = offset & ~XEN_PAGE_MASK;
}

/* Plan the copies of one region, which may span pages. */
static void add_region(struct xen_netback_queue *queue, struct rx_cursor *cur,
		       struct page *page, u32 offset, u32 len)
{
	struct xen_netback_rx_batch *b = queue->rxb;
	struct gnttab_copy *op;
	u32 n;

	for (; len; len -= n, offset += n, cur->pos += n) {
		page += offset >> PAGE_SHIFT;
		offset &= ~PAGE_MASK;

		if (cur->pos % XEN_NETBACK_PAGE == 0)
			next_data_slot(queue, cur);

		n = xen_netback_chunk(len, offset, cur->pos);
		b->slot_of_op[b->nr_ops] = cur->slot;
		op = &b->op[b->nr_ops++];
		op->flags = GNTCOPY_dest_gref;
		fill_source(op, page, offset);
		op->dest.u.ref = cur->gref;
		op->dest.domid = queue->vif->domid;
		op->dest.offset = cur->pos % XEN_NETBACK_PAGE;
		op->len = n;
		b->slot[cur->slot].rsp.status += n;
	}
}

static u16 checksum_flags(const struct sk_buff *skb)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		return XEN_NETRXF_csum_blank | XEN_NETRXF_data_validated;
	if (skb->ip_summed == CHECKSUM_UNNECESSARY)
		return XEN_NETRXF_data_validated;
	return 0;
}

/* Add a packet to the batch; slots and operations have been reserved. */
static void add_packet(struct xen_netback_queue *queue, struct sk_buff *skb)
{
	struct xen_netback_rx_batch *b = queue->rxb;
	struct rx_cursor cur = {
		.gso = skb_is_gso(skb) ? skb : NULL,
		.first = b->nr_slots,
	};
	const skb_frag_t *frag;
	u32 i;

	add_region(queue, &cur, virt_to_page(skb->data),
		   offset_in_page(skb->data), skb_headlen(skb));
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		frag = &skb_shinfo(skb)->frags[i];
		add_region(queue, &cur, skb_frag_page(frag),
			   skb_frag_off(frag), skb_frag_size(frag));
	}
	add_extra(queue, &cur);

	b->slot[cur.first].rsp.flags |= checksum_flags(skb);
	b->bytes += skb->len;
	__skb_queue_tail(&b->skbs, skb);
}

/* Do the copies, publish the slots, let go of the packets. */
static void flush(struct xen_netback_queue *queue)
{
	struct xen_netback_rx_batch *b = queue->rxb;
	struct xen_netback_counters *stats = &queue->stats->rx;
	u32 packets = skb_queue_len(&b->skbs);
	u32 i;

	if (!packets)
		return;

	xen_netback_copy(b->op, b->nr_ops);
	for (i = 0; i < b->nr_ops; i++) {
		if (likely(b->op[i].status == GNTST_okay))
			continue;
		b->slot[b->slot_of_op[i]].rsp.status = XEN_NETIF_RSP_ERROR;
		xen_netback_count(stats, XEN_NETBACK_RX_SLOT_ERRORS, 1);
	}

	for (i = 0; i < b->nr_slots; i++)
		xen_netback_ring_put_rx(&queue->rx, &b->slot[i]);
	if (xen_netback_ring_push(&queue->rx)) {
		notify_remote_via_irq(queue->rx_irq);
		xen_netback_count(stats, XEN_NETBACK_RX_NOTIFIES, 1);
	}

	trace_xen_netback_rx_flush(queue->vif->dev, queue->id, packets,
				   b->nr_slots, b->nr_ops);
	netdev_tx_completed_queue(queue_txq(queue), packets, b->bytes);
	xen_netback_count(stats, XEN_NETBACK_RX_PACKETS, packets);
	xen_netback_count(stats, XEN_NETBACK_RX_BYTES, b->bytes);
	xen_netback_count(stats, XEN_NETBACK_RX_HYPERCALLS, 1);
	xen_netback_count(stats, XEN_NETBACK_RX_COPIES, b->nr_ops);

	b->nr_ops = 0;
	b->nr_slots = 0;
	b->bytes = 0;
	while (packets--)
		dev_consume_skb_any(__skb_dequeue(&b->skbs));
}

/* Look whether the guest has posted @need slots. */
static bool slots_ready(struct xen_netback_queue *queue, u32 need)
{
	u32 pending;

	if (queue->rx_ready >= need)
		return true;
	if (!xen_netback_ring_pending(&queue->rx, &pending)) {
		xen_netback_quarantine(queue->vif, XEN_NETBACK_FATAL_INDEX);
		return false;
	}
	queue->rx_ready = pending;
	return pending >= need;
}

/**
 * xen_netback_rx_look() - have the carrier looked at now
 * @vif: a vif with queues
 *
 * Context: any, hard interrupt included.
 */
void xen_netback_rx_look(struct xen_netback_vif *vif)
{
	mod_delayed_work(system_power_efficient_wq, &vif->stall_work, 0);
}

/* The wait for slots is over.  The order matters: a new wait may begin. */
static void resume(struct xen_netback_queue *queue)
{
	WRITE_ONCE(queue->rx_need, 0);
	netif_tx_wake_queue(queue_txq(queue));
	/* Pairs with the one in stalled(): one of the two sees the other. */
	smp_mb();
	if (READ_ONCE(queue->rx_stalled))
		xen_netback_rx_look(queue->vif);
}

/*
 * Wait for the guest to post @need slots.  Stop before asking for the event
 * and look once more after: one of the two sides sees the other.  And stop
 * before showing the need: whoever takes that away, if only by what was true a
 * moment ago, wakes the queue after it was stopped, and so never for nothing.
 */
static bool stop_for_slots(struct xen_netback_queue *queue, u32 need)
{
	struct netdev_queue *txq = queue_txq(queue);

	/* A guest that takes back what it posted does not get more time. */
	if (!queue->rx_waited) {
		queue->rx_waited = true;
		WRITE_ONCE(queue->rx_stopped, jiffies);
	}
	netif_tx_stop_queue(txq);
	/* Whoever sees the need sees since when; pairs with stalled(). */
	smp_store_release(&queue->rx_need, need);
	xen_netback_ring_arm(&queue->rx, need);
	if (slots_ready(queue, need)) {
		/* The event that was just asked for may be on its way. */
		WRITE_ONCE(queue->rx_late, true);
		resume(queue);
		return false;
	}

	xen_netback_count(&queue->stats->rx, XEN_NETBACK_RX_STOPS, 1);
	queue_delayed_work(system_power_efficient_wq, &queue->vif->stall_work,
			   msecs_to_jiffies(READ_ONCE(rx_stall_timeout)));
	return true;
}

/*
 * A packet that has waited above since before a reconnect may have the shape
 * that the frontend before this one asked for.
 */
static bool packet_fits(const struct xen_netback_vif *vif,
			const struct sk_buff *skb)
{
	const struct xen_netback_features *f = &vif->features;
	u32 type = skb_shinfo(skb)->gso_type;

	if (!skb->len || skb->len > XEN_NETIF_MAX_TX_SIZE ||
	    skb_has_frag_list(skb))
		return false;
	if (!f->sg && skb->len > XEN_NETBACK_PAGE)
		return false;
	if (!skb_is_gso(skb))
		return true;
	return type & SKB_GSO_TCPV4 ? f->gso_tcpv4 :
				      type & SKB_GSO_TCPV6 && f->gso_tcpv6;
}

/* Called with the xmit lock of the netdev queue and RCU held. */
static netdev_tx_t queue_xmit(struct xen_netback_queue *queue,
			      struct sk_buff *skb)
{
	struct xen_netback_counters *stats = &queue->stats->rx;
	struct xen_netback_rx_batch *b = queue->rxb;
	bool more = netdev_xmit_more();
	u32 need, ops;

	if (unlikely(!packet_fits(queue->vif, skb))) {
		xen_netback_count(stats, XEN_NETBACK_RX_DROP_SIZE, 1);
		goto drop;
	}

	need = xen_netback_rx_slots(skb->len, skb_is_gso(skb));
	ops = xen_netback_rx_ops_bound(skb->len,
				       skb_shinfo(skb)->nr_frags + 1);
	if (b->nr_ops + ops > XEN_NETBACK_RX_OPS)
		flush(queue);

	if (unlikely(!slots_ready(queue, need))) {
		flush(queue);
		if (xen_netback_state(queue->vif) != XEN_NETBACK_RUNNING)
			goto drop;
		/* A frontend that sends no events would never be woken for. */
		if (!queue->vif->features.rx_notify) {
			xen_netback_count(stats, XEN_NETBACK_RX_DROP_NO_SLOTS,
					  1);
			goto drop;
		}
		if (stop_for_slots(queue, need))
			return NETDEV_TX_BUSY;
	}

	queue->rx_waited = false;
	skb_tx_timestamp(skb);
	add_packet(queue, skb);
	if (__netdev_tx_sent_queue(queue_txq(queue), skb->len, more))
		flush(queue);
	return NETDEV_TX_OK;

drop:
	if (!more)
		flush(queue);
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

/**
 * xen_netback_start_xmit() - send a packet to the guest
 * @skb: the packet
 * @dev: netdev of a vif
 *
 * Context: xmit lock of the netdev queue; interrupts may be off (netpoll).
 * Return: NETDEV_TX_OK, or NETDEV_TX_BUSY after stopping the queue.
 */
netdev_tx_t xen_netback_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct xen_netback_vif *vif = netdev_priv(dev);
	u32 id = skb_get_queue_mapping(skb);
	struct xen_netback_queues *queues;
	netdev_tx_t ret = NETDEV_TX_OK;

	rcu_read_lock();
	queues = rcu_dereference(vif->queues);
	if (likely(queues && id < queues->count &&
		   xen_netback_state(vif) == XEN_NETBACK_RUNNING)) {
		ret = queue_xmit(&queues->queue[id], skb);
	} else {
		if (id < vif->max_queues)
			xen_netback_count(&vif->stats[id].rx,
					  XEN_NETBACK_RX_DROP_DOWN, 1);
		dev_kfree_skb_any(skb);
	}
	rcu_read_unlock();
	return ret;
}

/**
 * xen_netback_rx_event() - the guest may have posted slots
 * @queue: the queue
 *
 * The sender may be at work again on another processor, and then the indices
 * read here do not fit together.  So this only decides to wake the sender,
 * who looks again: it is the one to judge the guest, and to ask for the next
 * event, for which the mark in the ring stays until it is reached.
 *
 * Context: hard interrupt of the queue, or its NAPI poll.
 * Return: true when there was a wait, and it is over.
 */
bool xen_netback_rx_event(struct xen_netback_queue *queue)
{
	u32 need = READ_ONCE(queue->rx_need);
	u32 pending;
	bool valid;

	if (!need || xen_netback_state(queue->vif) != XEN_NETBACK_RUNNING)
		return false;

	valid = xen_netback_ring_pending(&queue->rx, &pending);
	if (valid && pending < need)
		return false;

	resume(queue);
	return valid;
}

/**
 * xen_netback_rx_interrupt() - event from the receive side of the guest
 * @irq:  interrupt
 * @data: the queue
 *
 * Without an end of interrupt the event stays masked; that is what a
 * quarantined vif gets.
 *
 * Context: hard interrupt.
 * Return: IRQ_HANDLED.
 */
irqreturn_t xen_netback_rx_interrupt(int irq, void *data)
{
	struct xen_netback_queue *queue = data;
	bool useful = xen_netback_rx_event(queue);

	if (!useful)
		useful = xchg(&queue->rx_late, false);
	if (xen_netback_state(queue->vif) != XEN_NETBACK_QUARANTINED)
		xen_irq_lateeoi(irq, useful ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

/**
 * xen_netback_interrupt() - event on a channel that both directions share
 * @irq:  interrupt
 * @data: the queue
 *
 * Context: hard interrupt.
 * Return: IRQ_HANDLED.
 */
irqreturn_t xen_netback_interrupt(int irq, void *data)
{
	struct xen_netback_queue *queue = data;

	if (xen_netback_rx_event(queue))
		atomic_or(XEN_NETBACK_EVENT_USEFUL, &queue->events);
	return xen_netback_tx_interrupt(irq, data);
}

/* Has the queue waited for the guest too long?  @again: it still may. */
static bool stalled(struct xen_netback_queue *queue, unsigned long patience,
		    bool *again)
{
	/* Pairs with stop_for_slots(): the time belongs to this need. */
	bool waits = smp_load_acquire(&queue->rx_need) &&
		     netif_tx_queue_stopped(queue_txq(queue));

	if (waits && time_before(jiffies,
				 READ_ONCE(queue->rx_stopped) + patience)) {
		*again = true;
		waits = false;
	}
	WRITE_ONCE(queue->rx_stalled, waits);
	if (!waits)
		return false;

	/* Pairs with resume(): if that missed the mark, we see it is over. */
	smp_mb();
	return READ_ONCE(queue->rx_need) &&
	       netif_tx_queue_stopped(queue_txq(queue));
}

/**
 * xen_netback_rx_stall() - carrier follows whether the guest takes packets
 * @work: stall_work of a vif
 *
 * Context: process.  Teardown cancels the work before it frees queues.
 */
void xen_netback_rx_stall(struct work_struct *work)
{
	struct xen_netback_vif *vif = container_of(work, struct xen_netback_vif,
						   stall_work.work);
	unsigned long patience =
		msecs_to_jiffies(READ_ONCE(rx_stall_timeout));
	struct xen_netback_queues *queues;
	bool any = false, again = false;
	u32 i;

	rcu_read_lock();
	queues = rcu_dereference(vif->queues);
	for (i = 0; queues && i < queues->count; i++)
		any |= stalled(&queues->queue[i], patience, &again);
	if (queues && any && netif_carrier_ok(vif->dev))
		netif_carrier_off(vif->dev);
	else if (queues && !any && !netif_carrier_ok(vif->dev))
		netif_carrier_on(vif->dev);
	rcu_read_unlock();

	if (again)
		queue_delayed_work(system_power_efficient_wq, &vif->stall_work,
				   patience);
}
