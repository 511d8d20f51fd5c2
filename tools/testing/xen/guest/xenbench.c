// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small measurements of event channels, grants and foreign mappings.
 *
 * In a guest, until killed:
 *	xenbench echo PORTS		answer each event; prints the ports
 *	xenbench share PAGES		share pages; prints grant references
 *	xenbench storm PORTS		events to one port after the other, as
 *					many as can be; prints the ports
 *
 * In Dom0, ROUNDS times; prints "rounds N ns T":
 *	xenbench ping DOMID ROUNDS PORT...	an event to each port, and back
 *	xenbench map DOMID ROUNDS GREF...	gntdev: map all, touch, unmap
 *	xenbench copy DOMID ROUNDS GREF...	gntdev: copy all in one request
 *	xenbench foreign DOMID ROUNDS PAGES	privcmd: map a PVH guest's frames
 *						from 16 MiB up, touch, unmap
 *	xenbench memcpy 0 ROUNDS BYTES		copy from memory to memory
 */
#include <stddef.h>

#include "xendev.h"
#include <xen/gntdev.h>

#define MAX 512
#define GNTCOPY_source_gref 1	/* public/grant_table.h */

/* xen/privcmd.h needs headers that Debian does not have. */
struct mmapbatch_v2 {
	uint32_t num;
	uint16_t dom;
	uint64_t addr;
	const uint64_t *arr;
	int *err;
};
#define PRIVCMD_MMAPBATCH_V2 \
	_IOC(_IOC_NONE, 'P', 4, sizeof(struct mmapbatch_v2))

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int open_device(const char *path)
{
	int fd = open(path, O_RDWR);

	if (fd < 0)
		die(path);
	return fd;
}

/* Takes the ports of pending events, at least one, and unmasks them. */
static int take_events(int fd, uint32_t *ports, int room)
{
	ssize_t got = read(fd, ports, room * sizeof(*ports));

	if (got <= 0 || write(fd, ports, got) != got)
		die("evtchn");
	return got / sizeof(*ports);
}

static void echo(int count)
{
	int fd = open_device("/dev/xen/evtchn"), i;
	uint32_t ports[64];

	for (i = 0; i < count; i++) {
		struct channel channel = channel_for(fd, BACKEND);

		printf("%d ", channel.port);
	}
	puts("");
	fflush(stdout);
	for (;;) {
		count = take_events(fd, ports, 64);
		for (i = 0; i < count; i++)
			channel_notify(&(struct channel){ fd, ports[i] });
	}
}

static void storm(int count)
{
	struct channel channels[MAX];
	int i;

	for (i = 0; i < count; i++) {
		channels[i] = channel_open();
		printf("%d ", channels[i].port);
	}
	puts("");
	fflush(stdout);
	for (;;)
		for (i = 0; i < count; i++)
			channels_storm(&channels[i], NULL, 10000);
}

static void share(int pages)
{
	while (pages-- > 0) {
		uint32_t gref, *page = shared_page(&gref);

		*page = gref;
		printf("%u ", gref);
	}
	puts("");
	fflush(stdout);
	for (;;)
		pause();
}

static void ping(int domid, int rounds, const uint32_t *remote, int count)
{
	int fd = open_device("/dev/xen/evtchn"), i;
	uint32_t local[MAX], seen[64];

	for (i = 0; i < count; i++) {
		struct ioctl_evtchn_bind_interdomain bind = {
			domid, remote[i],
		};
		int port = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);

		if (port < 0)
			die("bind interdomain");
		local[i] = port;
	}
	/* Binding leaves each port pending once. */
	for (i = 0; i < count; )
		i += take_events(fd, seen, 64);
	while (rounds-- > 0) {
		for (i = 0; i < count; i++)
			channel_notify(&(struct channel){ fd, local[i] });
		for (i = 0; i < count; )
			i += take_events(fd, seen, 64);
	}
}

