/* SPDX-License-Identifier: MIT
 *
 * ipc_key.c - reads the keys of System V objects.
 */
#include "ipc_key.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

bool sinew__ipc_key_read(const char *text, key_t *key)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	size_t length = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");

	errno = 0;
	unsigned long long value = strtoull(digits, NULL, hex ? 16 : 10);
	if (length == 0 || digits[length] || errno || value > UINT32_MAX)
		return false;
	*key = (key_t)(uint32_t)value;
	return true;
}
