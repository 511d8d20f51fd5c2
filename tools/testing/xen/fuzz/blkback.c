// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: a block ring from request to response, in every slot layout,
 * through ring.c and protocol.c of the driver.
 *
 * The order of calls is that of request.c.  What the driver makes of a request
 * is held against rules that are written down here once more, from the block
 * protocol and apart from the driver.
 */

#include <stdlib.h>

#include "input.h"
#include <blkback/blkback.h>

#define MAX_PASSES	32
#define MAX_SLOTS	1024
#define BATCH		64

/* Byte offsets of the two layouts. */
struct shape {
	const char *name;
	u32 slot, rsp, id, sector, segs, grefs;
};

static const struct shape x86_32 = { "x86_32-abi", 108, 12, 4, 12, 20, 24 };
static const struct shape x86_64 = { "x86_64-abi", 112, 16, 8, 16, 24, 28 };

/* A request as the guest wrote it. */
struct wish {
	u8 op;
	bool indirect;
	u32 nr_segs;
	u64 id, sector;
};

/* A request whose response is due. */
struct flight {
	u64 id;
	u8 op;
	s16 status;
};

static struct {
	struct input in;
	const struct shape *shape;
	struct xen_blkback_ring ring;
	struct xen_blkif_limits lim;
	u32 slots, cons, rsp, pushed;
	u32 nr_flights;
	struct flight flights[MAX_SLOTS];
} w;

/* No name at all stands for the layout of this machine's compiler. */
static void choose_layout(u8 choice)
{
	static const char * const names[] = {
		"x86_32-abi", "x86_64-abi", "arm-abi", NULL
	};
	enum xen_blkif_abi abi;

	w.shape = choice % 4 ? &x86_64 : &x86_32;
	model_steps(64);
	MUST(!xen_blkif_parse_protocol(names[choice % 4], &abi));
	w.ring.layout = xen_blkif_layout(abi);
	MUST(w.ring.layout);
	MUST(w.ring.layout->slot_size == w.shape->slot);
	MUST(w.ring.layout->rsp_size == w.shape->rsp);
}

static void connect_ring(void)
{
	const struct xen_blkif_layout *layout;
	u32 pages, bytes;

	choose_layout(input_u8(&w.in));
	layout = w.ring.layout;
	pages = 1u << input_u8(&w.in) % 5;
	bytes = pages * 4096;

	model_steps(256);
	xen_blkback_ring_init(&w.ring, model_ring(pages), layout, pages);
	w.slots = w.ring.nr_slots;
	MUST(w.slots && !(w.slots & (w.slots - 1)));
	MUST(RING_SLOTS + w.slots * w.shape->slot <= bytes);
	MUST(RING_SLOTS + 2 * w.slots * w.shape->slot > bytes);
	MUST(w.slots <= MAX_SLOTS);
}

static void choose_limits(void)
{
	u8 flags = input_u8(&w.in);

	w.lim.readonly = flags & 1;
	w.lim.flush = flags & 2;
	w.lim.block_sectors = 1u << (flags >> 2 & 3);
	w.lim.max_segs = input_u16(&w.in);
	w.lim.capacity = input_u64(&w.in);

	/* A ring that has been in use for a while, so that indices wrap. */
	w.cons = input_u32(&w.in);
	w.rsp = w.cons;
	w.pushed = w.cons;
	w.ring.req_cons = w.cons;
	w.ring.rsp_prod = w.cons;
	w.ring.rsp_pushed = w.cons;
	w.nr_flights = 0;
}

static u32 slot_offset(u32 idx)
{
	return RING_SLOTS + idx % w.slots * w.shape->slot;
}

/* The number of requests that wait, or -1 if the producer makes no sense. */
static int look(void)
{
	u32 prod = input_index(&w.in, w.cons);
	u64 behind = (u32)(prod - w.cons);
	int pending;

	model_give_u32(RING_REQ_PROD, prod);
	model_steps(64);
	pending = xen_blkback_ring_pending(&w.ring);
	MUST(model_fetched(RING_REQ_PROD, 4) == 4);
	if (behind + w.nr_flights > w.slots) {
		MUST(pending == -EPROTO);
		return -1;
	}
	MUST(pending == (int)behind);
	return pending;
}

static void read_wish(const u8 *slot, struct wish *wish)
{
	u16 nr;

	memset(wish, 0, sizeof(*wish));
	wish->op = slot[0];
	memcpy(&wish->id, slot + w.shape->id, 8);
	wish->indirect = wish->op == 6;
	if (wish->indirect) {
		wish->op = slot[1];
		memcpy(&nr, slot + 2, 2);
		wish->nr_segs = nr;
	} else {
		wish->nr_segs = slot[1];
	}
	memcpy(&wish->sector, slot + w.shape->sector, 8);
}