static void map_grants(int domid, int rounds, const uint32_t *refs, int count)
{
	static struct ioctl_gntdev_grant_ref grants[MAX];
	char *buffer = malloc(sizeof(struct ioctl_gntdev_map_grant_ref) +
			      sizeof(grants));
	struct ioctl_gntdev_map_grant_ref *map = (void *)buffer;
	int fd = open_device("/dev/xen/gntdev"), i;

	for (i = 0; i < count; i++)
		grants[i] = (struct ioctl_gntdev_grant_ref){ domid, refs[i] };

	while (rounds-- > 0) {
		struct ioctl_gntdev_unmap_grant_ref unmap = { .count = count };
		volatile uint32_t *page;

		map->count = count;
		memcpy(buffer + offsetof(struct ioctl_gntdev_map_grant_ref,
					 refs), grants, count * sizeof(*grants));
		if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, map))
			die("gntdev map");
		page = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, map->index);
		if (page == MAP_FAILED)
			die("mmap");
		for (i = 0; i < count; i++)
			if (page[i * PAGE / 4] != refs[i])
				die("not the guest's page");
		munmap((void *)page, count * PAGE);
		unmap.index = map->index;
		if (ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap))
			die("gntdev unmap");
	}
}

static void copy_grants(int domid, int rounds, const uint32_t *refs, int count)
{
	static struct gntdev_grant_copy_segment segments[MAX];
	struct ioctl_gntdev_grant_copy copy = { count, segments };
	uint32_t *buffer = aligned_alloc(PAGE, count * PAGE);
	int fd = open_device("/dev/xen/gntdev"), i;

	while (rounds-- > 0) {
		for (i = 0; i < count; i++) {
			segments[i] = (struct gntdev_grant_copy_segment){
				.dest.virt = buffer + i * PAGE / 4,
				.len = PAGE, .flags = GNTCOPY_source_gref,
			};
			segments[i].source.foreign.ref = refs[i];
			segments[i].source.foreign.domid = domid;
		}
		if (ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &copy))
			die("gntdev copy");
		for (i = 0; i < count; i++)
			if (segments[i].status ||
			    buffer[i * PAGE / 4] != refs[i])
				die("not the guest's page");
	}
}

static void map_foreign(int domid, int rounds, int count)
{
	uint64_t *frames = calloc(count, sizeof(*frames));
	int *errors = calloc(count, sizeof(*errors));
	int fd = open_device("/dev/xen/privcmd"), i;

	for (i = 0; i < count; i++)
		frames[i] = 0x1000 + i;
	while (rounds-- > 0) {
		volatile uint32_t *page = mmap(NULL, (size_t)count * PAGE,
					       PROT_READ, MAP_SHARED, fd, 0);
		struct mmapbatch_v2 batch = {
			count, domid, (uintptr_t)page, frames, errors,
		};

		if (page == MAP_FAILED)
			die("mmap");
		if (ioctl(fd, PRIVCMD_MMAPBATCH_V2, &batch))
			die("mmapbatch");
		for (i = 0; i < count; i++) {
			if (errors[i])
				die("not mapped");
			(void)page[(size_t)i * PAGE / 4];
		}
		munmap((void *)page, (size_t)count * PAGE);
	}
}

static void copy_memory(int rounds, size_t size)
{
	char *from = malloc(size), *to = malloc(size);

	memset(from, 1, size);
	memset(to, 2, size);
	while (rounds-- > 0) {
		memcpy(to, from, size);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
}

int main(int argc, char **argv)
{
	static uint32_t numbers[MAX];
	const char *what = argc > 2 ? argv[1] : "";
	int domid, rounds, count = 0;
	long long start;

	if (!strcmp(what, "echo"))
		echo(atoi(argv[2]));
	if (!strcmp(what, "share"))
		share(atoi(argv[2]));
	if (!strcmp(what, "storm"))
		storm(atoi(argv[2]));
	if (argc < 5) {
		fprintf(stderr, "xenbench WHAT DOMID ROUNDS NUMBER...\n");
		return 2;
	}
	domid = atoi(argv[2]);
	rounds = atoi(argv[3]);
	for (; count < MAX && count + 4 < argc; count++)
		numbers[count] = strtoul(argv[count + 4], NULL, 10);

	start = now();
	if (!strcmp(what, "ping"))
		ping(domid, rounds, numbers, count);
	else if (!strcmp(what, "map"))
		map_grants(domid, rounds, numbers, count);
	else if (!strcmp(what, "copy"))
		copy_grants(domid, rounds, numbers, count);
	else if (!strcmp(what, "foreign"))
		map_foreign(domid, rounds, numbers[0]);
	else if (!strcmp(what, "memcpy"))
		copy_memory(rounds, numbers[0]);
	else
		return 2;
	printf("rounds %d ns %lld\n", rounds, now() - start);
	return 0;
}
