// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network frontend that breaks the rules.
 *
 *	hostile-vif DEVICE MISDEED...
 *
 * DEVICE is the number of a vif whose driver is unbound.  A MISDEED is a name
 * from the list below, most with a number: NAME:NUMBER.  All use one
 * connection, or the next one when the backend has given up.  For each prints
 * what became of the bad requests, whether a correct one is served afterwards,
 * and the backend's state.  "rx-..." posts receive requests, which somebody has
 * to send frames to; events:COUNT sends as many events on each port without a
 * request, ticks:COUNT that many packets with an event each, shapes:COUNT that
 * many packets of slots in all sizes, flapping:COUNT packets with a grant that
 * comes and goes, and cuts:FLAGS TCP packets whose first slot ends at each of
 * the first 128 bytes.  lose-port closes the event channels behind a full ring,
 * which costs the connection; quit ends the program as things are.
 */
#include "xendev.h"

#define RING_SIZE 256
#define PACKET_SLOTS 20		/* more cost the device */
#define MORE_DATA 4
#define EXTRA_INFO 8
#define RSP_NULL 1

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

struct rx_response {
	uint16_t id, offset, flags;
	int16_t status;
};

struct rx_ring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
	union {
		struct rx_request request;
		struct rx_response response;
	} slot[RING_SIZE];
};

struct device {
	char path[64], backend[128];
	volatile struct tx_ring *tx;
	volatile struct rx_ring *rx;
	struct channel channel, other;
	uint32_t frame_gref, tcp_gref, tx_ring_gref, rx_ring_gref, rx_data_gref;
	uint32_t readonly_gref, foreign_gref;
	uint32_t produced, consumed, rx_produced, rx_consumed;
};

/* An Ethernet frame that nobody answers. */
static void make_frame(uint8_t *frame)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\x00\x16\x3e\x00\x00\x99\x88\xb5", 8);
	memset(frame + 14, 0x5a, PAGE - 14);
}

/* One of TCP, whose checksums are for others to look at. */
static void make_tcp_frame(uint8_t *frame)
{
	static const uint8_t header[] = {
		0x08, 0x00, 0x45, 0, 1, 0x1e, 0, 0, 0x40, 0, 64, 6, 0, 0,
		10, 0, 2, 77, 10, 0, 2, 78, 0x30, 0x39, 0, 80, 0, 0, 0, 1,
		0, 0, 0, 0, 0x50, 0x10, 0x10, 0, 0, 0, 0, 0,
	};

	make_frame(frame);
	memcpy(frame + 12, header, sizeof(header));
}

/* All that a frontend needs, for as many connections as it takes. */
static void new_device(struct device *d, const char *number)
{
	snprintf(d->path, sizeof(d->path), "device/vif/%s", number);
	fetch_string(d->path, "backend", d->backend, sizeof(d->backend));
	d->tx = shared_page(&d->tx_ring_gref);
	d->rx = shared_page(&d->rx_ring_gref);
	make_frame(shared_page(&d->frame_gref));
	make_tcp_frame(shared_page(&d->tcp_gref));
	shared_page(&d->rx_data_gref);
	granted_page(BACKEND, 0, &d->readonly_gref);
	granted_page(0x7fef, GNTALLOC_FLAG_WRITABLE, &d->foreign_gref);
	d->channel = channel_open();
	/* One port for both is an error. */
	d->other = channel_open();
}

