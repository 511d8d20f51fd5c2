// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen block backend: from ring to disk and back.
 *
 * All work of a queue is done by its work item, which the interrupt handler and
 * bio completion queue.  A run takes a bounded batch of requests through fixed
 * stages, so that each stage costs one hypercall or one call into the block
 * layer for the whole batch:
 *
 *   finish    answer requests whose bios are done; one copy for all reads
 *   take      copy requests out of the ring and judge them; one copy for all
 *             indirect descriptors
 *   load      hand out pages; one copy for all data to be written
 *   push      show the frontend all responses; at most one notification
 *   submit    all bios under one plug
 */

#include <linux/blkdev.h>
#include <linux/slab.h>

#include <xen/events.h>

#include "blkback.h"
#include "trace.h"

static struct xen_blkback_slot *slot_get(struct xen_blkback_queue *q)
{
	struct xen_blkback_slot *slot;

	slot = list_first_entry_or_null(&q->free, struct xen_blkback_slot, list);
	if (slot)
		list_del(&slot->list);
	return slot;
}

static void slot_put(struct xen_blkback_queue *q, struct xen_blkback_slot *slot)
{
	xen_blkback_pool_put(&q->pool, slot);
	list_add(&slot->list, &q->free);
}

/* The one place where a request ends: one response for each slot taken. */
static void respond(struct xen_blkback_queue *q, struct xen_blkback_slot *slot,
		    s16 status)
{
	trace_xen_blkback_response(q, &slot->req, status);
	if (status != XEN_BLKIF_STATUS_OKAY)
		xen_blkback_count(q, XEN_BLKBACK_STAT_ERRORS, 1);
	if (!READ_ONCE(q->conn->stopping))
		xen_blkback_ring_respond(&q->ring, slot->req.id, slot->req.op,
					 status);
	slot_put(q, slot);
}

static void refuse(struct xen_blkback_queue *q, struct xen_blkback_slot *slot,
		   enum xen_blkif_verdict verdict)
{
	trace_xen_blkback_request(q, &slot->req, verdict);
	respond(q, slot, xen_blkif_verdict_status(verdict));
}

static void push(struct xen_blkback_queue *q)
{
	u32 nr = q->ring.rsp_prod - q->ring.rsp_pushed;
	bool notify;

	if (!nr || READ_ONCE(q->conn->stopping))
		return;

	notify = xen_blkback_ring_push(&q->ring);
	trace_xen_blkback_push(q, nr, notify);
	if (notify) {
		notify_remote_via_irq(q->irq);
		xen_blkback_count(q, XEN_BLKBACK_STAT_NOTIFIES, 1);
	}
}

/* Any context.  The slot belongs to the queue's work item again. */
static void bio_done(struct bio *bio)
{
	struct xen_blkback_slot *slot = bio->bi_private;
	struct xen_blkback_queue *q = slot->queue;

	/*
	 * Once the slot is on the list, the work item may drop the last
	 * reference to the connection; RCU keeps the queue until we are done.
	 */
	rcu_read_lock();
	if (llist_add(&slot->done, &q->done) && !READ_ONCE(q->running))
		xen_blkback_wake(q);
	rcu_read_unlock();
}

/* Stage "finish", for bios that are done.  Returns how many. */
static u32 finish(struct xen_blkback_queue *q)
{
	struct llist_node *list = llist_reverse_order(llist_del_all(&q->done));
	struct xen_blkback_slot *slot, *next;
	bool stopping = READ_ONCE(q->conn->stopping);
	u32 nr = 0;

	llist_for_each_entry(slot, list, done) {
		if (slot->bio.bi_status == BLK_STS_NOTSUPP)
			slot->status = XEN_BLKIF_STATUS_EOPNOTSUPP;
		else if (slot->bio.bi_status)
			slot->status = XEN_BLKIF_STATUS_ERROR;
		else if (slot->req.op == XEN_BLKIF_OP_READ && !stopping)
			xen_blkback_copy_data(q, slot, true);
		bio_uninit(&slot->bio);
	}
	xen_blkback_copy_flush(q);

	llist_for_each_entry_safe(slot, next, list, done) {
		respond(q, slot, slot->status);
		nr++;
	}

	/* The caller runs in the work item, which outlives the last put. */
	while (list) {
		list = list->next;
		xen_blkback_conn_put(q->conn);
	}
	return nr;
}

/* Copy up to a batch of requests out of the ring. */
static void take_slots(struct xen_blkback_queue *q, u32 pending,
		       const struct xen_blkif_limits *lim,
		       struct list_head *batch)
{
	u32 raw[XEN_BLKIF_MAX_SLOT_SIZE / sizeof(u32)];
	struct xen_blkback_slot *slot;
	enum xen_blkif_verdict verdict;
	u32 nr = min_t(u32, pending, XEN_BLKBACK_BATCH);