/* The copy is what the guest handed over, and nothing was fetched twice. */
static void take_slot(u8 *copy)
{
	u8 slot[XEN_BLKIF_MAX_SLOT_SIZE];
	u32 off = slot_offset(w.cons);

	input_bytes(&w.in, slot, w.shape->slot);
	model_give(off, slot, w.shape->slot);
	model_steps(512);
	xen_blkback_ring_take(&w.ring, copy);
	MUST(w.ring.req_cons == w.cons + 1);
	MUST(model_fetched(off, w.shape->slot) == w.shape->slot);
	MUST(!memcmp(copy, slot, w.shape->slot));
	w.cons++;
}

static bool known_op(u8 op)
{
	return op <= 3 || op == 5 || op == 6;
}

/* The decoder neither loses nor invents anything. */
static void check_decoded(const struct xen_blkif_req *req,
			  const struct wish *wish, const u8 *copy)
{
	bool transfer = wish->indirect || wish->op <= 3;
	u32 i, gref;

	MUST(req->id == wish->id);
	MUST(req->op == wish->op);
	MUST(req->indirect == wish->indirect);
	MUST(!req->nr_sectors);
	if (!transfer)
		return;
	MUST(req->nr_segs == wish->nr_segs);
	MUST(req->sector == wish->sector);
	for (i = 0; i < 8 && wish->indirect; i++) {
		memcpy(&gref, copy + w.shape->grefs + 4 * i, 4);
		MUST(req->indirect_gref[i] == gref);
	}
}

/* May this be executed, as far as the slot alone tells? */
static bool slot_is_good(const struct wish *wish)
{
	u32 max = wish->indirect ? w.lim.max_segs : 11;

	if (max > 4096)
		max = 4096;
	switch (wish->op) {
	case 0:
		return wish->nr_segs >= 1 && wish->nr_segs <= max;
	case 1:
		return !w.lim.readonly && wish->nr_segs >= 1 &&
		       wish->nr_segs <= max;
	case 3:
		return !wish->indirect && !w.lim.readonly && w.lim.flush &&
		       wish->nr_segs <= max;
	}
	return false;
}

/* The rules for what the segments of a good slot say. */
static bool range_is_good(const struct wish *wish, const u8 *desc, u32 *sectors)
{
	u32 mask = w.lim.block_sectors - 1;
	u32 i;

	*sectors = 0;
	for (i = 0; i < wish->nr_segs; i++, desc += 8) {
		if (desc[4] > desc[5] || desc[5] > 7)
			return false;
		*sectors += desc[5] - desc[4] + 1;
	}
	if (!*sectors)
		return true;
	return !(*sectors & mask) && !(wish->sector & mask) &&
	       (u128)wish->sector + *sectors <= w.lim.capacity;
}

/* Segments as decoded are those of the descriptors, and add up. */
static void check_segs(const struct xen_blkif_seg *segs, const u8 *desc, u32 nr)
{
	u32 i, gref;

	for (i = 0; i < nr; i++, desc += 8) {
		memcpy(&gref, desc, 4);
		MUST(segs[i].gref == gref);
		MUST(segs[i].first == desc[4] && segs[i].last == desc[5]);
	}
}

static void check_transfer(const struct xen_blkif_req *req,
			   const struct xen_blkif_seg *segs, u32 sectors)
{
	u64 bytes = 0;
	u32 i, len;

	for (i = 0; i < req->nr_segs; i++) {
		len = xen_blkif_seg_bytes(&segs[i]);
		MUST(len && segs[i].first * 512u + len <= 4096);
		bytes += len;
	}
	MUST(req->nr_sectors == sectors);
	MUST(bytes == (u64)sectors * 512);
	MUST(!sectors || req->sector < w.lim.capacity);
}

static enum xen_blkif_verdict judge_segs(struct xen_blkif_req *req,
					 const struct wish *wish,
					 const struct xen_blkif_seg *segs,
					 const u8 *desc)
{
	enum xen_blkif_verdict verdict;
	u32 sectors;
	bool good = range_is_good(wish, desc, &sectors);

	check_segs(segs, desc, wish->nr_segs);
	model_steps(256 + 64 * wish->nr_segs);
	verdict = xen_blkif_check_segs(req, segs, &w.lim);
	MUST((verdict == XEN_BLKIF_OK) == good);
	model_steps(64 + 16 * wish->nr_segs);
	if (good)
		check_transfer(req, segs, sectors);
	return verdict;
}

/*
 * Descriptors come in pages, of which the driver has a private copy.  Each is
 * as long as it has to be, and not a byte longer.
 */
static enum xen_blkif_verdict judge_indirect(struct xen_blkif_req *req,
					     const struct wish *wish)
{
	struct xen_blkif_seg *segs = malloc(wish->nr_segs * sizeof(*segs));
	u8 *desc = malloc(wish->nr_segs * 8);
	enum xen_blkif_verdict verdict;
	u32 done, n;

	n = xen_blkif_indirect_pages(wish->nr_segs);
	MUST(n == (wish->nr_segs + 511) / 512 && n <= 8);
	input_bytes(&w.in, desc, wish->nr_segs * 8);
	for (done = 0; done < wish->nr_segs; done += n) {
		u8 *page;

		n = wish->nr_segs - done;
		n = n > 512 ? 512 : n;
		page = malloc(n * 8);
		memcpy(page, desc + done * 8, n * 8);
		model_steps(64 + 32 * n);
		xen_blkif_decode_segs(page, n, segs + done);
		free(page);
	}
	verdict = judge_segs(req, wish, segs, desc);
	free(desc);
	free(segs);
	return verdict;
}