static void connect_device(struct device *d)
{
	store(d->path, "state", "%d", STATE_CLOSED);
	if (!backend_reaches(d->backend, STATE_CLOSED, 20000)) {
		printf("backend never closes\n");
		exit(4);
	}
	store(d->path, "state", "%d", STATE_INITIALISING);
	if (!backend_reaches(d->backend, STATE_INITWAIT, 20000)) {
		printf("backend never waits for a frontend\n");
		exit(4);
	}
	memset((void *)d->tx, 0, PAGE);
	memset((void *)d->rx, 0, PAGE);
	d->tx->req_event = d->tx->rsp_event = 1;
	d->rx->req_event = d->rx->rsp_event = 1;
	d->produced = d->consumed = d->rx_produced = d->rx_consumed = 0;
	store(d->path, "tx-ring-ref", "%u", d->tx_ring_gref);
	store(d->path, "rx-ring-ref", "%u", d->rx_ring_gref);
	store(d->path, "event-channel", "%u", d->channel.port);
	/* The guest's own driver left these; they would win over the above. */
	store(d->path, "event-channel-tx", "%u", d->channel.port);
	store(d->path, "event-channel-rx", "%u", d->other.port);
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

/*
 * Takes in the responses to all that is outstanding; gives how many had which
 * status, or were to nothing that was sent.
 */
static void harvest(struct device *d, int *good, int *errors, int *wrong)
{
	uint32_t first = d->consumed, sent = d->produced - first;
	uint8_t seen[RING_SIZE] = { 0 };
	int ms;

	for (ms = 20000; ms > 0 && d->tx->rsp_prod != d->produced; ms -= 2) {
		/* A backend that has given up the device answers no more. */
		if (ms > 200 && ms % 20 == 0 &&
		    backend_state(d->backend) != STATE_CONNECTED)
			ms = 200;
		pause_ms(2);
	}
	for (; d->consumed != d->produced && d->consumed != d->tx->rsp_prod;
	     d->consumed++) {
		struct tx_response r = *(struct tx_response *)
			&d->tx->slot[d->consumed % RING_SIZE].response;

		if (r.status == RSP_NULL)
			(*good)++;	/* an extra's slot has no id */
		else if (r.id >= RING_SIZE || (uint8_t)(r.id - first) >= sent ||
		    seen[r.id]++)
			(*wrong)++;
		else if (r.status < 0)
			(*errors)++;
		else
			(*good)++;
	}
}

/* How the requests of an attack were answered. */
static void tell(const struct device *d, int good, int errors, int wrong)
{
	printf("good %d errors %d wrong %d missing %u\n", good, errors, wrong,
	       d->produced - d->consumed);
}

/* Takes them in, and says so. */
static void answers(struct device *d, const char *what)
{
	int good = 0, errors = 0, wrong = 0;

	harvest(d, &good, &errors, &wrong);
	printf("%s ", what);
	tell(d, good, errors, wrong);
}

/* A slot that holds an extra, of this type and with these bytes. */
static struct extra *prepare_extra(struct device *d, uint8_t type,
				   uint8_t flags)
{
	struct extra *extra = (struct extra *)prepare(d);

	memset(extra, 0, sizeof(*extra));
	extra->type = type;
	extra->flags = flags;
	return extra;
}

/* A GSO extra after the request @r: segments of @size bytes, of a type. */
static void segmented(struct device *d, struct tx_request *r, uint16_t size,
		      uint8_t type)
{
	struct extra *extra;

	r->flags |= EXTRA_INFO;
	extra = prepare_extra(d, 1, 0);
	memcpy(extra->data, &size, sizeof(size));
	extra->data[2] = type;
}

/* A packet of @n slots of @size bytes; the last says so if it @ends. */
static void slots(struct device *d, struct tx_request *r, int n, int size,
		  int ends)
{
	r->size = n * size;
	r->flags |= MORE_DATA;
	while (--n > 0) {
		r = prepare(d);
		r->size = size;
		r->flags = MORE_DATA;
	}
	if (ends)
		r->flags = 0;
}

/* The same extra all over the ring. */
static void extras(struct device *d, struct tx_request *r, int n)
{
	r->flags |= EXTRA_INFO;
	while (n-- > 1)
		prepare_extra(d, 4, 1);
	prepare_extra(d, 4, 0);
}

/*
 * What can be wrong with one packet: NAME, and what makes the good request @r
 * a bad one, in which @n is the number that was given.
 */
#define MISDEEDS(BAD)							\
	BAD("none", (void)n)						\
	BAD("grant", r->gref = 0xfffffff0)				\
	BAD("foreign-grant", r->gref = d->foreign_gref)			\
	BAD("tiny", r->size = 5)					\
	BAD("size", r->size = n)					\
	BAD("offset", r->offset = n)					\
	BAD("slots", slots(d, r, n, 200, 1))				\
	BAD("small-slots", slots(d, r, n, 6, 1))			\
	BAD("no-last", slots(d, r, n, 200, 0))			\
	BAD("total", slots(d, r, n, 200, 1); r->size = 201)			\
	BAD("extra", r->flags = EXTRA_INFO; prepare_extra(d, n, 0))	\
	BAD("extra-missing", r->flags = EXTRA_INFO)			\
	BAD("extra-chain", extras(d, r, n))				\
	BAD("gso-size", segmented(d, r, n, 1))				\
	BAD("gso-type", segmented(d, r, 1000, n))			\
	BAD("checksum-blank", r->flags = 1)

static void spoil(struct device *d, const char *name, long n)
{
	struct tx_request *r = prepare(d);

#define BAD(what, how) if (!strcmp(name, what)) { how; return; }
	MISDEEDS(BAD)
#undef BAD
	fprintf(stderr, "no such misdeed: %s\n", name);
	exit(2);
}

static void bad_producer(struct device *d, volatile uint32_t *producer,
			 uint32_t value)
{
	__sync_synchronize();
	*producer = value;
	__sync_synchronize();
	channel_notify(&d->channel);
	channel_notify(&d->other);
	/*
	 * No answer will come; it has to be seen before it is put right, and
	 * the one of receive requests is when there is something to receive.
	 */
	backend_gives_up(d->backend, 30000);
}

/* Posts @count receive requests of a page, and says how they were answered. */
static void receive(struct device *d, const char *which, int count)
{
	uint32_t gref = !strcmp(which, "rx-bad") ? 0xfffffff0 :
			!strcmp(which, "rx-readonly") ? d->readonly_gref :
			!strcmp(which, "rx-foreign") ? d->foreign_gref :
			!strcmp(which, "rx-ring") ? d->rx_ring_gref :
			d->rx_data_gref;
	int same = !strcmp(which, "rx-same-id"), good = 0, errors = 0, i, ms;
	int mixed = !strcmp(which, "rx-mixed"), wrong = 0;

	for (i = 0; i < count; i++) {
		volatile struct rx_request *r = &d->rx->slot[d->rx_produced %
							     RING_SIZE].request;

		r->gref = mixed && i % 2 ? 0xfffffff0 : gref;
		r->id = same ? 7 : d->rx_produced % RING_SIZE;
		d->rx_produced++;
	}
	__sync_synchronize();
	d->rx->rsp_event = d->rx_produced;
	d->rx->req_prod = d->rx_produced;
	__sync_synchronize();
	channel_notify(&d->channel);
	channel_notify(&d->other);
	/* What comes for nobody is a question by ARP each second or so. */
	for (ms = 60000; ms > 0 && d->rx_consumed != d->rx_produced; ms -= 20) {
		while (d->rx_consumed != d->rx->rsp_prod &&
		       d->rx_consumed != d->rx_produced) {
			uint32_t slot = d->rx_consumed++ % RING_SIZE;
			struct rx_response r = *(struct rx_response *)
				&d->rx->slot[slot].response;

			if (r.id != (same ? 7 : slot))
				wrong++;
			else if (r.status < 0)
				errors++;
			else
				good++;
		}
		pause_ms(20);
	}
	printf("frames good %d errors %d missing %u", good, errors,
	       d->rx_produced - d->rx_consumed);
	if (wrong)
		printf(" wrong %d", wrong);
	putchar('\n');
}

/* T24: an event for each packet, and one for each response. */
static void ticks(struct device *d, long n)
{
	int good = 0, errors = 0, wrong = 0;

	for (; n > 0; n--) {
		prepare(d);
		push(d);
		harvest(d, &good, &errors, &wrong);
	}
	tell(d, good, errors, wrong);
}

/* T19: a packet of any number of slots of all sizes; none leaves its page. */
static void any_shape(struct device *d)
{
	static const uint16_t sizes[] = {
		0, 1, 13, 14, 59, 64, 127, 128, 129, 1500, 4095, 4096,
	};
	static const uint16_t offsets[] = { 0, 1, 4095 };
	int n = 1 + dice(PACKET_SLOTS), rest = 0, i;
	struct tx_request *head = NULL;

	for (i = 0; i < n; i++) {
		struct tx_request *r = prepare(d);

		r->size = sizes[dice(12)];
		r->offset = offsets[dice(3)];
		if (r->offset + r->size > PAGE)
			r->offset = PAGE - r->size;
		r->flags = i < n - 1 ? MORE_DATA : 0;
		if (head)
			rest += r->size;
		else
			head = r;
	}
	/* The first slot tells the size of all; sometimes it lies. */
	head->size = rest && !dice(8) ? rest - 1 : head->size + rest;
}

static void shapes(struct device *d, int packets)
{
	int good = 0, errors = 0, wrong = 0;

	while (packets > 0 && d->consumed == d->produced) {
		for (; packets > 0 && d->produced - d->consumed +
		       PACKET_SLOTS <= RING_SIZE; packets--)
			any_shape(d);
		push(d);
		harvest(d, &good, &errors, &wrong);
	}
	tell(d, good, errors, wrong);
}

/* Packets of three slots, one of whose grants comes and goes. */
static void flapping(struct device *d, int packets)
{
	int good = 0, errors = 0, wrong = 0, i;
	uint32_t gref = flapping_grant();

	while (packets > 0 && d->consumed == d->produced) {
		for (; packets > 0 && d->produced - d->consumed + 3 <=
		       RING_SIZE; packets--) {
			int unsteady = dice(3);

			for (i = 0; i < 3; i++) {
				struct tx_request *r = prepare(d);

				r->size = i ? 200 : 600;
				r->flags = i < 2 ? MORE_DATA : 0;
				if (i == unsteady)
					r->gref = gref;
			}
		}
		push(d);
		harvest(d, &good, &errors, &wrong);
	}
	tell(d, good, errors, wrong);
}

/* T19: a packet of two slots, the first of which has so many bytes. */
static void cut(struct device *d, unsigned int bytes, unsigned int flags)
{
	struct tx_request *head = prepare(d), *rest = prepare(d);

	head->gref = rest->gref = d->tcp_gref;
	head->size = 300;
	head->flags = MORE_DATA | flags;
	rest->offset = bytes;
	rest->size = 300 - bytes;
}

static void cuts(struct device *d, unsigned int flags)
{
	int good = 0, errors = 0, wrong = 0, bytes;

	for (bytes = 1; bytes <= 128; bytes++) {
		cut(d, bytes, flags);
		if (bytes % 32)
			continue;
		push(d);
		harvest(d, &good, &errors, &wrong);
	}
	tell(d, good, errors, wrong);
}

/* T6: a full ring, of whose answers nobody can be told, on ports that are new. */
static void lose_port(struct device *d)
{
	while (d->produced - d->consumed < RING_SIZE)
		prepare(d);
	push(d);
	channel_close(&d->channel);
	channel_close(&d->other);
	d->channel = channel_open();
	d->other = channel_open();
	channel_notify(&d->channel);
	answers(d, "response");
	connect_device(d);
}

static void one(struct device *d, const char *misdeed)
{
	char name[64] = "";
	long n = 0;

	sscanf(misdeed, "%63[^:]:%li", name, &n);
	printf("%s: ", misdeed);
	if (!strcmp(name, "events")) {
		channels_storm(&d->channel, &d->other, n);
		puts("sent");
	} else if (!strcmp(name, "ticks")) {
		ticks(d, n);
	} else if (!strcmp(name, "quit")) {
		puts("at once");
		fflush(stdout);
		_exit(0);
	} else if (!strcmp(name, "shapes")) {
		shapes(d, n);
	} else if (!strcmp(name, "flapping")) {
		flapping(d, n);
	} else if (!strcmp(name, "cuts")) {
		cuts(d, n);
	} else if (!strcmp(name, "lose-port")) {
		lose_port(d);
	} else if (!strcmp(name, "rx-producer")) {
		bad_producer(d, &d->rx->req_prod, d->rx_produced + n);
		puts("done");
	} else if (!strncmp(name, "rx-", 3)) {
		receive(d, name, n);
	} else {
		if (!strcmp(name, "producer")) {
			bad_producer(d, &d->tx->req_prod, d->produced + n);
		} else {
			spoil(d, name, n);
			push(d);
		}
		answers(d, "response");
	}
	prepare(d);
	push(d);
	printf("%s: ", misdeed);
	answers(d, "afterwards");
}

int main(int argc, char **argv)
{
	struct device d = { 0 };
	int i;

	if (argc < 3) {
		fprintf(stderr, "hostile-vif DEVICE MISDEED...\n");
		return 2;
	}
	new_device(&d, argv[1]);
	for (i = 2; i < argc; i++) {
		if (i == 2 || (backend_state(d.backend) != STATE_CONNECTED &&
			       strcmp(argv[i], "quit")))
			connect_device(&d);
		one(&d, argv[i]);
		printf("%s: backend state %d\n", argv[i],
		       backend_state(d.backend));
	}
	store(d.path, "state", "%d", STATE_CLOSED);
	printf("end: backend %s\n", backend_reaches(d.backend, STATE_CLOSED, 10000) ?
	       "closed" : "open");
	return 0;
}