	while (nr--) {
		slot = slot_get(q);
		if (!slot) {
			xen_blkback_count(q, XEN_BLKBACK_STAT_OO_REQ, 1);
			return;
		}
		xen_blkback_ring_take(&q->ring, raw);
		q->taken++;
		slot->status = XEN_BLKIF_STATUS_OKAY;
		xen_blkif_decode(q->ring.layout, raw, &slot->req, slot->segs);
		verdict = xen_blkif_check_req(&slot->req, lim);
		if (verdict == XEN_BLKIF_OK)
			list_add_tail(&slot->list, batch);
		else
			refuse(q, slot, verdict);
	}
}

/* Fetch the descriptors of all indirect requests with one copy. */
static void take_descs(struct xen_blkback_queue *q, struct list_head *batch)
{
	struct xen_blkback_slot *slot;
	unsigned int pos = 0;

	list_for_each_entry(slot, batch, list)
		if (slot->req.indirect)
			xen_blkback_copy_desc(q, slot, pos++);
	if (!pos)
		return;
	xen_blkback_copy_flush(q);

	pos = 0;
	list_for_each_entry(slot, batch, list) {
		u32 off = pos * XEN_BLKBACK_DESC_BYTES;

		if (!slot->req.indirect)
			continue;
		pos++;
		xen_blkif_decode_segs(page_address(q->desc[off / PAGE_SIZE]) +
				      off % PAGE_SIZE,
				      slot->req.nr_segs, slot->segs);
	}
}

static void check_segs(struct xen_blkback_queue *q,
		       const struct xen_blkif_limits *lim,
		       struct list_head *batch)
{
	struct xen_blkback_slot *slot, *next;
	enum xen_blkif_verdict verdict;

	list_for_each_entry_safe(slot, next, batch, list) {
		/* The descriptors could not be fetched. */
		if (slot->status != XEN_BLKIF_STATUS_OKAY) {
			list_del(&slot->list);
			respond(q, slot, slot->status);
			continue;
		}
		verdict = xen_blkif_check_segs(&slot->req, slot->segs, lim);
		if (verdict != XEN_BLKIF_OK) {
			list_del(&slot->list);
			refuse(q, slot, verdict);
		}
	}
}

/* Stage "take".  Valid requests are appended to q->waiting. */
static void take(struct xen_blkback_queue *q, u32 pending)
{
	struct xen_blkif_limits lim;
	LIST_HEAD(batch);

	xen_blkback_limits(q->conn, &lim);
	take_slots(q, pending, &lim, &batch);
	take_descs(q, &batch);
	check_segs(q, &lim, &batch);
	list_splice_tail(&batch, &q->waiting);
}

static void account(struct xen_blkback_queue *q, const struct xen_blkif_req *req)
{
	switch (req->op) {
	case XEN_BLKIF_OP_READ:
		xen_blkback_count(q, XEN_BLKBACK_STAT_RD_REQ, 1);
		xen_blkback_count(q, XEN_BLKBACK_STAT_RD_SECT, req->nr_sectors);
		break;
	case XEN_BLKIF_OP_WRITE:
		xen_blkback_count(q, XEN_BLKBACK_STAT_WR_REQ, 1);
		xen_blkback_count(q, XEN_BLKBACK_STAT_WR_SECT, req->nr_sectors);
		break;
	default:
		xen_blkback_count(q, XEN_BLKBACK_STAT_F_REQ, 1);
		xen_blkback_count(q, XEN_BLKBACK_STAT_WR_SECT, req->nr_sectors);
		break;
	}
	xen_blkback_count(q, XEN_BLKBACK_STAT_SEGMENTS, req->nr_segs);
}

/*
 * Stage "load": in order, as far as pages go.  Loaded requests go to @ready.
 * Returns how many failed and have given their pages back.
 */
static u32 load(struct xen_blkback_queue *q, struct list_head *ready)
{
	struct xen_blkback_slot *slot, *next;
	u32 failed = 0;

	list_for_each_entry_safe(slot, next, &q->waiting, list) {
		if (!xen_blkback_pool_get(&q->pool, slot))
			break;
		trace_xen_blkback_request(q, &slot->req, XEN_BLKIF_OK);
		account(q, &slot->req);
		list_move_tail(&slot->list, ready);
		if (slot->req.op != XEN_BLKIF_OP_READ)
			xen_blkback_copy_data(q, slot, false);
	}
	xen_blkback_copy_flush(q);

	list_for_each_entry_safe(slot, next, ready, list) {
		if (slot->status != XEN_BLKIF_STATUS_OKAY) {
			list_del(&slot->list);
			respond(q, slot, slot->status);
			failed++;
		}
	}
	return failed;
}

