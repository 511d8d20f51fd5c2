/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions of selftest_bad.c. */
#ifndef FUZZ_SELFTEST_H
#define FUZZ_SELFTEST_H

#include "model.h"

struct slot;

void bad_double_fetch(struct slot *slot);
void bad_partial_fetch(struct slot *slot);
void bad_plain_load(struct slot *slot);
void bad_struct_copy(struct slot *slot);
void bad_memcpy(struct slot *slot);
void bad_next_slot(struct slot *slot);
void bad_ring_index(struct slot *slot);
void bad_array_index(struct slot *slot);
void bad_pointer_index(struct slot *slot);
void bad_loop(struct slot *slot);
void bad_endless_loop(struct slot *slot);
void bad_store(struct slot *slot);
void bad_long_store(struct slot *slot);
void bad_no_read_barrier(struct slot *slot);
void bad_no_write_barrier(struct slot *slot);
void bad_shift(struct slot *slot);
void good(struct slot *slot);

#endif /* FUZZ_SELFTEST_H */
