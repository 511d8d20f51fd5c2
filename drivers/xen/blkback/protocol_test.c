// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Xen block protocol: what a frontend writes, in every
 * layout, against what the backend makes of it.
 *
 * The slots are built from byte offsets written down here, apart from those in
 * protocol.c, and for the native layout from the structures of the ABI header.
 */

#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/string.h>

#include <xen/interface/io/blkif.h>

/* The file under test has no state and no exports: compiled in. */
#include "protocol.c"

struct abi_case {
	const char *name;
	enum xen_blkif_abi abi;
	u32 slot_size, rsp_size, slots;
	u32 id, sector, seg0, gref0;	/* byte offsets */
};

static const struct abi_case abi_cases[] = {
	{ "x86_32", XEN_BLKIF_ABI_X86_32, 108, 12, 32, 4, 12, 20, 24 },
	{ "x86_64", XEN_BLKIF_ABI_X86_64, 112, 16, 32, 8, 16, 24, 28 },
};

static void abi_desc(const struct abi_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(abi, abi_cases, abi_desc);

struct fixture {
	const struct abi_case *c;
	const struct xen_blkif_layout *layout;
	struct xen_blkif_limits lim;
	struct xen_blkif_req req;
	struct xen_blkif_seg segs[64];
	u8 slot[XEN_BLKIF_MAX_SLOT_SIZE];
};

static struct fixture *fixture(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->c = test->param_value ? test->param_value : &abi_cases[1];
	f->layout = xen_blkif_layout(f->c->abi);
	f->lim = (struct xen_blkif_limits) {
		.capacity = 1000,
		.block_sectors = 1,
		.max_segs = 64,
		.flush = true,
	};
	return f;
}

static void put(struct fixture *f, u32 off, u64 val, u32 size)
{
	/* The tests run on little-endian machines, as Xen does. */
	memcpy(f->slot + off, &val, size);
}

static void put_seg(struct fixture *f, u32 i, u32 gref, u8 first, u8 last)
{
	put(f, f->c->seg0 + i * 8, gref, 4);
	put(f, f->c->seg0 + i * 8 + 4, first, 1);
	put(f, f->c->seg0 + i * 8 + 5, last, 1);
}

static void put_direct(struct fixture *f, u8 op, u8 nr_segs, u64 sector)
{
	memset(f->slot, 0xee, sizeof(f->slot));
	put(f, 0, op, 1);
	put(f, 1, nr_segs, 1);
	put(f, f->c->id, 0x0123456789abcdefULL, 8);
	put(f, f->c->sector, sector, 8);
}

static void put_indirect(struct fixture *f, u8 inner, u16 nr_segs, u64 sector)
{
	u32 i;

	memset(f->slot, 0xee, sizeof(f->slot));
	put(f, 0, BLKIF_OP_INDIRECT, 1);
	put(f, 1, inner, 1);
	put(f, 2, nr_segs, 2);
	put(f, f->c->id, 0x0123456789abcdefULL, 8);
	put(f, f->c->sector, sector, 8);
	for (i = 0; i < 8; i++)
		put(f, f->c->gref0 + i * 4, 100 + i, 4);
}

static enum xen_blkif_verdict check(struct fixture *f)
{
	xen_blkif_decode(f->layout, f->slot, &f->req, f->segs);
	return xen_blkif_check_req(&f->req, &f->lim);
}

/* A one-segment request of the full way through both checks. */
static enum xen_blkif_verdict transfer(struct fixture *f, u8 op, u64 sector,
				       u8 first, u8 last)
{
	enum xen_blkif_verdict v;

	put_direct(f, op, 1, sector);
	put_seg(f, 0, 7, first, last);
	v = check(f);
	if (v == XEN_BLKIF_OK)
		v = xen_blkif_check_segs(&f->req, f->segs, &f->lim);
	return v;
}

static void layout_geometry(struct kunit *test)
{
	struct fixture *f = fixture(test);

	KUNIT_EXPECT_EQ(test, f->layout->slot_size, f->c->slot_size);
	KUNIT_EXPECT_EQ(test, f->layout->rsp_size, f->c->rsp_size);
	KUNIT_EXPECT_EQ(test, xen_blkif_ring_slots(f->layout, 1), 32u);
	KUNIT_EXPECT_EQ(test, xen_blkif_ring_slots(f->layout, 2), 64u);
	KUNIT_EXPECT_EQ(test, xen_blkif_ring_slots(f->layout, 16), 512u);
	KUNIT_EXPECT_EQ(test, xen_blkif_slot_offset(f->layout, 32, 0), 64u);
	KUNIT_EXPECT_EQ(test, xen_blkif_slot_offset(f->layout, 32, 31),
			64 + 31 * f->c->slot_size);
	KUNIT_EXPECT_EQ(test, xen_blkif_slot_offset(f->layout, 32, 32), 64u);
	KUNIT_EXPECT_EQ(test, xen_blkif_slot_offset(f->layout, 32, U32_MAX),
			64 + 31 * f->c->slot_size);
}

static void layout_out_of_range(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, xen_blkif_layout(XEN_BLKIF_ABI_NR));
	KUNIT_EXPECT_NULL(test, xen_blkif_layout((enum xen_blkif_abi)-1));
}

