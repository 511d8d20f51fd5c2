// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams there and back, every byte compared.
 *
 *	udp-check serve PORT
 *	udp-check HOST PORT COUNT
 *
 * The client sends datagrams of all sizes, from empty to fragmented, with a
 * payload made from a seed and the number of the datagram; the server sends
 * back what it got.  UDP may lose: what is lost is sent again and counted.
 * What comes back changed is an error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LARGEST 8192
#define HEADER 8
#define TRIES 8

struct datagram {
	uint32_t number;
	uint32_t sum;
	uint8_t data[LARGEST];
};

static uint32_t fnv(const uint8_t *data, size_t size)
{
	uint32_t hash = 2166136261u;

	while (size--)
		hash = (hash ^ *data++) * 16777619u;
	return hash;
}

static size_t fill(struct datagram *d, uint32_t number)
{
	/* Around the size of one packet and of one page, and in between. */
	static const uint16_t sizes[] = {
		0, 1, 17, 64, 127, 128, 129, 1000, 1463, 1464, 1465,
		2000, 2959, 4087, 4088, 4089, LARGEST,
	};
	size_t i, size = sizes[number % (sizeof(sizes) / sizeof(*sizes))];
	uint32_t x = number * 2654435761u + 12345;

	for (i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		d->data[i] = x;
	}
	d->number = number;
	d->sum = fnv(d->data, size);
	return HEADER + size;
}

static void __attribute__((noreturn)) serve(int fd)
{
	static struct datagram d;
	struct sockaddr_in from;

	for (;;) {
		socklen_t length = sizeof(from);
		ssize_t got = recvfrom(fd, &d, sizeof(d), 0,
				       (struct sockaddr *)&from, &length);

		if (got < HEADER || fnv(d.data, got - HEADER) != d.sum) {
			fprintf(stderr, "received a changed datagram\n");
			continue;	/* not answered: the client tells */
		}
		sendto(fd, &d, got, 0, (struct sockaddr *)&from, length);
	}
}

/* Returns 0 when datagram @number came back, 1 when lost, 2 when changed. */
static int once(int fd, uint32_t number)
{
	static struct datagram out, in;
	size_t size = fill(&out, number);

	if (send(fd, &out, size, 0) != (ssize_t)size) {
		usleep(200000);		/* nobody listens yet */
		return 1;
	}
	for (;;) {
		ssize_t got = recv(fd, &in, sizeof(in), 0);

		if (got < 0) {
			if (errno == ECONNREFUSED)
				usleep(200000);
			return 1;
		}
		if (got >= HEADER && in.number < number &&
		    fnv(in.data, got - HEADER) == in.sum)
			continue;	/* a late answer to an earlier try */
		return got != (ssize_t)size || memcmp(&in, &out, size) ? 2 : 0;
	}
}

static int check(int fd, uint32_t count)
{
	uint32_t number, lost = 0, changed = 0, tries;

	for (number = 1; number <= count; number++) {
		for (tries = 0; tries < TRIES; tries++) {
			int result = once(fd, number);

			if (!result)
				break;
			if (result == 2)
				changed++;
			else
				lost++;
		}
		if (tries == TRIES) {
			printf("datagram %u never came back\n", number);
			return 1;
		}
	}
	printf("datagrams %u lost %u changed %u\n", count, lost, changed);
	return changed != 0;
}

int main(int argc, char **argv)
{
	struct timeval patience = { .tv_sec = 5 };
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc == 3 && !strcmp(argv[1], "serve")) {
		address.sin_port = htons(atoi(argv[2]));
		if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
			perror("bind");
			return 1;
		}
		serve(fd);
	}
	if (argc != 4 || !inet_aton(argv[1], &address.sin_addr)) {
		fprintf(stderr, "udp-check serve PORT | HOST PORT COUNT\n");
		return 2;
	}
	address.sin_port = htons(atoi(argv[2]));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror("connect");
		return 1;
	}
	return check(fd, atoi(argv[3]));
}
