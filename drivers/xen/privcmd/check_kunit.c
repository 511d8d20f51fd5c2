// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of the range checks and encodings in check.c. */

#include <kunit/test.h>

#include <linux/limits.h>
#include <linux/sizes.h>

#include <asm/page.h>

#include <xen/privcmd.h>

#include "check.h"

#define START	0x7f0000000000ULL
#define END	(START + 16 * PAGE_SIZE)

struct range_case {
	const char *name;
	u64 addr, nr;
	bool whole;
	int ret;
	unsigned long first;
};

static const struct range_case range_cases[] = {
	{ "all of it", START, 16, true, 0, 0 },
	{ "all of it, part allowed", START, 16, false, 0, 0 },
	{ "first page", START, 1, false, 0, 0 },
	{ "last page", END - PAGE_SIZE, 1, false, 0, 15 },
	{ "part where all is wanted", START, 15, true, -EINVAL },
	{ "tail where all is wanted", START + PAGE_SIZE, 15, true, -EINVAL },
	{ "nothing", START, 0, false, -EINVAL },
	{ "nothing at the end", END, 0, false, -EINVAL },
	{ "one page too many", START, 17, false, -EINVAL },
	{ "behind the end", END, 1, false, -EINVAL },
	{ "before the start", START - PAGE_SIZE, 2, false, -EINVAL },
	{ "not aligned", START + 8, 1, false, -EINVAL },
	{ "size wraps to 0", START, 1ULL << 52, false, -EINVAL },
	{ "size wraps to one page", START, (1ULL << 52) + 1, false, -EINVAL },
	{ "end wraps", START, (U64_MAX - START) / PAGE_SIZE + 2, false, -EINVAL },
	{ "largest count", START, U64_MAX, false, -EINVAL },
	{ "largest address", U64_MAX & PAGE_MASK, 1, false, -EINVAL },
};

static void range_test(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	struct pc_range range = { .first = 99, .nr = 99 };

	KUNIT_ASSERT_EQ(test, c->ret,
			pc_check_range(START, END, c->addr, c->nr, c->whole,
				       &range));
	KUNIT_EXPECT_EQ(test, c->ret ? 99 : c->first, range.first);
	KUNIT_EXPECT_EQ(test, c->ret ? 99 : c->nr, range.nr);
}

static void range_desc(const struct range_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(range, range_cases, range_desc);

static void entries_test(struct kunit *test)
{
	struct privcmd_mmap_entry e[] = {
		{ .va = START, .mfn = 5, .npages = 2 },
		{ .va = START + 2 * PAGE_SIZE, .mfn = 1, .npages = 0 },
		{ .va = START + 2 * PAGE_SIZE, .mfn = 9, .npages = 3 },
	};
	u64 pages = 0;

	KUNIT_EXPECT_EQ(test, 0, pc_check_entries(e, 3, &pages));
	KUNIT_EXPECT_EQ(test, 5ULL, pages);
	KUNIT_EXPECT_EQ(test, 0, pc_check_entries(e, 1, &pages));
	KUNIT_EXPECT_EQ(test, 2ULL, pages);

	e[2].va += PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EINVAL, pc_check_entries(e, 3, &pages));
	e[2].va -= 2 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EINVAL, pc_check_entries(e, 3, &pages));
	e[2].va += PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, 0, pc_check_entries(e, 3, &pages));

	/* Pages that add up to a small number only modulo 2^64 bytes. */
	e[0].npages = (1ULL << 52) + 2;
	KUNIT_EXPECT_EQ(test, -EINVAL, pc_check_entries(e, 3, &pages));
	e[0].npages = U64_MAX / PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EINVAL, pc_check_entries(e, 1, &pages));
}

static void frame_test(struct kunit *test)
{
	const u64 mask = 0x000ffffffffff000ULL;

	KUNIT_EXPECT_TRUE(test, pc_frame_fits(0, mask));
	KUNIT_EXPECT_TRUE(test, pc_frame_fits(0xffffffffffULL, mask));
	KUNIT_EXPECT_FALSE(test, pc_frame_fits(0x10000000000ULL, mask));
	/* Would set the NX bit. */
	KUNIT_EXPECT_FALSE(test, pc_frame_fits(1ULL << 51, mask));
	/* Would be shifted out and leave frame 0. */
	KUNIT_EXPECT_FALSE(test, pc_frame_fits(1ULL << 52, mask));
	KUNIT_EXPECT_FALSE(test, pc_frame_fits(U64_MAX, mask));
}