/* The native layout is the one of the structures in the ABI header. */
static void layout_native(struct kunit *test)
{
	const struct xen_blkif_layout *l =
		xen_blkif_layout(xen_blkif_native_abi());
	struct blkif_request r = { .operation = BLKIF_OP_WRITE };
	struct blkif_request in = { .operation = BLKIF_OP_INDIRECT };
	u8 slot[XEN_BLKIF_MAX_SLOT_SIZE] = {};
	struct xen_blkif_seg segs[XEN_BLKIF_DIRECT_SEGS];
	struct xen_blkif_req req;
	u32 i;

	KUNIT_EXPECT_EQ(test, l->slot_size, sizeof(union blkif_sring_entry));
	KUNIT_EXPECT_EQ(test, l->rsp_size, sizeof(struct blkif_response));

	r.u.rw.nr_segments = 11;
	r.u.rw.id = 42;
	r.u.rw.sector_number = 1ULL << 40;
	for (i = 0; i < 11; i++)
		r.u.rw.seg[i] = (struct blkif_request_segment) {
			.gref = 1000 + i, .first_sect = i % 8, .last_sect = 7,
		};
	memcpy(slot, &r, sizeof(r));
	xen_blkif_decode(l, slot, &req, segs);
	KUNIT_EXPECT_EQ(test, req.op, XEN_BLKIF_OP_WRITE);
	KUNIT_EXPECT_EQ(test, req.id, 42);
	KUNIT_EXPECT_EQ(test, req.sector, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, req.nr_segs, 11);
	for (i = 0; i < 11; i++) {
		KUNIT_EXPECT_EQ(test, segs[i].gref, 1000 + i);
		KUNIT_EXPECT_EQ(test, segs[i].first, i % 8);
		KUNIT_EXPECT_EQ(test, segs[i].last, 7);
	}

	in.u.indirect.indirect_op = BLKIF_OP_READ;
	in.u.indirect.nr_segments = 64;
	in.u.indirect.id = 43;
	in.u.indirect.sector_number = 8;
	in.u.indirect.handle = 0xffff;
	for (i = 0; i < 8; i++)
		in.u.indirect.indirect_grefs[i] = 2000 + i;
	memcpy(slot, &in, sizeof(in));
	xen_blkif_decode(l, slot, &req, segs);
	KUNIT_EXPECT_TRUE(test, req.indirect);
	KUNIT_EXPECT_EQ(test, req.op, XEN_BLKIF_OP_READ);
	KUNIT_EXPECT_EQ(test, req.id, 43);
	KUNIT_EXPECT_EQ(test, req.sector, 8);
	KUNIT_EXPECT_EQ(test, req.nr_segs, 64);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, req.indirect_gref[i], 2000 + i);
}