static enum xen_blkif_verdict judge(const u8 *copy, struct wish *wish,
				    struct xen_blkif_seg *segs)
{
	enum xen_blkif_verdict verdict;
	struct xen_blkif_req req;

	memset(&req, 0x5a, sizeof(req));
	model_steps(1024);
	xen_blkif_decode(w.ring.layout, copy, &req, segs);
	check_decoded(&req, wish, copy);
	verdict = xen_blkif_check_req(&req, &w.lim);
	MUST(verdict < XEN_BLKIF_NR_VERDICTS);
	MUST((verdict == XEN_BLKIF_OK) == slot_is_good(wish));
	if (verdict != XEN_BLKIF_OK)
		return verdict;
	if (wish->indirect)
		return judge_indirect(&req, wish);
	return judge_segs(&req, wish, segs, copy + w.shape->segs);
}

/* An error has one of two codes, and the frontend can tell the cause. */
static s16 status_of(enum xen_blkif_verdict verdict, const struct wish *wish)
{
	s16 status;

	model_steps(64);
	status = xen_blkif_verdict_status(verdict);
	if (verdict == XEN_BLKIF_OK)
		MUST(status == 0);
	else
		MUST(status == -1 || status == -2);
	if (!wish->indirect && !known_op(wish->op))
		MUST(status == -2);
	return status;
}

static void take_request(void)
{
	struct xen_blkif_seg *segs = malloc(11 * sizeof(*segs));
	u8 *copy = malloc(w.shape->slot);
	enum xen_blkif_verdict verdict;
	struct wish wish;

	take_slot(copy);
	read_wish(copy, &wish);
	verdict = judge(copy, &wish, segs);
	MUST(w.nr_flights < w.slots);
	w.flights[w.nr_flights++] = (struct flight) {
		.id = wish.id,
		.op = wish.op,
		.status = status_of(verdict, &wish),
	};
	free(copy);
	free(segs);
}

/* One response: these bytes and no others, with no stale memory in them. */
static void answer(u32 which)
{
	struct flight f = w.flights[which];
	u8 want[XEN_BLKIF_MAX_RSP_SIZE] = {};
	u8 got[XEN_BLKIF_MAX_RSP_SIZE];
	u32 off = slot_offset(w.rsp);

	w.flights[which] = w.flights[--w.nr_flights];
	memcpy(want, &f.id, 8);
	want[8] = f.op;
	memcpy(want + 10, &f.status, 2);

	model_expect_stores(off, w.shape->rsp);
	model_steps(256);
	xen_blkback_ring_respond(&w.ring, f.id, f.op, f.status);
	model_expect_stores(0, 0);
	model_see(off, got, w.shape->rsp);
	MUST(!memcmp(got, want, w.shape->rsp));
	w.rsp++;
	MUST(w.ring.rsp_prod == w.rsp);
	/* The consumer is ahead of its responses, and by these requests. */
	MUST(w.cons - w.rsp == w.nr_flights);
}

static void push(void)
{
	u32 event = input_index(&w.in, w.rsp);
	u32 ahead = event - w.pushed - 1;	/* 0 for the first response */
	bool notify;

	model_give_u32(RING_RSP_EVENT, event);
	model_expect_stores(RING_RSP_PROD, 4);
	model_steps(64);
	notify = xen_blkback_ring_push(&w.ring);
	model_expect_stores(0, 0);
	MUST(notify == (ahead < w.rsp - w.pushed));
	if (w.rsp != w.pushed)
		MUST(model_see_u32(RING_RSP_PROD) == w.rsp);
	w.pushed = w.rsp;
}

static void arm(void)
{
	model_expect_stores(RING_REQ_EVENT, 4);
	model_steps(64);
	xen_blkback_ring_arm(&w.ring);
	model_expect_stores(0, 0);
	MUST(model_see_u32(RING_REQ_EVENT) == w.cons + 1);
}

/* A run of the queue; false once the frontend has lost its ring. */
static bool pass(void)
{
	int pending = look();
	u8 take = input_u8(&w.in);
	u8 give;

	if (pending < 0)
		return false;
	for (take %= BATCH + 1; take && pending; take--, pending--)
		take_request();

	/* Disks finish in any order. */
	for (give = input_u8(&w.in); (give & 0x7f) && w.nr_flights; give--)
		answer(give & 0x80 ? w.nr_flights - 1 : 0);
	push();
	if (!pending)
		arm();
	return true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 passes;

	w.in = (struct input) { data, size };
	connect_ring();
	choose_limits();
	for (passes = 0; passes < MAX_PASSES && w.in.left; passes++)
		if (!pass())
			break;
	while (w.nr_flights)
		answer(0);
	push();
	MUST(w.pushed == w.cons);
	return 0;
}
