// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: what a frontend writes to xenstore, through the parsers of both
 * backends.  A value is as long as it is, so a byte read too many is one of
 * somebody else's.
 */

#include <stdlib.h>

#include "input.h"
#include <blkback/protocol.h>
#include <netback/protocol.h>

#define UNTOUCHED	0xdeadbeefu

static bool digits(const char *s, size_t len, const char *set, u32 base,
		   u64 *val)
{
	const char *at;

	*val = 0;
	if (!len)
		return false;
	for (; len; len--, s++) {
		at = memchr(set, *s, strlen(set));
		if (!at)
			return false;
		/* Large enough is enough: stay where nothing wraps. */
		if (*val <= U32_MAX)
			*val = *val * base + (at - set) % 16;
	}
	return true;
}

/* Plain decimal digits within bounds, nothing else. */
static bool is_number(const char *s, size_t len, u32 min, u32 max, u64 *val)
{
	return digits(s, len, "0123456789", 10, val) && *val >= min &&
	       *val <= max;
}

static void blkback_number(const char *s, size_t len, u32 min, u32 max)
{
	u32 got = UNTOUCHED;
	u64 want;
	bool good = is_number(s, len, min, max, &want);
	int err;

	model_steps(256 + 64 * len);
	err = xen_blkif_parse_u32(s, min, max, &got);
	MUST(!err == good);
	MUST(!err || err == -EINVAL || err == -ERANGE);
	MUST(got == (good ? (u32)want : UNTOUCHED));
}

/* This one is told the length, and refuses more digits than u32 can have. */
static void netback_number(const char *s, size_t len, u32 min, u32 max)
{
	char *exact = malloc(len);
	u32 got = UNTOUCHED;
	u64 want;
	bool good = is_number(s, len, min, max, &want) && len <= 10;
	int err;

	memcpy(exact, s, len);
	model_steps(256 + 64 * len);
	err = xen_netback_parse_u32(exact, len, min, max, &got);
	MUST(!err == good);
	MUST(!err || err == -EINVAL || err == -ERANGE);
	MUST(got == (good ? (u32)want : UNTOUCHED));
	free(exact);
}

static void device(const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef0123456789ABCDEF";
	const char *colon = memchr(s, ':', len);
	u32 major = UNTOUCHED, minor = UNTOUCHED;
	u64 ma = 0, mi = 0;
	bool good;
	int err;

	good = colon && digits(s, colon - s, hex, 16, &ma) &&
	       digits(colon + 1, s + len - colon - 1, hex, 16, &mi) &&
	       ma <= 0xfff && mi <= 0xfffff;
	model_steps(256 + 64 * len);
	err = xen_blkif_parse_device(s, &major, &minor);
	MUST(!err == good);
	MUST(major == (good ? (u32)ma : UNTOUCHED));
	MUST(minor == (good ? (u32)mi : UNTOUCHED));
}

static void protocol(const char *s)
{
	enum xen_blkif_abi abi = XEN_BLKIF_ABI_NR;
	int err;

	model_steps(256);
	err = xen_blkif_parse_protocol(s, &abi);
	if (!strcmp(s, "x86_32-abi"))
		MUST(!err && abi == XEN_BLKIF_ABI_X86_32);
	else if (!strcmp(s, "x86_64-abi") || !strcmp(s, "arm-abi"))
		MUST(!err && abi == XEN_BLKIF_ABI_X86_64);
	else
		MUST(err == -EINVAL && abi == XEN_BLKIF_ABI_NR);
}

/* Numbers that come from elsewhere and index tables. */
static void tables(u32 val)
{
	const struct xen_blkif_layout *layout;

	model_steps(256);
	MUST(xen_netback_fault_name(val));
	layout = xen_blkif_layout(val);
	MUST(!layout == (val >= 2));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	u32 min = input_u32(&in), max = input_u32(&in);
	size_t len = in.left;
	char *s = malloc(len + 1);

	input_bytes(&in, s, len);
	s[len] = 0;
	netback_number(s, len, min, max);
	/* The others read a string: up to the first zero byte. */
	len = strlen(s);
	s = realloc(s, len + 1);
	blkback_number(s, len, min, max);
	device(s, len);
	protocol(s);
	tables(min);
	free(s);
	return 0;
}