static void decode_direct_request(struct kunit *test)
{
	static const u8 ops[] = { BLKIF_OP_READ, BLKIF_OP_WRITE,
				  BLKIF_OP_WRITE_BARRIER,
				  BLKIF_OP_FLUSH_DISKCACHE };
	struct fixture *f = fixture(test);
	u32 o, i;

	for (o = 0; o < ARRAY_SIZE(ops); o++) {
		put_direct(f, ops[o], 11, 0xfedcba9876543210ULL);
		for (i = 0; i < 11; i++)
			put_seg(f, i, 0x80000000u + i, i, 0xff - i);
		xen_blkif_decode(f->layout, f->slot, &f->req, f->segs);
		KUNIT_EXPECT_EQ(test, f->req.id, 0x0123456789abcdefULL);
		KUNIT_EXPECT_EQ(test, f->req.sector, 0xfedcba9876543210ULL);
		KUNIT_EXPECT_EQ(test, f->req.op, ops[o]);
		KUNIT_EXPECT_FALSE(test, f->req.indirect);
		KUNIT_EXPECT_EQ(test, f->req.nr_segs, 11);
		for (i = 0; i < 11; i++) {
			KUNIT_EXPECT_EQ(test, f->segs[i].gref, 0x80000000u + i);
			KUNIT_EXPECT_EQ(test, f->segs[i].first, i);
			KUNIT_EXPECT_EQ(test, f->segs[i].last, 0xff - i);
		}
	}
}

static void decode_indirect_request(struct kunit *test)
{
	struct fixture *f = fixture(test);
	u32 i;

	put_indirect(f, BLKIF_OP_WRITE, 0xffff, 5);
	xen_blkif_decode(f->layout, f->slot, &f->req, f->segs);
	KUNIT_EXPECT_TRUE(test, f->req.indirect);
	KUNIT_EXPECT_EQ(test, f->req.op, BLKIF_OP_WRITE);
	KUNIT_EXPECT_EQ(test, f->req.nr_segs, 0xffff);
	KUNIT_EXPECT_EQ(test, f->req.sector, 5);
	KUNIT_EXPECT_EQ(test, f->req.id, 0x0123456789abcdefULL);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, f->req.indirect_gref[i], 100 + i);
}

/* A count beyond the slot is kept for the check, and nothing is overrun. */
static void decode_count_too_large(struct kunit *test)
{
	struct fixture *f = fixture(test);

	put_direct(f, BLKIF_OP_READ, 255, 0);
	memset(f->segs, 0x5a, sizeof(f->segs));
	xen_blkif_decode(f->layout, f->slot, &f->req, f->segs);
	KUNIT_EXPECT_EQ(test, f->req.nr_segs, 255);
	KUNIT_EXPECT_EQ(test, f->segs[10].gref, 0xeeeeeeeeu);
	KUNIT_EXPECT_EQ(test, f->segs[11].gref, 0x5a5a5a5au);
}

/* Every operation byte gives an id to answer to, and a definite verdict. */
static void decode_every_op(struct kunit *test)
{
	struct fixture *f = fixture(test);
	u32 op;

	for (op = 0; op < 256; op++) {
		enum xen_blkif_verdict want = XEN_BLKIF_BAD_OP;
		enum xen_blkif_verdict v;

		put_direct(f, op, 1, 0);
		v = check(f);
		KUNIT_EXPECT_EQ(test, f->req.id, 0x0123456789abcdefULL);
		KUNIT_EXPECT_EQ(test, f->req.op,
				op == BLKIF_OP_INDIRECT ? 1 : op);
		switch (op) {
		case BLKIF_OP_READ:
		case BLKIF_OP_WRITE:
		case BLKIF_OP_FLUSH_DISKCACHE:
			want = XEN_BLKIF_OK;
			break;
		case BLKIF_OP_WRITE_BARRIER:
		case BLKIF_OP_DISCARD:
			want = XEN_BLKIF_UNSUPPORTED;
			break;
		case BLKIF_OP_INDIRECT:
			put(f, 1, BLKIF_OP_DISCARD, 1);
			v = check(f);
			break;
		default:
			break;
		}
		KUNIT_EXPECT_EQ_MSG(test, v, want, "op %u", op);
	}
}

static void indirect_inner_op(struct kunit *test)
{
	struct fixture *f = fixture(test);
	u32 op;

	for (op = 0; op < 256; op++) {
		bool ok = op == BLKIF_OP_READ || op == BLKIF_OP_WRITE;

		put_indirect(f, op, 1, 0);
		KUNIT_EXPECT_EQ_MSG(test, check(f),
				    ok ? XEN_BLKIF_OK : XEN_BLKIF_BAD_OP,
				    "inner op %u", op);
	}
}

