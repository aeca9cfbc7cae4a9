/* SPDX-License-Identifier: MIT
 *
 * inet.c - from "host:port" to an address and back.
 */
#include "inet.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"
#include "error.h"

/* "host:port", "[v6]:port", ":port", "*:port". */
static int split(struct sinew_channel *channel, char *host, size_t size, unsigned *port)
{
	const char *rest = channel->spec.uri.rest, *colon = strrchr(rest, ':');
	if (!colon)
		return sinew__fail(EINVAL, "%s: write %s, as in %s:127.0.0.1:7000",
			channel->spec.text, channel->spec.transport->scheme.shown.syntax,
			channel->spec.uri.scheme);
	bool bracketed = *rest == '[' && colon > rest && colon[-1] == ']';
	size_t length = (size_t)(colon - rest) - (bracketed ? 2 : 0);
	char *end;

	errno = 0;
	unsigned long number = strtoul(colon + 1, &end, 10);
	if (!colon[1] || *end || number > 65535 || colon[1] == '-' || colon[1] == '+')
		return sinew__fail(
			EINVAL, "%s: the port is a number from 0 to 65535", channel->spec.text);
	if (length >= size || (!bracketed && memchr(rest, ':', length)))
		return sinew__fail(EINVAL,
			"%s: write the address as host:port; an IPv6 address in brackets",
			channel->spec.text);
	memcpy(host, rest + bracketed, length);
	host[length] = '\0';
	*port = (unsigned)number;
	return 0;
}

static void set_v4(struct sinew__place *place, in_addr_t address, unsigned port)
{
	place->address.v4 = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(address)};
	place->size = sizeof place->address.v4;
}

/* What is to be looked up: a host, a port, for a socket of this type, by name if `resolve`. */
struct query {
	char host[256];
	unsigned port;
	int type;
	bool resolve;
};

static int look_up(
	struct sinew_channel *channel, const struct query *query, struct sinew__place *place)
{
	struct addrinfo *found,
		hints = {.ai_socktype = query->type,
			.ai_flags = AI_NUMERICSERV | (query->resolve ? 0 : AI_NUMERICHOST)};
	char service[8];

	snprintf(service, sizeof service, "%u", query->port);
	int r = getaddrinfo(query->host, service, &hints, &found);
	if (r == EAI_NONAME && !query->resolve)
		return sinew__fail(EINVAL,
			"%s: \"%s\" is not a numeric address; names are looked up only with "
			"resolve=yes",
			channel->spec.text, query->host);
	if (r)
		return sinew__fail(r == EAI_SYSTEM ? errno : EHOSTUNREACH, "%s: %s: %s",
			channel->spec.text, query->host, gai_strerror(r));
	place->size = found->ai_addrlen;
	memcpy(&place->address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

int sinew__inet_locate(
	struct sinew_channel *channel, int type, bool resolve, struct sinew__place *place)
{
	struct query query = {.type = type, .resolve = resolve};

	int r = split(channel, query.host, sizeof query.host, &query.port);
	if (r < 0)
		return r;
	if (!*query.host || strcmp(query.host, "localhost") == 0) {
		set_v4(place, INADDR_LOOPBACK, query.port);
		return 0;
	}
	if (strcmp(query.host, "*") == 0) {
		if (!(channel->flags & SINEW_LISTEN))
			return sinew__fail(
				EINVAL, "%s: connect to which host?", channel->spec.text);
		set_v4(place, INADDR_ANY, query.port);
		return 0;
	}
	return look_up(channel, &query, place);
}

void sinew__inet_show(const struct sinew__place *place, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (place->address.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &place->address.v6.sin6_addr, host, sizeof host);
		snprintf(text, size, "[%s]:%u", host, ntohs(place->address.v6.sin6_port));
	} else {
		inet_ntop(AF_INET, &place->address.v4.sin_addr, host, sizeof host);
		snprintf(text, size, "%s:%u", host, ntohs(place->address.v4.sin_port));
	}
}

int sinew__inet_name(struct sinew_channel *channel, int fd, char *uri, size_t size)
{
	struct sinew__place place = {.size = sizeof place.address};
	char text[80];

	if (sinew__sys.getsockname(fd, &place.address.any, &place.size) < 0)
		return sinew__fail(errno, "%s: getsockname: %m", channel->spec.text);
	sinew__inet_show(&place, text, sizeof text);
	return snprintf(uri, size, "%s:%s", channel->spec.uri.scheme, text);
}
