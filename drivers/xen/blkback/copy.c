// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen block backend: data pages, and grant copies between them and the guest.
 *
 * Guest pages are never mapped.  Unmapping costs a TLB flush on every processor
 * (PV) or a change of the second-level page tables for each page (PVH); copying
 * costs neither, and many segments of many requests go in one hypercall.
 *
 * A request's data is packed into as few pages as it needs, so the block layer
 * sees full pages whatever the guest's segments look like.
 */

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <asm/xen/hypercall.h>
#include <xen/page.h>

#include "blkback.h"
#include "trace.h"

/* Paged-out guest pages: 1 + 2 + 4 + 8 ms, then the request fails. */
#define EAGAIN_TRIES	4

static_assert(PAGE_SIZE == XEN_PAGE_SIZE);
/* A request's descriptors come from one guest page and stay inside one of ours. */
static_assert(XEN_BLKBACK_MAX_SEGS <= XEN_BLKIF_SEGS_PER_PAGE);
static_assert(XEN_PAGE_SIZE % XEN_BLKBACK_DESC_BYTES == 0);

/**
 * xen_blkback_copy_init - allocate a batch
 * @copy: the batch
 *
 * Return: 0 or -ENOMEM.
 */
int xen_blkback_copy_init(struct xen_blkback_copy *copy)
{
	copy->nr = 0;
	copy->ops = kvcalloc(XEN_BLKBACK_COPY_OPS, sizeof(*copy->ops),
			     GFP_KERNEL);
	copy->owner = kvcalloc(XEN_BLKBACK_COPY_OPS, sizeof(*copy->owner),
			       GFP_KERNEL);
	return copy->ops && copy->owner ? 0 : -ENOMEM;
}

/**
 * xen_blkback_copy_free - free a batch
 * @copy: the batch; may be half initialised
 */
void xen_blkback_copy_free(struct xen_blkback_copy *copy)
{
	kvfree(copy->ops);
	kvfree(copy->owner);
}

static void copy_call(struct xen_blkback_queue *q, struct gnttab_copy *ops,
		      u32 nr)
{
	u32 i;

	/* Whatever the hypervisor does not get to has failed. */
	for (i = 0; i < nr; i++)
		ops[i].status = GNTST_general_error;

	if (HYPERVISOR_grant_table_op(GNTTABOP_copy, ops, nr))
		pr_debug_ratelimited("grant copy of %u ops refused\n", nr);
	xen_blkback_count(q, XEN_BLKBACK_STAT_COPY_CALLS, 1);
}

/* Repeat the ops whose guest page is on its way back into memory. */
static void copy_retry(struct xen_blkback_queue *q)
{
	struct xen_blkback_copy *copy = &q->copy;
	unsigned int try;
	bool again = true;
	u32 i;

	for (try = 0; try < EAGAIN_TRIES && again; try++) {
		again = false;
		for (i = 0; i < copy->nr; i++) {
			if (copy->ops[i].status != GNTST_eagain)
				continue;
			if (!again)
				msleep(1 << try);
			again = true;
			copy_call(q, &copy->ops[i], 1);
		}
	}
}

/**
 * xen_blkback_copy_flush - carry out all copies collected so far
 * @q: the queue
 *
 * A copy that fails sets the status of the request that it belongs to; the
 * others are not affected.
 *
 * Context: the queue's work item; may sleep for a few milliseconds.
 */
void xen_blkback_copy_flush(struct xen_blkback_queue *q)
{
	struct xen_blkback_copy *copy = &q->copy;
	bool eagain = false;
	u32 failed = 0;
	u64 bytes = 0;
	u32 i;

	if (!copy->nr)
		return;

	copy_call(q, copy->ops, copy->nr);
	for (i = 0; i < copy->nr; i++)
		eagain |= copy->ops[i].status == GNTST_eagain;
	if (eagain)
		copy_retry(q);

	for (i = 0; i < copy->nr; i++) {
		if (copy->ops[i].status == GNTST_okay) {
			bytes += copy->ops[i].len;
			continue;
		}
		copy->owner[i]->status = XEN_BLKIF_STATUS_ERROR;
		failed++;
	}
	trace_xen_blkback_copy(q, copy->nr, failed, bytes);
	xen_blkback_count(q, XEN_BLKBACK_STAT_COPY_OPS, copy->nr);
	xen_blkback_count(q, XEN_BLKBACK_STAT_COPY_BYTES, bytes);
	copy->nr = 0;
}

static struct gnttab_copy *copy_next(struct xen_blkback_queue *q,
				     struct xen_blkback_slot *slot)
{
	struct xen_blkback_copy *copy = &q->copy;

	if (copy->nr == XEN_BLKBACK_COPY_OPS)
		xen_blkback_copy_flush(q);
	copy->owner[copy->nr] = slot;
	return &copy->ops[copy->nr++];
}