static void readonly_refuses(struct kunit *test)
{
	struct fixture *f = fixture(test);

	f->lim.readonly = true;
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 0, 0, 7),
			XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_WRITE, 0, 0, 7),
			XEN_BLKIF_READONLY);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_WRITE_BARRIER, 0, 0, 7),
			XEN_BLKIF_READONLY);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_DISCARD, 0, 0, 7),
			XEN_BLKIF_READONLY);
	/* A flush with data writes; one without has nothing to flush. */
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 7),
			XEN_BLKIF_READONLY);
	put_direct(f, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	KUNIT_EXPECT_EQ(test, check(f), XEN_BLKIF_UNSUPPORTED);
	put_indirect(f, BLKIF_OP_WRITE, 1, 0);
	KUNIT_EXPECT_EQ(test, check(f), XEN_BLKIF_READONLY);
	put_indirect(f, BLKIF_OP_READ, 1, 0);
	KUNIT_EXPECT_EQ(test, check(f), XEN_BLKIF_OK);
}

static void flush_rules(struct kunit *test)
{
	struct fixture *f = fixture(test);

	put_direct(f, BLKIF_OP_FLUSH_DISKCACHE, 0, U64_MAX);
	KUNIT_EXPECT_EQ(test, check(f), XEN_BLKIF_OK);
	/* Without data, the position means nothing. */
	KUNIT_EXPECT_EQ(test, xen_blkif_check_segs(&f->req, f->segs, &f->lim),
			XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, f->req.nr_sectors, 0u);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_FLUSH_DISKCACHE, 999, 0, 1),
			XEN_BLKIF_PAST_END);

	f->lim.flush = false;
	put_direct(f, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	KUNIT_EXPECT_EQ(test, check(f), XEN_BLKIF_UNSUPPORTED);
}

static void segment_counts(struct kunit *test)
{
	static const u8 ops[] = { BLKIF_OP_READ, BLKIF_OP_WRITE };
	struct fixture *f = fixture(test);
	u32 o, n;

	for (o = 0; o < ARRAY_SIZE(ops); o++) {
		for (n = 0; n < 256; n++) {
			put_direct(f, ops[o], n, 0);
			KUNIT_EXPECT_EQ_MSG(test, check(f), n >= 1 && n <= 11 ?
					    XEN_BLKIF_OK :
					    XEN_BLKIF_BAD_NR_SEGS,
					    "%u segments", n);
		}
		for (n = 0; n <= U16_MAX; n++) {
			put_indirect(f, ops[o], n, 0);
			if (check(f) != (n >= 1 && n <= 64 ? XEN_BLKIF_OK :
					 XEN_BLKIF_BAD_NR_SEGS))
				KUNIT_FAIL(test, "%u indirect segments", n);
		}
	}

	/* More than the descriptor pages hold is never valid. */
	f->lim.max_segs = U16_MAX;
	put_indirect(f, BLKIF_OP_READ, 4096, 0);
	KUNIT_EXPECT_EQ(test, check(f), XEN_BLKIF_OK);
	put_indirect(f, BLKIF_OP_READ, 4097, 0);
	KUNIT_EXPECT_EQ(test, check(f), XEN_BLKIF_BAD_NR_SEGS);
}

static void segment_bounds(struct kunit *test)
{
	struct fixture *f = fixture(test);
	u32 first, last;

	for (first = 0; first < 256; first++) {
		for (last = 0; last < 256; last++) {
			bool ok = first <= last && last <= 7;

			if (transfer(f, BLKIF_OP_READ, 0, first, last) !=
			    (ok ? XEN_BLKIF_OK : XEN_BLKIF_BAD_SEG))
				KUNIT_FAIL(test, "sectors %u to %u", first, last);
			if (ok && f->req.nr_sectors != last - first + 1)
				KUNIT_FAIL(test, "length of %u to %u", first,
					   last);
		}
	}
}