static void v1_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0x1234ULL, pc_encode_v1(0x1234, 0));
	KUNIT_EXPECT_EQ(test, 0x80001234ULL, pc_encode_v1(0x1234, -ENOENT));
	KUNIT_EXPECT_EQ(test, 0xf0001234ULL, pc_encode_v1(0x1234, -EINVAL));
	KUNIT_EXPECT_EQ(test, 0xf0001234ULL, pc_encode_v1(0x1234, -EPERM));
	/* The mark stays in the low word whatever is above. */
	KUNIT_EXPECT_EQ(test, 0x5f0000001ULL, pc_encode_v1(0x500000001, -ESRCH));
}

static void result_test(struct kunit *test)
{
	static const int good[] = { 0, 0, 0 };
	static const int bad[] = { 0, -EINVAL, 0 };
	static const int paged[] = { 0, 0, -ENOENT };
	struct pc_result res = {};

	KUNIT_EXPECT_EQ(test, 0, pc_result_code(&res));
	pc_result_add(&res, good, ARRAY_SIZE(good));
	KUNIT_EXPECT_FALSE(test, res.failed);
	KUNIT_EXPECT_EQ(test, 0, pc_result_code(&res));

	pc_result_add(&res, bad, ARRAY_SIZE(bad));
	KUNIT_EXPECT_TRUE(test, res.failed);
	KUNIT_EXPECT_EQ(test, 0, pc_result_code(&res));

	/* Only looks at as many as it is told to. */
	pc_result_add(&res, paged, 2);
	KUNIT_EXPECT_EQ(test, 0, pc_result_code(&res));
	pc_result_add(&res, paged, 3);
	KUNIT_EXPECT_EQ(test, -ENOENT, pc_result_code(&res));

	/* Sticks, whatever comes after it. */
	pc_result_add(&res, good, ARRAY_SIZE(good));
	pc_result_add(&res, bad, ARRAY_SIZE(bad));
	KUNIT_EXPECT_EQ(test, -ENOENT, pc_result_code(&res));
}

static void dm_test(struct kunit *test)
{
	struct pc_dm_layout layout = {};
	unsigned int offset, i;

	KUNIT_EXPECT_EQ(test, 0, pc_dm_place(&layout, 5, &offset));
	KUNIT_EXPECT_EQ(test, 0U, offset);
	KUNIT_EXPECT_EQ(test, 0, pc_dm_place(&layout, 0, &offset));
	KUNIT_EXPECT_EQ(test, 8U, offset);
	KUNIT_EXPECT_EQ(test, 0, pc_dm_place(&layout, 8, &offset));
	KUNIT_EXPECT_EQ(test, 8U, offset);
	KUNIT_EXPECT_EQ(test, 16U, layout.size);

	offset = 77;
	KUNIT_EXPECT_EQ(test, -E2BIG,
			pc_dm_place(&layout, PC_DM_MAX_BUF_SIZE + 1, &offset));
	KUNIT_EXPECT_EQ(test, -E2BIG, pc_dm_place(&layout, U64_MAX, &offset));
	KUNIT_EXPECT_EQ(test, -E2BIG,
			pc_dm_place(&layout, 1ULL << 32, &offset));
	KUNIT_EXPECT_EQ(test, 77U, offset);
	KUNIT_EXPECT_EQ(test, 3U, layout.nr);

	for (i = layout.nr; i < PC_DM_MAX_BUFS; i++)
		KUNIT_EXPECT_EQ(test, 0, pc_dm_place(&layout, PC_DM_MAX_BUF_SIZE,
						     &offset));
	KUNIT_EXPECT_EQ(test, -E2BIG, pc_dm_place(&layout, 1, &offset));
	KUNIT_EXPECT_LE(test, layout.size, PC_DM_MAX_BUFS * PC_DM_MAX_BUF_SIZE);
}

static struct kunit_case pc_cases[] = {
	KUNIT_CASE_PARAM(range_test, range_gen_params),
	KUNIT_CASE(entries_test),
	KUNIT_CASE(frame_test),
	KUNIT_CASE(v1_test),
	KUNIT_CASE(result_test),
	KUNIT_CASE(dm_test),
	{}
};

static struct kunit_suite pc_suite = {
	.name = "xen-privcmd",
	.test_cases = pc_cases,
};

kunit_test_suite(pc_suite);
