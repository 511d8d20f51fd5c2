// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: packets that the guest transmits.
 *
 * A NAPI poll takes packets off the ring into private copies, builds a socket
 * buffer and the copy operations for each, runs all copies in one hypercall,
 * answers every slot with one push, and hands the packets to the stack.  After
 * the copy nothing refers to the guest any more, so slots go back at once and
 * never wait for the stack.
 *
 * The first bytes of a packet always go to the linear part, however the guest
 * cut it into slots: drivers below expect to find headers there.
 */
#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <xen/events.h>
#include <xen/page.h>

#include "netback.h"
#include "trace.h"

/* Up to this a packet is copied to the linear part as a whole. */
#define COPYBREAK	256U
/* Of a longer packet this much is linear. */
#define HEAD_LEN	128U

/* Worst case: every source page, both edges of the head, every local page. */
static_assert(XEN_NETBACK_SLOTS_MAX + 2 + 65536 / XEN_NETBACK_PAGE + 1 <=
	      XEN_NETBACK_TX_PKT_OPS);
static_assert(XEN_NETBACK_TX_PKT_OPS < XEN_NETBACK_TX_OPS);
static_assert(65536 / PAGE_SIZE <= MAX_SKB_FRAGS);

/**
 * xen_netback_tx_interrupt() - event from the transmit side of the guest
 * @irq:  interrupt, kept masked until the poll is through
 * @data: the queue
 *
 * While the interface is down the poll does not run; the event then waits,
 * masked, until the interface is up again.
 *
 * Context: hard interrupt.
 * Return: IRQ_HANDLED.
 */
irqreturn_t xen_netback_tx_interrupt(int irq, void *data)
{
	struct xen_netback_queue *queue = data;

	atomic_or(XEN_NETBACK_EVENT_PENDING, &queue->events);
	napi_schedule(&queue->napi);
	return IRQ_HANDLED;
}

/* Where the next bytes of the packet go. */
struct tx_cursor {
	struct sk_buff *skb;
	void *to;
	u32 room;	/* at @to */
	u32 left;	/* of the packet, beyond @room */
	bool dense;	/* fill pages, whatever the slots are like */
};

/*
 * Memory for up to a page of payload.  Small pieces share a page.  Pages are
 * single ones: on PV, neighbours need not be neighbours for a device, and what
 * spans them would have to be bounced when it is sent out.
 */
static struct page *alloc_piece(struct xen_netback_queue *queue, u32 want,
				u32 *offset, u32 *truesize)
{
	u32 size = ALIGN(want, SMP_CACHE_BYTES);
	struct page *page = queue->piece_page;

	if (!page || queue->piece_used + size > PAGE_SIZE) {
		page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
		if (unlikely(!page))
			return NULL;
		if (size > PAGE_SIZE / 2) {
			*offset = 0;
			*truesize = PAGE_SIZE;
			return page;
		}
		if (queue->piece_page)
			put_page(queue->piece_page);
		queue->piece_page = page;
		queue->piece_used = 0;
	}

	get_page(page);
	*offset = queue->piece_used;
	*truesize = size;
	queue->piece_used += size;
	return page;
}

/*
 * The copy goes on in a fresh piece of a page.  A piece per slot takes one
 * copy per slot; only when there are more slots than fragments in a socket
 * buffer do pages have to be filled.
 */
static bool cursor_next_page(struct xen_netback_queue *queue,
			     struct tx_cursor *cur, u32 slot_left)
{
	u32 want = cur->dense ? min_t(u32, cur->left, PAGE_SIZE) : slot_left;
	u32 offset, truesize;
	struct page *page;

	page = alloc_piece(queue, want, &offset, &truesize);
	if (unlikely(!page))
		return false;

	skb_add_rx_frag(cur->skb, skb_shinfo(cur->skb)->nr_frags, page, offset,
			want, truesize);
	cur->to = page_address(page) + offset;
	cur->room = want;
	cur->left -= want;
	return true;
}