/* The bad one is found wherever it stands. */
static void segment_bad_position(struct kunit *test)
{
	struct fixture *f = fixture(test);
	u32 bad, i;

	for (bad = 0; bad < 64; bad++) {
		u8 page[64 * 8] = {};

		for (i = 0; i < 64; i++)
			page[i * 8 + 5] = 7;
		page[bad * 8 + 5] = 8;
		put_indirect(f, BLKIF_OP_READ, 64, 0);
		KUNIT_ASSERT_EQ(test, check(f), XEN_BLKIF_OK);
		xen_blkif_decode_segs(page, 64, f->segs);
		KUNIT_EXPECT_EQ(test, xen_blkif_check_segs(&f->req, f->segs,
							   &f->lim),
				XEN_BLKIF_BAD_SEG);
		page[bad * 8 + 5] = 7;
		xen_blkif_decode_segs(page, 64, f->segs);
		KUNIT_EXPECT_EQ(test, xen_blkif_check_segs(&f->req, f->segs,
							   &f->lim),
				XEN_BLKIF_OK);
		KUNIT_EXPECT_EQ(test, f->req.nr_sectors, 512u);
	}
}

static void capacity(struct kunit *test)
{
	struct fixture *f = fixture(test);

	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 999, 0, 0),
			XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 992, 0, 7),
			XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 993, 0, 7),
			XEN_BLKIF_PAST_END);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 1000, 0, 0),
			XEN_BLKIF_PAST_END);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, U64_MAX, 0, 0),
			XEN_BLKIF_PAST_END);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, U64_MAX - 7, 0, 7),
			XEN_BLKIF_PAST_END);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_WRITE, 1ULL << 63, 0, 7),
			XEN_BLKIF_PAST_END);

	f->lim.capacity = 4;
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 0, 0, 7),
			XEN_BLKIF_PAST_END);
	f->lim.capacity = 0;
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 0, 0, 0),
			XEN_BLKIF_PAST_END);
	f->lim.capacity = U64_MAX;
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, U64_MAX - 8, 0, 7),
			XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, U64_MAX - 7, 0, 7),
			XEN_BLKIF_PAST_END);
}

static void block_size(struct kunit *test)
{
	struct fixture *f = fixture(test);

	f->lim.block_sectors = 8;
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 8, 0, 7),
			XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 8, 0, 0),
			XEN_BLKIF_MISALIGNED);
	KUNIT_EXPECT_EQ(test, transfer(f, BLKIF_OP_READ, 9, 0, 7),
			XEN_BLKIF_MISALIGNED);

	/* Two halves of a block make a whole one. */
	put_direct(f, BLKIF_OP_WRITE, 2, 16);
	put_seg(f, 0, 1, 4, 7);
	put_seg(f, 1, 2, 0, 3);
	KUNIT_ASSERT_EQ(test, check(f), XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, xen_blkif_check_segs(&f->req, f->segs, &f->lim),
			XEN_BLKIF_OK);
	KUNIT_EXPECT_EQ(test, f->req.nr_sectors, 8u);
}

static void seg_lengths(struct kunit *test)
{
	struct xen_blkif_seg s = { .first = 0, .last = 7 };

	KUNIT_EXPECT_EQ(test, xen_blkif_seg_bytes(&s), 4096u);
	s.first = 7;
	KUNIT_EXPECT_EQ(test, xen_blkif_seg_bytes(&s), 512u);
	KUNIT_EXPECT_EQ(test, xen_blkif_indirect_pages(1), 1u);
	KUNIT_EXPECT_EQ(test, xen_blkif_indirect_pages(512), 1u);
	KUNIT_EXPECT_EQ(test, xen_blkif_indirect_pages(513), 2u);
	KUNIT_EXPECT_EQ(test, xen_blkif_indirect_pages(4096), 8u);
}

/* Nothing but id, operation and status leaves; the rest is zero. */
static void response(struct kunit *test)
{
	struct fixture *f = fixture(test);
	u8 want[XEN_BLKIF_MAX_RSP_SIZE + 4];
	u8 got[XEN_BLKIF_MAX_RSP_SIZE + 4];
	u64 id = 0x1122334455667788ULL;
	s16 status = -2;

	memset(got, 0xaa, sizeof(got));
	memset(want, 0xaa, sizeof(want));
	memset(want, 0, f->c->rsp_size);
	memcpy(want, &id, 8);
	want[8] = BLKIF_OP_DISCARD;
	memcpy(want + 10, &status, 2);

	xen_blkif_encode_rsp(f->layout, id, BLKIF_OP_DISCARD,
			     XEN_BLKIF_STATUS_EOPNOTSUPP, got);
	KUNIT_EXPECT_MEMEQ(test, got, want, sizeof(got));
}

