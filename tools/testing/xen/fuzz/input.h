/* SPDX-License-Identifier: GPL-2.0-only */
/* The fuzzer's bytes as a stream; behind its end everything is zero. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "model.h"

struct input {
	const u8 *pos;
	size_t left;
};

static inline void input_bytes(struct input *in, void *to, size_t len)
{
	size_t have = len < in->left ? len : in->left;

	memset(to, 0, len);
	if (have)
		memcpy(to, in->pos, have);
	in->pos += have;
	in->left -= have;
}

#define INPUT(type)						\
	static inline type input_##type(struct input *in)	\
	{							\
		type val;					\
								\
		input_bytes(in, &val, sizeof(val));		\
		return val;					\
	}

INPUT(u8)
INPUT(u16)
INPUT(u32)
INPUT(u64)

/* Any index, most often one close to @base: one byte says how far. */
static inline u32 input_index(struct input *in, u32 base)
{
	u8 code = input_u8(in);

	if (code == 0x80)
		return input_u32(in);
	if (code == 0x7f)
		return base + input_u16(in);
	return base + (u32)(int8_t)code;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif /* FUZZ_INPUT_H */