static void fill_op(struct xen_netback_queue *queue,
		    const struct xen_netback_tx_frag *from, u32 done,
		    void *to, u32 len)
{
	struct xen_netback_tx_batch *b = queue->txb;
	struct gnttab_copy *op = &b->op[b->nr_ops++];

	op->source.u.ref = from->gref;
	op->source.domid = queue->vif->domid;
	op->source.offset = from->offset + done;
	op->dest.u.gmfn = virt_to_gfn(to);
	op->dest.domid = DOMID_SELF;
	op->dest.offset = xen_offset_in_page(to);
	op->len = len;
	op->flags = GNTCOPY_source_gref;
}

/* Plan the copies of one packet; on failure the batch is as it was. */
static bool plan_copies(struct xen_netback_queue *queue,
			const struct xen_netback_tx_packet *pkt,
			struct tx_cursor *cur)
{
	const struct xen_netback_tx_frag *from;
	u32 nr_ops = queue->txb->nr_ops;
	u32 done, len, i;

	for (i = 0; i < pkt->nr_frags; i++) {
		from = &pkt->frag[i];
		for (done = 0; done < from->size; done += len) {
			len = from->size - done;
			if (!cur->room && !cursor_next_page(queue, cur, len)) {
				queue->txb->nr_ops = nr_ops;
				return false;
			}
			len = min(len, cur->room);
			len = xen_netback_chunk(len, from->offset + done,
						(unsigned long)cur->to);
			fill_op(queue, from, done, cur->to, len);
			cur->to += len;
			cur->room -= len;
		}
	}
	return true;
}

/* Make room for the packet and plan how it gets there. */
static struct sk_buff *build_skb_for(struct xen_netback_queue *queue,
				     const struct xen_netback_tx_packet *pkt)
{
	u32 head = pkt->total <= COPYBREAK ? pkt->total : HEAD_LEN;
	bool head_is_slot = pkt->frag[0].size <= head;
	struct tx_cursor cur;
	struct sk_buff *skb;

	skb = napi_alloc_skb(&queue->napi, COPYBREAK);
	if (unlikely(!skb))
		return NULL;

	cur.skb = skb;
	cur.to = skb_put(skb, head);
	cur.room = head;
	cur.left = pkt->total - head;
	cur.dense = pkt->nr_frags - head_is_slot > MAX_SKB_FRAGS;
	if (unlikely(!plan_copies(queue, pkt, &cur))) {
		dev_kfree_skb_any(skb);
		return NULL;
	}
	return skb;
}

/*
 * Take one packet off the ring.  Whatever comes of it, its slots are in the
 * response list afterwards, once each and in ring order.
 */
static void take_packet(struct xen_netback_queue *queue,
			struct xen_netback_tx_packet *pkt)
{
	struct xen_netback_tx_batch *b = queue->txb;
	struct xen_netback_counters *stats = &queue->stats->tx;
	struct xen_netback_tx_pending *p;
	struct sk_buff *skb = NULL;
	u32 first_op = b->nr_ops;

	if (unlikely(pkt->fault != XEN_NETBACK_OK)) {
		xen_netback_count(stats, XEN_NETBACK_TX_DROP_SHAPE, 1);
	} else {
		skb = build_skb_for(queue, pkt);
		if (unlikely(!skb)) {
			xen_netback_count(stats, XEN_NETBACK_TX_DROP_MEMORY, 1);
			xen_netback_tx_fail(pkt);
		}
	}

	if (likely(skb)) {
		p = &b->pkt[b->nr_skbs++];
		p->skb = skb;
		p->first_op = first_op;
		p->nr_ops = b->nr_ops - first_op;
		p->first_rsp = b->nr_rsps;
		p->nr_rsps = pkt->nr_rsps;
		p->flags = pkt->flags;
		p->gso_size = pkt->gso_size;
		p->gso_type = pkt->gso_type;
	}

	memcpy(&b->rsp[b->nr_rsps], pkt->rsp,
	       pkt->nr_rsps * sizeof(pkt->rsp[0]));
	b->nr_rsps += pkt->nr_rsps;
	b->nr_pkts++;
}