static void verdict_status(struct kunit *test)
{
	u32 v;

	KUNIT_EXPECT_EQ(test, xen_blkif_verdict_status(XEN_BLKIF_OK),
			BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, xen_blkif_verdict_status(XEN_BLKIF_UNSUPPORTED),
			BLKIF_RSP_EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, xen_blkif_verdict_status(XEN_BLKIF_BAD_OP),
			BLKIF_RSP_EOPNOTSUPP);
	for (v = XEN_BLKIF_READONLY; v <= XEN_BLKIF_NR_VERDICTS; v++)
		KUNIT_EXPECT_EQ(test, xen_blkif_verdict_status(v),
				BLKIF_RSP_ERROR);
}

struct prod_case {
	u32 prod, cons, rsp;
	bool valid;
};

static void producer_index(struct kunit *test)
{
	static const struct prod_case cases[] = {
		{ 0, 0, 0, true },			/* idle */
		{ 32, 0, 0, true },			/* full */
		{ 33, 0, 0, false },			/* one too many */
		{ 0x80000000, 0, 0, false },
		{ U32_MAX, 0, 0, false },		/* behind us */
		{ 10, 10, 5, true },			/* all taken */
		{ 9, 10, 5, false },			/* taken back */
		{ 5, 10, 5, false },
		{ 4, 10, 5, false },
		{ 37, 10, 5, true },			/* full, 5 taken */
		{ 38, 10, 5, false },
		{ 16, U32_MAX, U32_MAX - 15, true },	/* across the wrap */
		{ 17, U32_MAX, U32_MAX - 15, false },
		{ U32_MAX - 1, U32_MAX, U32_MAX - 15, false },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].valid,
				    xen_blkif_prod_valid(cases[i].prod,
							 cases[i].cons,
							 cases[i].rsp, 32),
				    "case %u", i);
}

static void notification(struct kunit *test)
{
	/* From 5 to 8: responses 5, 6 and 7; events 6 to 8 have been passed. */
	KUNIT_EXPECT_FALSE(test, xen_blkif_need_notify(5, 8, 5));
	KUNIT_EXPECT_TRUE(test, xen_blkif_need_notify(5, 8, 6));
	KUNIT_EXPECT_TRUE(test, xen_blkif_need_notify(5, 8, 8));
	KUNIT_EXPECT_FALSE(test, xen_blkif_need_notify(5, 8, 9));
	KUNIT_EXPECT_FALSE(test, xen_blkif_need_notify(5, 5, 5));
	KUNIT_EXPECT_FALSE(test, xen_blkif_need_notify(5, 5, 6));
	/* Across the wrap. */
	KUNIT_EXPECT_TRUE(test, xen_blkif_need_notify(U32_MAX, 1, 0));
	KUNIT_EXPECT_TRUE(test, xen_blkif_need_notify(U32_MAX, 1, 1));
	KUNIT_EXPECT_FALSE(test, xen_blkif_need_notify(U32_MAX, 1, 2));
	KUNIT_EXPECT_FALSE(test, xen_blkif_need_notify(U32_MAX, 1, U32_MAX));
}

struct number_case {
	const char *s;
	int err;
	u32 val;
};

static void parse_numbers(struct kunit *test)
{
	static const struct number_case cases[] = {
		{ "1", 0, 1 }, { "16", 0, 16 }, { "007", 0, 7 },
		{ "0", -ERANGE }, { "17", -ERANGE },
		{ "4294967296", -ERANGE }, { "18446744073709551617", -ERANGE },
		{ "99999999999999999999999999999999", -ERANGE },
		{ "", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL },
		{ " 1", -EINVAL }, { "1 ", -EINVAL }, { "1 2", -EINVAL },
		{ "0x10", -EINVAL }, { "1\n", -EINVAL }, { "four", -EINVAL },
		{ "1a", -EINVAL }, { "\xff", -EINVAL },
	};
	u32 i, v;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u32 want = 12345;

		if (!cases[i].err)
			want = cases[i].val;
		v = 12345;
		KUNIT_EXPECT_EQ_MSG(test, cases[i].err,
				    xen_blkif_parse_u32(cases[i].s, 1, 16, &v),
				    "\"%s\"", cases[i].s);
		KUNIT_EXPECT_EQ(test, v, want);
	}
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_u32("4294967295", 0, U32_MAX, &v),
			0);
	KUNIT_EXPECT_EQ(test, v, U32_MAX);
}