static void copy_one(struct xen_blkback_queue *q, struct xen_blkback_slot *slot,
		     grant_ref_t gref, u32 gref_off, struct page *page,
		     u32 page_off, u32 len, bool to_guest)
{
	struct gnttab_copy *op = copy_next(q, slot);
	struct gnttab_copy_ptr guest = {
		.u.ref = gref,
		.domid = q->conn->domid,
		.offset = gref_off,
	};
	struct gnttab_copy_ptr own = {
		.u.gmfn = xen_page_to_gfn(page),
		.domid = DOMID_SELF,
		.offset = page_off,
	};

	op->source = to_guest ? own : guest;
	op->dest = to_guest ? guest : own;
	op->flags = to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
	op->len = len;
}

/**
 * xen_blkback_copy_desc - collect the copy of a request's segment descriptors
 * @q: the queue
 * @slot: valid indirect request
 * @pos: its position in the batch, which names its place in @q->desc
 */
void xen_blkback_copy_desc(struct xen_blkback_queue *q,
			   struct xen_blkback_slot *slot, unsigned int pos)
{
	u32 off = pos * XEN_BLKBACK_DESC_BYTES;

	copy_one(q, slot, slot->req.indirect_gref[0], 0,
		 q->desc[off / XEN_PAGE_SIZE], off % XEN_PAGE_SIZE,
		 slot->req.nr_segs * XEN_BLKIF_SEG_SIZE, false);
}

/**
 * xen_blkback_copy_data - collect the copies of a request's data
 * @q: the queue
 * @slot: valid request that holds its pages
 * @to_guest: direction
 */
void xen_blkback_copy_data(struct xen_blkback_queue *q,
			   struct xen_blkback_slot *slot, bool to_guest)
{
	u32 pos = 0;
	u32 i;

	for (i = 0; i < slot->req.nr_segs; i++) {
		const struct xen_blkif_seg *seg = &slot->segs[i];
		u32 off = seg->first << XEN_BLKIF_SECTOR_SHIFT;
		u32 left = xen_blkif_seg_bytes(seg);

		while (left) {
			u32 page_off = pos % PAGE_SIZE;
			u32 len = min_t(u32, left, PAGE_SIZE - page_off);

			copy_one(q, slot, seg->gref, off,
				 slot->bvec[pos / PAGE_SIZE].bv_page, page_off,
				 len, to_guest);
			pos += len;
			off += len;
			left -= len;
		}
	}
}

/**
 * xen_blkback_pool_init - reserve the pages that one request may need
 * @pool: the pool
 * @max: most pages that the pool may ever hold
 *
 * With that reserve a queue always makes progress: either a request is in
 * flight and will give its pages back, or the reserve is there.
 *
 * The pages are zeroed: a disk that claims to have read what it has not shall
 * not make a present of Dom0's memory.
 *
 * Return: 0 or -ENOMEM; undo with xen_blkback_pool_free() in both cases.
 */
int xen_blkback_pool_init(struct xen_blkback_pool *pool, u32 max)
{
	INIT_LIST_HEAD(&pool->free);
	pool->nr_free = 0;
	pool->nr_total = 0;
	pool->max = max_t(u32, max, XEN_BLKBACK_MAX_SEGS);

	while (pool->nr_total < XEN_BLKBACK_MAX_SEGS) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		list_add(&page->lru, &pool->free);
		pool->nr_free++;
		pool->nr_total++;
	}
	return 0;
}

/**
 * xen_blkback_pool_free - give all pages back
 * @pool: the pool; no request holds pages any more
 */
void xen_blkback_pool_free(struct xen_blkback_pool *pool)
{
	struct page *page, *next;

	if (!pool->max)
		return;
	list_for_each_entry_safe(page, next, &pool->free, lru)
		__free_page(page);
}

static bool pool_grow(struct xen_blkback_pool *pool, u32 want)
{
	while (pool->nr_free < want && pool->nr_total < pool->max) {
		/* Never wait for memory: writing it out may need this disk. */
		struct page *page = alloc_page(GFP_NOWAIT | __GFP_NOWARN |
					       __GFP_ZERO);

		if (!page)
			return false;
		list_add(&page->lru, &pool->free);
		pool->nr_free++;
		pool->nr_total++;
	}
	return pool->nr_free >= want;
}

/**
 * xen_blkback_pool_get - give a request the pages for its data
 * @pool: the pool
 * @slot: valid request
 *
 * Return: false if there are not enough pages now.
 */
bool xen_blkback_pool_get(struct xen_blkback_pool *pool,
			  struct xen_blkback_slot *slot)
{
	u32 want = DIV_ROUND_UP(slot->req.nr_sectors, XEN_BLKIF_SECTORS_PER_PAGE);
	u32 i;

	if (!pool_grow(pool, want))
		return false;

	for (i = 0; i < want; i++) {
		struct page *page = list_first_entry(&pool->free, struct page,
						     lru);

		list_del(&page->lru);
		slot->bvec[i].bv_page = page;
	}
	pool->nr_free -= want;
	slot->nr_pages = want;
	return true;
}

/**
 * xen_blkback_pool_put - take a request's pages back
 * @pool: the pool
 * @slot: the request
 */
void xen_blkback_pool_put(struct xen_blkback_pool *pool,
			  struct xen_blkback_slot *slot)
{
	u32 i;

	for (i = 0; i < slot->nr_pages; i++) {
		list_add(&slot->bvec[i].bv_page->lru, &pool->free);
		pool->nr_free++;
	}
	slot->nr_pages = 0;
}