/* Copy slots out of the ring until a packet is complete. */
static enum xen_netback_fault gather(struct xen_netback_queue *queue,
				     u32 *pending)
{
	struct xen_netback_tx_packet *pkt = &queue->txb->scratch;
	enum xen_netback_fault fault;
	union xen_netback_tx_slot slot;
	struct xen_netback_gather g;

	xen_netback_gather_start(&g, pkt);
	while (g.state != XEN_NETBACK_GATHER_DONE) {
		if (unlikely(!*pending))
			return XEN_NETBACK_FATAL_TRUNCATED;
		xen_netback_ring_take_tx(&queue->tx, &slot);
		(*pending)--;
		fault = xen_netback_gather_slot(&g, &slot);
		if (unlikely(fault != XEN_NETBACK_OK))
			return fault;
	}
	return XEN_NETBACK_OK;
}

static bool batch_full(const struct xen_netback_tx_batch *b, int budget)
{
	return b->nr_pkts == budget || b->nr_pkts == ARRAY_SIZE(b->pkt) ||
	       b->nr_ops + XEN_NETBACK_TX_PKT_OPS > XEN_NETBACK_TX_OPS ||
	       b->nr_rsps + XEN_NETBACK_RSPS_MAX > XEN_NETBACK_RING_SLOTS;
}

/* Fill the batch; the producer is read once for all of it. */
static enum xen_netback_fault batch_fill(struct xen_netback_queue *queue,
					 int budget)
{
	struct xen_netback_tx_batch *b = queue->txb;
	enum xen_netback_fault fault;
	u32 pending;

	b->nr_ops = 0;
	b->nr_pkts = 0;
	b->nr_skbs = 0;
	b->nr_rsps = 0;

	if (!xen_netback_ring_pending(&queue->tx, &pending))
		return XEN_NETBACK_FATAL_INDEX;

	while (pending && !batch_full(b, budget)) {
		fault = gather(queue, &pending);
		if (unlikely(fault != XEN_NETBACK_OK))
			return fault;
		take_packet(queue, &b->scratch);
	}
	return XEN_NETBACK_OK;
}

/* Run the copies, and fail the packets of those that went wrong. */
static void batch_copy(struct xen_netback_queue *queue)
{
	struct xen_netback_tx_batch *b = queue->txb;
	struct xen_netback_tx_pending *p;
	u32 i, k;

	if (!b->nr_ops)
		return;

	xen_netback_copy(b->op, b->nr_ops);
	xen_netback_count(&queue->stats->tx, XEN_NETBACK_TX_HYPERCALLS, 1);
	xen_netback_count(&queue->stats->tx, XEN_NETBACK_TX_COPIES, b->nr_ops);

	for (i = 0; i < b->nr_skbs; i++) {
		p = &b->pkt[i];
		for (k = 0; k < p->nr_ops; k++) {
			if (b->op[p->first_op + k].status != GNTST_okay)
				break;
		}
		if (likely(k == p->nr_ops))
			continue;

		dev_kfree_skb_any(p->skb);
		p->skb = NULL;
		xen_netback_count(&queue->stats->tx,
				  XEN_NETBACK_TX_DROP_GRANT, 1);
		for (k = p->first_rsp; k < p->first_rsp + p->nr_rsps; k++) {
			if (b->rsp[k].status == XEN_NETIF_RSP_OKAY)
				b->rsp[k].status = XEN_NETIF_RSP_ERROR;
		}
	}
}

static bool batch_respond(struct xen_netback_queue *queue)
{
	struct xen_netback_tx_batch *b = queue->txb;
	u32 i;

	for (i = 0; i < b->nr_rsps; i++)
		xen_netback_ring_put_tx(&queue->tx, &b->rsp[i]);
	return xen_netback_ring_push(&queue->tx);
}

/*
 * Segmentation as the guest wants it, if the headers bear it out.  They are
 * pulled into the linear part whole, TCP options included.
 */
