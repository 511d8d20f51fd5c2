// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU plugin that samples where the machine executes, every so many
 * instructions, whatever the time it takes to emulate them.
 *
 *	-plugin FILE,control=FILE,out=FILE,period=N
 *
 * The first word of the control file opens the window (1), closes it (0), or
 * asks for what was seen to be written to the out file and forgotten (2; the
 * plugin answers by 0).  For each place: address, samples, how often it was
 * entered while the window was open, and the bytes there, by which one kernel
 * can be told from another at the same address.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Of qemu-plugin.h, version 1, which Debian does not have as a header. */
typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*tb_callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_callback)(unsigned int vcpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_callback cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  exec_callback cb, int flags,
					  void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

#define BYTES 16
#define BUCKETS 65536

/* A translated block; those seen in the window are all that is ever printed. */
struct place {
	struct place *next;
	uint64_t address, samples, entered;
	unsigned int instructions, length;
	uint8_t bytes[BYTES];
};

static struct place *places[BUCKETS];
static volatile uint32_t *control;
static const char *out;
static uint64_t executed, period = 10000, next_sample;
static bool is_open;

static struct place *place_of(uint64_t address, unsigned int instructions,
			      const uint8_t *bytes, unsigned int length)
{
	struct place **bucket = &places[(address ^ address >> 16) % BUCKETS];
	struct place *p;

	for (p = *bucket; p; p = p->next)
		if (p->address == address && p->instructions == instructions &&
		    !memcmp(p->bytes, bytes, BYTES))
			return p;
	p = calloc(1, sizeof(*p));
	p->address = address;
	p->instructions = instructions;
	p->length = length;
	memcpy(p->bytes, bytes, BYTES);
	p->next = *bucket;
	*bucket = p;
	return p;
}

static void print_place(FILE *file, struct place *p)
{
	unsigned int i;

	fprintf(file, "%llx %llu %llu ", (unsigned long long)p->address,
		(unsigned long long)p->samples,
		(unsigned long long)p->entered);
	for (i = 0; i < p->length; i++)
		fprintf(file, "%02x", p->bytes[i]);
	fputc('\n', file);
	p->samples = 0;
	p->entered = 0;
}

static void write_out(void)
{
	FILE *file = fopen(out, "w");
	struct place *p;
	int i;

	if (!file)
		return;
	for (i = 0; i < BUCKETS; i++)
		for (p = places[i]; p; p = p->next)
			if (p->entered || p->samples)
				print_place(file, p);
	fclose(file);
	*control = 0;
}

static void executes(unsigned int vcpu, void *data)
{
	struct place *p = data;

	(void)vcpu;
	executed += p->instructions;
	p->entered += is_open;
	if (executed < next_sample)
		return;
	next_sample = executed + period;
	is_open = *control == 1;
	if (is_open)
		p->samples++;
	else if (*control == 2)
		write_out();
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb), have = 0, i;
	uint8_t bytes[BYTES] = { 0 };

	(void)id;
	for (i = 0; i < count && have < BYTES; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		size_t size = qemu_plugin_insn_size(insn);

		if (size > BYTES - have)
			size = BYTES - have;
		memcpy(bytes + have, qemu_plugin_insn_data(insn), size);
		have += size;
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executes, 0,
					     place_of(qemu_plugin_tb_vaddr(tb),
						      count, bytes, have));
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
			       int argc, char **argv)
{
	int i, fd;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "control=", 8)) {
			fd = open(argv[i] + 8, O_RDWR);
			control = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_SHARED, fd, 0);
			if (fd < 0 || control == MAP_FAILED)
				return -1;
		} else if (!strncmp(argv[i], "out=", 4)) {
			out = strdup(argv[i] + 4);
		} else if (!strncmp(argv[i], "period=", 7)) {
			period = strtoull(argv[i] + 7, NULL, 0);
		}
	}
	if (!control || !out || !period)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
