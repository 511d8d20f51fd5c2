// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block frontend that breaks the rules.
 *
 *	hostile-vbd DEVICE MISDEED...
 *
 * DEVICE is the number of a vbd whose driver is unbound (51728: xvdb).
 * All misdeeds use one connection; "producer" costs it and so comes last.
 * For each misdeed prints what the backend answered, and what it answered to
 * a correct request afterwards; last the backend's state.
 */
#include "xendev.h"

#define OP_READ 0
#define OP_WRITE 1
#define MAX_SEGMENTS 11
#define RING_SIZE 32

struct segment {
	uint32_t gref;
	uint8_t first, last;
	uint16_t pad;
};

struct request {
	uint8_t operation, nr_segments;
	uint16_t handle;
	uint32_t pad;
	uint64_t id, sector;
	struct segment segment[MAX_SEGMENTS];
};

struct response {
	uint64_t id;
	uint8_t operation;
	int16_t status;
};

struct ring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
	union {
		struct request request;
		struct response response;
	} slot[RING_SIZE];
};

struct device {
	char path[64], backend[128];
	volatile struct ring *ring;
	struct channel channel;
	uint32_t data_gref, produced, consumed;
	uint64_t sectors;
	uint64_t next_id;
};

static void connect_device(struct device *d, const char *number)
{
	char path[300];
	uint32_t gref;
	void *data;

	snprintf(d->path, sizeof(d->path), "device/vbd/%s", number);
	fetch_string(d->path, "backend", d->backend, sizeof(d->backend));
	store(d->path, "state", "%d", STATE_INITIALISING);
	if (!backend_reaches(d->backend, STATE_INITWAIT, 20000)) {
		printf("backend never waits for a frontend\n");
		exit(4);
	}
	d->ring = shared_page(&gref);
	memset((void *)d->ring, 0, PAGE);
	d->ring->req_event = d->ring->rsp_event = 1;
	data = shared_page(&d->data_gref);
	memset(data, 0xa5, PAGE);
	d->channel = channel_open();
	store(d->path, "ring-ref", "%u", gref);
	store(d->path, "event-channel", "%u", d->channel.port);
	store(d->path, "protocol", "x86_64-abi");
	store(d->path, "state", "%d", STATE_INITIALISED);
	if (!backend_reaches(d->backend, STATE_CONNECTED, 20000)) {
		printf("backend never connects\n");
		exit(4);
	}
	store(d->path, "state", "%d", STATE_CONNECTED);
	snprintf(path, sizeof(path), "%s/sectors", d->backend);
	d->sectors = fetch(path);
}

/* A correct read of the first page's worth of sectors. */
static struct request *prepare(struct device *d)
{
	struct request *request = (struct request *)
		&d->ring->slot[d->produced % RING_SIZE].request;

	memset(request, 0, sizeof(*request));
	request->operation = OP_READ;
	request->nr_segments = 1;
	request->id = 0x1000 + d->next_id++;
	request->segment[0].gref = d->data_gref;
	request->segment[0].last = 7;
	return request;
}

static void push(struct device *d)
{
	d->produced++;
	__sync_synchronize();
	d->ring->rsp_event = d->consumed + 1;
	d->ring->req_prod = d->produced;
	__sync_synchronize();
	channel_notify(&d->channel);
}

/* Prints the next response; tells its status, or 1 when none comes. */
static int answer(struct device *d, const char *what, int ms)
{
	for (; ms > 0 && d->ring->rsp_prod == d->consumed; ms -= 20)
		pause_ms(20);
	if (d->ring->rsp_prod == d->consumed) {
		printf("%s none\n", what);
		return 1;
	}
	struct response r = *(struct response *)
		&d->ring->slot[d->consumed % RING_SIZE].response;

	d->consumed++;
	printf("%s id %s status %d\n", what,
	       r.id == 0x1000 + d->next_id - 1 ? "ours" : "wrong", r.status);
	return r.status;
}

static void misbehave(struct device *d, const char *misdeed)
{
	struct request *r = prepare(d);

	if (!strcmp(misdeed, "none")) {
		;
	} else if (!strcmp(misdeed, "operation")) {
		r->operation = 77;
	} else if (!strcmp(misdeed, "past-end")) {
		r->sector = d->sectors;
	} else if (!strcmp(misdeed, "across-end")) {
		r->sector = d->sectors - 1;
	} else if (!strcmp(misdeed, "sector-wrap")) {
		r->sector = ~0ull - 3;
	} else if (!strcmp(misdeed, "grant")) {
		r->segment[0].gref = 0xfffffff0;
	} else if (!strcmp(misdeed, "segments")) {
		r->nr_segments = 255;
	} else if (!strcmp(misdeed, "no-segments")) {
		r->nr_segments = 0;
	} else if (!strcmp(misdeed, "segment-order")) {
		r->segment[0].first = 7;
		r->segment[0].last = 0;
	} else if (!strcmp(misdeed, "segment-end")) {
		r->segment[0].last = 8;
	} else if (!strcmp(misdeed, "write")) {
		r->operation = OP_WRITE;
	} else if (!strcmp(misdeed, "producer")) {
		__sync_synchronize();
		d->ring->req_prod = d->produced + 1000;
		__sync_synchronize();
		channel_notify(&d->channel);
		return;
	} else {
		fprintf(stderr, "no such misdeed: %s\n", misdeed);
		exit(2);
	}
	push(d);
}

/* A misdeed, and whether the device still works after it. */
static void one(struct device *d, const char *misdeed)
{
	char path[300];

	misbehave(d, misdeed);
	if (!strcmp(misdeed, "producer")) {
		snprintf(path, sizeof(path), "%s/state", d->backend);
		pause_ms(3000);
		printf("producer: responses %u, backend state %lld\n",
		       d->ring->rsp_prod - d->consumed, fetch(path));
		return;
	}
	printf("%s: ", misdeed);
	answer(d, "response", 20000);
	prepare(d);
	push(d);
	printf("%s: ", misdeed);
	answer(d, "afterwards", 20000);
}

int main(int argc, char **argv)
{
	struct device d = { 0 };
	int i;

	if (argc < 3) {
		fprintf(stderr, "hostile-vbd DEVICE MISDEED...\n");
		return 2;
	}
	connect_device(&d, argv[1]);
	for (i = 2; i < argc; i++)
		one(&d, argv[i]);
	store(d.path, "state", "%d", STATE_CLOSED);
	backend_reaches(d.backend, STATE_CLOSED, 10000);
	return 0;
}