static bool setup_gso(struct sk_buff *skb,
		      const struct xen_netback_tx_pending *p)
{
	bool v4 = p->gso_type == XEN_NETIF_GSO_TYPE_TCPV4;
	struct skb_shared_info *shinfo;
	u32 thoff, hdrlen, payload;
	const struct tcphdr *tcp;

	if (skb->protocol != (v4 ? htons(ETH_P_IP) : htons(ETH_P_IPV6)))
		return false;
	if (skb->csum_offset != offsetof(struct tcphdr, check))
		return false;

	thoff = skb_checksum_start_offset(skb);
	tcp = (const struct tcphdr *)(skb->data + thoff);
	hdrlen = thoff + tcp->doff * 4;
	if (!pskb_may_pull(skb, hdrlen))
		return false;

	payload = skb->len - hdrlen;
	if (payload <= p->gso_size)
		return true;	/* one segment: nothing to do */

	shinfo = skb_shinfo(skb);
	shinfo->gso_size = p->gso_size;
	shinfo->gso_type = (v4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6) |
			   SKB_GSO_DODGY;
	shinfo->gso_segs = DIV_ROUND_UP(payload, p->gso_size);
	return true;
}

/*
 * Drivers tell the card how long the headers are, as these say it themselves.
 * skb_checksum_setup() has found the transport header by them, and in IPv4 no
 * more than that: it lies behind, or at least it should.
 */
static bool headers_fit(struct sk_buff *skb)
{
	u32 thoff = skb_checksum_start_offset(skb);
	const struct tcphdr *tcp;

	if (skb->protocol == htons(ETH_P_IP) &&
	    (ip_hdr(skb)->version != 4 || thoff < sizeof(struct iphdr)))
		return false;
	if (skb->protocol == htons(ETH_P_IPV6) && ipv6_hdr(skb)->version != 6)
		return false;
	if (skb->csum_offset != offsetof(struct tcphdr, check))
		return true;
	if (!pskb_may_pull(skb, thoff + sizeof(*tcp)))
		return false;
	tcp = (const struct tcphdr *)(skb->data + thoff);
	return tcp->doff >= sizeof(*tcp) / 4;
}

/*
 * Checksums.  skb_checksum_setup() finds the transport header and sets it,
 * wherever something below will need it.
 */
static bool setup_offload(struct sk_buff *skb,
			  const struct xen_netback_tx_pending *p)
{
	bool blank = p->flags & XEN_NETTXF_csum_blank;

	if (!blank && !p->gso_size) {
		if (p->flags & XEN_NETTXF_data_validated)
			skb->ip_summed = CHECKSUM_UNNECESSARY;
		return true;
	}

	/* Segmentation needs a partial checksum, also if the guest forgot. */
	skb->ip_summed = CHECKSUM_PARTIAL;
	if (skb_checksum_setup(skb, !blank) || !headers_fit(skb))
		return false;
	return !p->gso_size || setup_gso(skb, p);
}

static void deliver(struct xen_netback_queue *queue,
		    const struct xen_netback_tx_pending *p)
{
	struct xen_netback_counters *stats = &queue->stats->tx;
	struct sk_buff *skb = p->skb;
	u32 len = skb->len;

	skb->protocol = eth_type_trans(skb, queue->vif->dev);
	skb_reset_network_header(skb);
	if (unlikely(!setup_offload(skb, p))) {
		xen_netback_count(stats, XEN_NETBACK_TX_DROP_OFFLOAD, 1);
		dev_kfree_skb_any(skb);
		return;
	}

	xen_netback_count(stats, XEN_NETBACK_TX_PACKETS, 1);
	xen_netback_count(stats, XEN_NETBACK_TX_BYTES, len);
	skb_record_rx_queue(skb, queue->id);
	napi_gro_receive(&queue->napi, skb);
}

static void batch_deliver(struct xen_netback_queue *queue)
{
	struct xen_netback_tx_batch *b = queue->txb;
	u32 i;

	for (i = 0; i < b->nr_skbs; i++) {
		if (b->pkt[i].skb)
			deliver(queue, &b->pkt[i]);
	}
}

