/* SPDX-License-Identifier: MIT
 *
 * inet_list.c - /proc/PID/net/tcp, tcp6, udp, udp6: addresses as the machine stores them, in hexadecimal
 * words of 32 bits.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "../../banned.h"
#include "files.h"
#include "spaces.h"

/* "0100007F:1B58"; 8 or 32 digits. */
static bool take_address(const char *text, bool six, uint8_t *address, uint16_t *port)
{
	const unsigned words = six ? 4 : 1;

	for (unsigned i = 0; i < words; i++) {
		uint32_t word;
		if (sscanf(text + 8 * i, "%8" SCNx32, &word) != 1)
			return false;
		memcpy(address + 4 * i, &word, sizeof word);
	}
	return sscanf(text + 8 * words, ":%" SCNx16, port) == 1;
}

/* "0: LOCAL REMOTE 0A 0:0 0:0 0 UID 0 INODE …" */
static void take_line(
	struct sinew__socket_list *list, const char *line, const char *scheme, bool six)
{
	struct sinew__socket found = {.scheme = scheme, .six = six};
	char local[48], remote[48];

	if (sscanf(line, "%*s %47s %47s %*s %*s %*s %*s %*s %*s %" SCNu64, local, remote,
		    &found.ino) != 3 ||
		strlen(local) < (six ? 33 : 9) || strlen(remote) < (six ? 33 : 9) || !found.ino ||
		!take_address(local, six, found.address, &found.ports[0]) ||
		!take_address(remote, six, found.address + 16, &found.ports[1]))
		return;
	struct sinew__socket *row = sinew__socket_add(list);
	if (row)
		*row = found;
}

static void read_list(
	struct sinew__socket_list *list, const char *pid, const char *scheme, bool six)
{
	int error;
	char *rest, *line;
	LOOK_FREE char *text =
		sinew__slurp_all(&error, "/proc/%s/net/%s%s", pid, scheme, six ? "6" : "");

	if (!text)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(list, line, scheme, six);
}

void sinew__inet_read(struct sinew__socket_list *list, const char *pid)
{
	for (unsigned six = 0; six < 2; six++) {
		read_list(list, pid, "tcp", six);
		read_list(list, pid, "udp", six);
	}
}