static blk_opf_t request_opf(const struct xen_blkif_req *req)
{
	switch (req->op) {
	case XEN_BLKIF_OP_READ:
		return REQ_OP_READ;
	case XEN_BLKIF_OP_WRITE:
		/* The guest has its own page cache and its own writeback. */
		return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
	default:
		return REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH |
		       (req->nr_sectors ? REQ_FUA : 0);
	}
}

static void submit_one(struct xen_blkback_queue *q, struct xen_blkback_slot *slot)
{
	u32 left = slot->req.nr_sectors << XEN_BLKIF_SECTOR_SHIFT;
	struct bio *bio = &slot->bio;
	u32 i;

	bio_init(bio, q->conn->bdev, slot->bvec, slot->nr_pages,
		 request_opf(&slot->req));
	bio->bi_iter.bi_sector = slot->req.nr_sectors ? slot->req.sector : 0;
	bio->bi_private = slot;
	bio->bi_end_io = bio_done;
	for (i = 0; i < slot->nr_pages; i++) {
		u32 len = min_t(u32, left, PAGE_SIZE);

		__bio_add_page(bio, slot->bvec[i].bv_page, len, 0);
		left -= len;
	}
	refcount_inc(&q->conn->refs);
	submit_bio(bio);
}

/* Stage "submit". */
static void submit(struct xen_blkback_queue *q, struct list_head *ready)
{
	struct xen_blkback_slot *slot, *next;
	struct blk_plug plug;

	if (list_empty(ready))
		return;

	blk_start_plug(&plug);
	list_for_each_entry_safe(slot, next, ready, list) {
		list_del(&slot->list);
		submit_one(q, slot);
	}
	blk_finish_plug(&plug);
}

/* Requests that never became bios end here when the connection stops. */
static void drop_waiting(struct xen_blkback_queue *q)
{
	struct xen_blkback_slot *slot, *next;

	list_for_each_entry_safe(slot, next, &q->waiting, list) {
		list_del(&slot->list);
		slot_put(q, slot);
	}
}

/*
 * The ring is empty: ask for an event, look again, and only then let the event
 * through.  Returns true if a request slipped in.
 */
static bool go_idle(struct xen_blkback_queue *q)
{
	xen_blkback_ring_arm(&q->ring);
	if (xen_blkback_ring_pending(&q->ring))
		return true;

	if (xchg(&q->event, false)) {
		/* An event without a request since the last one is spurious. */
		xen_irq_lateeoi(q->irq, q->taken ? 0 : XEN_EOI_FLAG_SPURIOUS);
		xen_blkback_count(q, XEN_BLKBACK_STAT_EVENTS, 1);
		q->taken = 0;
	}
	return false;
}

/* One pass over the queue.  Returns true if there is more to do at once. */
static bool run(struct xen_blkback_queue *q)
{
	LIST_HEAD(ready);
	int pending;
	u32 ended;

	finish(q);

	pending = xen_blkback_ring_pending(&q->ring);
	if (pending < 0) {
		xen_blkback_conn_fault(q->conn);
		return false;
	}
	/* Requests that wait for pages keep their place. */
	if (pending && list_empty(&q->waiting))
		take(q, pending);
	ended = load(q, &ready);
	push(q);
	submit(q, &ready);

	/* Drivers without a queue, a RAM disk for one, are done by now. */
	ended += finish(q);
	push(q);

	/*
	 * No room: the event stays masked and a completion brings us back,
	 * unless the last request in progress has just ended, here or in load().
	 */
	if (!list_empty(&q->waiting) || list_empty(&q->free))
		return ended;

	pending = xen_blkback_ring_pending(&q->ring);
	if (pending)
		return true;
	return go_idle(q);
}

/**
 * xen_blkback_queue_run - work function of a queue
 * @work: the queue's work item
 *
 * Context: process context, never concurrently for one queue.
 */
void xen_blkback_queue_run(struct work_struct *work)
{
	struct xen_blkback_queue *q = container_of(work, struct xen_blkback_queue,
						   work);
	bool again = false;

	WRITE_ONCE(q->running, true);
	xen_blkback_count(q, XEN_BLKBACK_STAT_RUNS, 1);

	if (READ_ONCE(q->conn->stopping)) {
		finish(q);
		drop_waiting(q);
	} else {
		again = run(q);
	}

	WRITE_ONCE(q->running, false);
	/*
	 * Pairs with the full barrier of llist_add() in bio_done(): either that
	 * sees @running clear, or we see its entry.
	 */
	smp_mb();
	if (again || !llist_empty(&q->done))
		xen_blkback_wake(q);
}
