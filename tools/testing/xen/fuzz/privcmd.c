// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: the checks of what user space hands to privcmd, against the same
 * rules in 128-bit arithmetic, in which nothing wraps.
 */

#include <stdlib.h>

#include "input.h"
#include <xen/privcmd.h>
#include <privcmd/check.h>

#define MAX_ENTRIES	32
#define MAX_BUFS	40

/* Areas are page aligned and below the end of the address space. */
static void range(struct input *in)
{
	u64 start = input_u64(in) >> 17 << 12;
	u64 end = start + ((u64)input_u32(in) << 12);
	u64 addr = start + input_u64(in), nr = input_u64(in);
	bool whole = input_u8(in) & 1;
	struct pc_range got = { 99, 99 };
	u128 behind = (u128)addr + (u128)nr * 4096;
	bool good;
	int err;

	good = nr && !(addr % 4096) && addr >= start && behind <= end;
	if (whole)
		good = good && addr == start && behind == end;
	model_steps(128);
	err = pc_check_range(start, end, addr, nr, whole, &got);
	MUST(err == (good ? 0 : -EINVAL));
	if (good) {
		MUST(got.nr == nr && got.first == (addr - start) / 4096);
		MUST((u128)got.first + got.nr <= (end - start) / 4096);
	}
}

/* One entry begins where the one before ends. */
static bool contiguous(const struct privcmd_mmap_entry *e, u32 n, u128 *pages)
{
	u128 next = e[0].va;
	u32 i;

	*pages = 0;
	for (i = 0; i < n; i++) {
		if (e[i].va != next)
			return false;
		next += (u128)e[i].npages * 4096;
		*pages += e[i].npages;
		if (next > U64_MAX)
			return false;
	}
	return true;
}

static void entries(struct input *in)
{
	u32 i, n = 1 + input_u8(in) % MAX_ENTRIES;
	struct privcmd_mmap_entry *e = malloc(n * sizeof(*e));
	u64 next = input_u64(in), got = 99;
	u128 pages;
	bool good;
	int err;

	for (i = 0; i < n; i++) {
		/* Mostly fitting, or nothing would ever be accepted. */
		e[i].va = next + (u64)(int8_t)input_u8(in) * 4096;
		e[i].npages = input_u8(in) & 1 ? input_u64(in) : input_u16(in);
		e[i].mfn = 0;
		next = e[i].va + e[i].npages * 4096;
	}
	good = contiguous(e, n, &pages);
	model_steps(256 + 64 * n);
	err = pc_check_entries(e, n, &got);
	MUST(err == (good ? 0 : -EINVAL));
	MUST(!good || got == pages);
	free(e);
}

/* A frame that fits comes out of the entry as it went in. */
static void frame(struct input *in)
{
	u64 val = input_u64(in);
	u64 mask = (1ull << (32 + input_u8(in) % 21)) - 4096;
	bool fits = (u128)val * 4096 <= mask;

	model_steps(64);
	MUST(pc_frame_fits(val, mask) == fits);
	MUST(!fits || (((val << 12) & mask) >> 12 == val));
}

/* Errors are marked, and a frame that is paged out is told from the others. */
static void results(struct input *in)
{
	u32 i, n = input_u8(in) % MAX_ENTRIES;
	struct pc_result res = {};
	int *errs = malloc(n * sizeof(*errs));
	bool failed = false, paged = false;
	u64 val = input_u64(in), want;

	for (i = 0; i < n; i++) {
		u8 code = input_u8(in);

		errs[i] = code & 0x80 ? (code & 0x40 ? -ENOENT : -EINVAL) : 0;
		failed |= errs[i] != 0;
		paged |= errs[i] == -ENOENT;
		want = errs[i] ? val | (errs[i] == -ENOENT ? 1ull << 31 :
					15ull << 28) : val;
		model_steps(64);
		MUST(pc_encode_v1(val, errs[i]) == want);
	}
	model_steps(128 + 64 * n);
	pc_result_add(&res, errs, n);
	MUST(res.failed == failed && res.paged == paged);
	MUST(pc_result_code(&res) == (paged ? -ENOENT : 0));
	free(errs);
}

/* Buffers neither overlap nor end behind what the limits add up to. */
static void buffers(struct input *in)
{
	struct pc_dm_layout layout = {};
	u32 i, n = input_u8(in) % MAX_BUFS, placed = 0;
	unsigned int offset;
	u64 size, end = 0;
	bool good;
	int err;

	for (i = 0; i < n; i++) {
		u8 kind = input_u8(in);

		size = kind & 1 ? input_u64(in) : input_u16(in) % 4200;
		good = placed < 16 && size <= 4096;
		model_steps(64);
		err = pc_dm_place(&layout, size, &offset);
		MUST(err == (good ? 0 : -E2BIG));
		if (!good)
			continue;
		MUST(!(offset % 8) && offset >= end && offset < end + 8);
		end = offset + size;
		placed++;
		MUST(layout.nr == placed && layout.size >= end);
		MUST(layout.size <= 16 * 4096);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	static void (* const checks[])(struct input *in) = {
		range, entries, frame, results, buffers
	};
	u32 nr;

	for (nr = 0; nr < 8 && in.left; nr++)
		checks[input_u8(&in) % ARRAY_SIZE(checks)](&in);
	return 0;
}