/*
 * The poll is over: let events in again.  A useless event is reported as such
 * so that a guest that sends many is slowed down; but an event that crossed
 * with the last poll is not the guest's fault.
 */
static void end_of_interrupt(struct xen_netback_queue *queue)
{
	int events = atomic_xchg(&queue->events, 0);
	bool useful = events & XEN_NETBACK_EVENT_USEFUL;

	if (useful && events & XEN_NETBACK_EVENT_LATE)
		atomic_or(XEN_NETBACK_EVENT_LATE, &queue->events);
	if (!(events & XEN_NETBACK_EVENT_PENDING))
		return;
	if (events & XEN_NETBACK_EVENT_LATE)
		useful = true;
	xen_irq_lateeoi(queue->tx_irq, useful ? 0 : XEN_EOI_FLAG_SPURIOUS);
}

/* Handle batches until the ring is empty or the budget is used up. */
static int poll_ring(struct xen_netback_queue *queue, int budget)
{
	struct xen_netback_counters *stats = &queue->stats->tx;
	struct xen_netback_tx_batch *b = queue->txb;
	enum xen_netback_fault fault;
	bool notify = false;
	int work = 0;

	while (work < budget) {
		fault = batch_fill(queue, budget - work);
		batch_copy(queue);
		if (b->nr_rsps)
			notify |= batch_respond(queue);
		batch_deliver(queue);
		trace_xen_netback_tx_batch(queue->vif->dev, queue->id,
					   b->nr_pkts, b->nr_rsps, b->nr_ops);
		work += b->nr_pkts;
		if (unlikely(fault != XEN_NETBACK_OK)) {
			xen_netback_quarantine(queue->vif, fault);
			break;
		}
		if (!b->nr_pkts)
			break;
	}

	xen_netback_count(stats, XEN_NETBACK_TX_POLLS, 1);
	if (notify) {
		notify_remote_via_irq(queue->tx_irq);
		xen_netback_count(stats, XEN_NETBACK_TX_NOTIFIES, 1);
	}
	return work;
}

/**
 * xen_netback_tx_poll() - NAPI poll
 * @napi:   of the queue
 * @budget: packets to handle at most, good or bad
 *
 * In a quarantined vif the poll completes without an end of interrupt, which
 * keeps the event masked for good.
 *
 * Context: softirq.
 * Return: @budget while there is more to do, else the packets handled.
 */
int xen_netback_tx_poll(struct napi_struct *napi, int budget)
{
	struct xen_netback_queue *queue =
		container_of(napi, struct xen_netback_queue, napi);
	u32 pending;
	int work;

	/* Called for transmit completions, of which there are none. */
	if (unlikely(!budget))
		return 0;

	if (unlikely(xen_netback_state(queue->vif) ==
		     XEN_NETBACK_QUARANTINED)) {
		napi_complete(napi);
		return 0;
	}

	/*
	 * A shared channel stays masked for as long as the guest keeps this
	 * busy; its other half must not have to wait for that.
	 */
	if (queue->rx_irq == queue->tx_irq && xen_netback_rx_event(queue))
		atomic_or(XEN_NETBACK_EVENT_USEFUL, &queue->events);

	work = poll_ring(queue, budget);
	if (work)
		atomic_or(XEN_NETBACK_EVENT_USEFUL, &queue->events);
	if (work == budget)
		return work;

	/* Arm while the instance is ours: nobody else moves the consumer. */
	xen_netback_ring_arm(&queue->tx, 1);
	if (xen_netback_ring_pending(&queue->tx, &pending) && pending) {
		atomic_or(XEN_NETBACK_EVENT_LATE, &queue->events);
		return budget;
	}

	if (napi_complete_done(napi, work) &&
	    xen_netback_state(queue->vif) != XEN_NETBACK_QUARANTINED)
		end_of_interrupt(queue);
	return work;
}
