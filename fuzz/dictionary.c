/* SPDX-License-Identifier: MIT
 *
 * dictionary.c - prints the words of every URI, for the fuzzer: schemes, keys, values and presets
 * as the library itself lists them, and the marks between them.
 */
#include <sinew/sinew.h>
#include <stdio.h>
#include <string.h>

static void print(const char *before, const char *word, size_t size, const char *after)
{
	printf("\"%s%.*s%s\"\n", before, (int)size, word, after);
}

/* "a|b|c" gives each with its key. */
static void print_values(const char *key, const char *values)
{
	char before[64];

	snprintf(before, sizeof before, "%s=", key);
	while (*values) {
		size_t size = strcspn(values, "|");
		print(before, values, size, "");
		values += size + (values[size] == '|');
	}
}

static void print_option(const struct sinew_option *option)
{
	print("", option->key, strlen(option->key), "=");
	if (strchr(option->values, '|'))
		print_values(option->key, option->values);
	if (option->preset)
		print_values(option->key, option->preset);
}

int main(void)
{
	static const char *const marks[] = {":", "?", "&", "=", ",", "%25", "%3a", "%00", "%", "@",
		"/", "[::1]:", "localhost:", "*:", "0", "1", "4294967295", "2147483648",
		"9223372036854775807", "18446744073709551616", "1K", "1M", "1G", "1025M", "1ns",
		"1us", "1ms", "1s", "0777", "01000"};
	const struct sinew_scheme *scheme;
	const struct sinew_option *option;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++) {
		print("", scheme->name, strlen(scheme->name), ":");
		for (unsigned k = 0; (option = sinew_option(scheme->name, k)); k++)
			print_option(option);
	}
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		print("", marks[i], strlen(marks[i]), "");
	return ferror(stdout) || fflush(stdout) != 0;
}
