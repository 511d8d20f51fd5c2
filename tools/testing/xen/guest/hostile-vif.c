// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network frontend that breaks the rules.
 *
 *	hostile-vif DEVICE MISDEED...
 *
 * DEVICE is the number of a vif whose driver is unbound.  All misdeeds use
 * one connection.  For each prints what became of the bad transmit request,
 * and whether a correct request is served afterwards; last the backend's
 * state.
 */
#include "xendev.h"

#define RING_SIZE 256
#define MORE_DATA 4
#define EXTRA_INFO 8

struct tx_request {
	uint32_t gref;
	uint16_t offset, flags, id, size;
};

struct tx_response {
	uint16_t id;
	int16_t status;
};

struct extra {
	uint8_t type, flags;
	uint8_t data[6];
};

struct tx_ring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
	union {
		struct tx_request request;
		struct tx_response response;
		struct extra extra;
	} slot[RING_SIZE];
};

struct rx_request {
	uint16_t id, pad;
	uint32_t gref;
};

struct rx_ring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
	struct rx_request slot[RING_SIZE];
};

struct device {
	char path[64], backend[128];
	volatile struct tx_ring *tx;
	volatile struct rx_ring *rx;
	struct channel channel;
	uint32_t frame_gref, produced, consumed;
};

/* An Ethernet frame that nobody answers. */
static void make_frame(uint8_t *frame)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\x00\x16\x3e\x00\x00\x99\x88\xb5", 8);
	memset(frame + 14, 0x5a, PAGE - 14);
}

static void connect_device(struct device *d, const char *number)
{
	struct channel other;
	uint32_t tx, rx;

	snprintf(d->path, sizeof(d->path), "device/vif/%s", number);
	fetch_string(d->path, "backend", d->backend, sizeof(d->backend));
	store(d->path, "state", "%d", STATE_INITIALISING);
	if (!backend_reaches(d->backend, STATE_INITWAIT, 20000)) {
		printf("backend never waits for a frontend\n");
		exit(4);
	}
	d->tx = shared_page(&tx);
	d->rx = shared_page(&rx);
	memset((void *)d->tx, 0, PAGE);
	memset((void *)d->rx, 0, PAGE);
	d->tx->req_event = d->tx->rsp_event = 1;
	d->rx->req_event = d->rx->rsp_event = 1;
	make_frame(shared_page(&d->frame_gref));
	d->channel = channel_open();
	store(d->path, "tx-ring-ref", "%u", tx);
	store(d->path, "rx-ring-ref", "%u", rx);
	store(d->path, "event-channel", "%u", d->channel.port);
	/*
	 * The guest's own driver left these; they would win over the above.
	 * One port for both is an error.
	 */
	other = channel_open();
	store(d->path, "event-channel-tx", "%u", d->channel.port);
	store(d->path, "event-channel-rx", "%u", other.port);
	store(d->path, "request-rx-copy", "1");
	store(d->path, "feature-rx-notify", "1");
	store(d->path, "feature-sg", "1");
	store(d->path, "state", "%d", STATE_CONNECTED);
	if (!backend_reaches(d->backend, STATE_CONNECTED, 20000)) {
		printf("backend never connects\n");
		exit(4);
	}
}

static struct tx_request *prepare(struct device *d)
{
	struct tx_request *request = (struct tx_request *)
		&d->tx->slot[d->produced % RING_SIZE].request;

	memset(request, 0, sizeof(*request));
	request->gref = d->frame_gref;
	request->size = 200;
	request->id = d->produced & 0xff;
	d->produced++;
	return request;
}

static void push(struct device *d)
{
	__sync_synchronize();
	d->tx->rsp_event = d->consumed + 1;
	d->tx->req_prod = d->produced;
	__sync_synchronize();
	channel_notify(&d->channel);
}

/* Prints the status of each response so far outstanding. */
static void answers(struct device *d, const char *what, int ms)
{
	int errors = 0, good = 0;

	for (; ms > 0 && d->tx->rsp_prod != d->produced; ms -= 20)
		pause_ms(20);
	for (; d->consumed != d->produced && d->consumed != d->tx->rsp_prod;
	     d->consumed++) {
		int16_t status = d->tx->slot[d->consumed % RING_SIZE]
			.response.status;

		if (status < 0)
			errors++;
		else
			good++;
	}
	printf("%s good %d errors %d missing %d\n", what, good, errors,
	       d->produced - d->consumed);
}

static void misbehave(struct device *d, const char *misdeed)
{
	struct tx_request *r;
	int i;

	if (!strcmp(misdeed, "producer")) {
		prepare(d);
		d->produced--;
		__sync_synchronize();
		d->tx->req_prod = d->produced + 1000;
		__sync_synchronize();
		channel_notify(&d->channel);
		/* No answer will come; it has to be seen before it is put right. */
		sleep(3);
		return;
	}
	r = prepare(d);
	if (!strcmp(misdeed, "none")) {
		;
	} else if (!strcmp(misdeed, "grant")) {
		r->gref = 0xfffffff0;
	} else if (!strcmp(misdeed, "offset")) {
		r->offset = 4095;
	} else if (!strcmp(misdeed, "tiny")) {
		r->size = 5;
	} else if (!strcmp(misdeed, "slots")) {
		r->size = 20000;
		r->flags = MORE_DATA;
		for (i = 0; i < 60; i++)
			prepare(d)->flags = MORE_DATA;
		prepare(d);
	} else if (!strcmp(misdeed, "no-last")) {
		r->size = 1000;
		r->flags = MORE_DATA;
	} else if (!strcmp(misdeed, "extra")) {
		struct extra *extra;

		r->flags = EXTRA_INFO;
		extra = (struct extra *)prepare(d);
		memset(extra, 0, sizeof(*extra));
		extra->type = 200;
	} else {
		fprintf(stderr, "no such misdeed: %s\n", misdeed);
		exit(2);
	}
	push(d);
}

int main(int argc, char **argv)
{
	struct device d = { 0 };
	char path[300];
	int i;

	if (argc < 3) {
		fprintf(stderr, "hostile-vif DEVICE MISDEED...\n");
		return 2;
	}
	connect_device(&d, argv[1]);
	for (i = 2; i < argc; i++) {
		misbehave(&d, argv[i]);
		printf("%s: ", argv[i]);
		answers(&d, "response", 5000);
		prepare(&d);
		push(&d);
		printf("%s: ", argv[i]);
		answers(&d, "afterwards", 5000);
	}
	snprintf(path, sizeof(path), "%s/state", d.backend);
	printf("backend state %lld\n", fetch(path));
	store(d.path, "state", "%d", STATE_CLOSED);
	backend_reaches(d.backend, STATE_CLOSED, 10000);
	return 0;
}