static void parse_protocols(struct kunit *test)
{
	enum xen_blkif_abi abi = XEN_BLKIF_ABI_NR;

	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol("x86_32-abi", &abi), 0);
	KUNIT_EXPECT_EQ(test, abi, XEN_BLKIF_ABI_X86_32);
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol("x86_64-abi", &abi), 0);
	KUNIT_EXPECT_EQ(test, abi, XEN_BLKIF_ABI_X86_64);
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol("arm-abi", &abi), 0);
	KUNIT_EXPECT_EQ(test, abi, XEN_BLKIF_ABI_X86_64);
	abi = XEN_BLKIF_ABI_NR;
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol(NULL, &abi), 0);
	KUNIT_EXPECT_EQ(test, abi, xen_blkif_native_abi());

	abi = XEN_BLKIF_ABI_NR;
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol("", &abi), -EINVAL);
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol("x86_64-ab", &abi),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol("x86_64-abi ", &abi),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_protocol("powerpc64-abi", &abi),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, abi, XEN_BLKIF_ABI_NR);
}

static void parse_devices(struct kunit *test)
{
	static const char * const bad[] = {
		"", ":", "fe", "fe:", ":10", "fe:10 ", " fe:10", "fe:1g",
		"0xfe:10", "fe:10:1", "-1:0", "1000:0", "0:100000",
		"fe/10", "ffffffffffffffffff:0",
	};
	u32 major, minor, i;

	KUNIT_EXPECT_EQ(test, xen_blkif_parse_device("fe:10", &major, &minor),
			0);
	KUNIT_EXPECT_EQ(test, major, 0xfe);
	KUNIT_EXPECT_EQ(test, minor, 0x10);
	KUNIT_EXPECT_EQ(test, xen_blkif_parse_device("FFF:fffff", &major,
						     &minor), 0);
	KUNIT_EXPECT_EQ(test, major, 0xfff);
	KUNIT_EXPECT_EQ(test, minor, 0xfffff);

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_LT_MSG(test, xen_blkif_parse_device(bad[i], &major,
								 &minor), 0,
				    "\"%s\"", bad[i]);
	KUNIT_EXPECT_EQ(test, major, 0xfff);
}

static struct kunit_case protocol_cases[] = {
	KUNIT_CASE_PARAM(layout_geometry, abi_gen_params),
	KUNIT_CASE(layout_out_of_range),
	KUNIT_CASE(layout_native),
	KUNIT_CASE_PARAM(decode_direct_request, abi_gen_params),
	KUNIT_CASE_PARAM(decode_indirect_request, abi_gen_params),
	KUNIT_CASE_PARAM(decode_count_too_large, abi_gen_params),
	KUNIT_CASE_PARAM(decode_every_op, abi_gen_params),
	KUNIT_CASE_PARAM(indirect_inner_op, abi_gen_params),
	KUNIT_CASE_PARAM(readonly_refuses, abi_gen_params),
	KUNIT_CASE_PARAM(flush_rules, abi_gen_params),
	KUNIT_CASE_PARAM(segment_counts, abi_gen_params),
	KUNIT_CASE_PARAM(segment_bounds, abi_gen_params),
	KUNIT_CASE_PARAM(segment_bad_position, abi_gen_params),
	KUNIT_CASE_PARAM(capacity, abi_gen_params),
	KUNIT_CASE_PARAM(block_size, abi_gen_params),
	KUNIT_CASE(seg_lengths),
	KUNIT_CASE_PARAM(response, abi_gen_params),
	KUNIT_CASE(verdict_status),
	KUNIT_CASE(producer_index),
	KUNIT_CASE(notification),
	KUNIT_CASE(parse_numbers),
	KUNIT_CASE(parse_protocols),
	KUNIT_CASE(parse_devices),
	{}
};

static struct kunit_suite protocol_suite = {
	.name = "xen-blkback-protocol",
	.test_cases = protocol_cases,
};

kunit_test_suite(protocol_suite);

MODULE_DESCRIPTION("KUnit tests of the Xen block protocol");
MODULE_LICENSE("GPL");
