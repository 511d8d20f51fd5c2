// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the model catch what it is for?  Each mistake in selftest_bad.c has to
 * end its process, and with the message that names it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

struct trial {
	const char *name;
	void (*code)(struct slot *slot);
	const char *message;	/* NULL: must go through */
	u32 nr;			/* what the guest says in the slot */
};

#define BAD(code, message, ...)	{ #code, bad_##code, message, __VA_ARGS__ }

static const struct trial trials[] = {
	{ "good", good, NULL, 1u << 31 },
	BAD(double_fetch, "model: double fetch at offset 68", 3),
	BAD(partial_fetch, "model: double fetch at offset 64", 3),
	BAD(plain_load, "model: plain load at offset 68", 3),
	BAD(struct_copy, "model: plain load at offset 64", 3),
	BAD(memcpy, "model: plain load at offset 64", 3),
	BAD(next_slot, "model: fetch at offset 76, which nobody", 3),
	BAD(ring_index, "model: access outside of the ring", 340),
	BAD(ring_index, "model: access outside of the ring", 0xffffffff),
	BAD(array_index, "index 12 out of bounds", 12),
	BAD(pointer_index, "stack-buffer-overflow", 12),
	BAD(loop, "model: more steps than allowed", 1u << 31),
	BAD(endless_loop, "model: more steps than allowed", 1),
	BAD(store, "model: store at offset 76", 3),
	BAD(long_store, "model: store at offset 64, 12 bytes", 3),
	BAD(no_read_barrier, "model: slot fetched without a barrier", 3),
	BAD(no_write_barrier, "model: no barrier between responses", 3),
	BAD(shift, "shift exponent 32 is too large", 32),
};

/* The guest has produced one slot and expects a response of 8 bytes. */
static void play(const struct trial *trial)
{
	const u32 slot[3] = { 12, trial->nr, 8 };
	u8 *ring = model_ring(1);

	model_give_u32(RING_REQ_PROD, 1);
	model_give(RING_SLOTS, slot, sizeof(slot));
	model_expect_stores(RING_SLOTS, 8);
	model_steps(1000);
	trial->code((struct slot *)(ring + RING_SLOTS));
}

/* Run in a process of its own; what it says goes to @said. */
static int run(const struct trial *trial, char *said, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[1], 2);
		play(trial);
		_exit(0);
	}
	close(fds[1]);
	while (len < size - 1 && (n = read(fds[0], said + len,
					   size - 1 - len)) > 0)
		len += n;
	said[len] = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	return status;
}

static bool passed(const struct trial *trial)
{
	static char said[65536];
	int status = run(trial, said, sizeof(said));
	bool ok = trial->message ? status && strstr(said, trial->message) :
				   !status && !*said;

	printf("%-4s %-18s %s\n", ok ? "ok" : "FAIL", trial->name,
	       trial->message ? trial->message : "nothing to say");
	if (!ok)
		printf("status %#x, and it said:\n%s\n", status, said);
	fflush(stdout);
	return ok;
}

int main(void)
{
	u32 i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(trials); i++)
		nr += passed(&trials[i]);
	printf("selftest: %u of %zu\n", nr, ARRAY_SIZE(trials));
	return nr != ARRAY_SIZE(trials);
}
