/* SPDX-License-Identifier: MIT
 *
 * replay.c - feeds files to a fuzz target without a fuzzer: the corpus as an ordinary test, with
 * any compiler. Arguments are files, or directories of them; the output is TAP. An input that
 * does not return within its time, or a property that fails, ends the program.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum { SECONDS = 60 };

static unsigned fed;

static void feed(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;

	REQUIRE(file && fstat(fileno(file), &st) == 0, "%s: %m", path);
	CLEANUP_MEMORY uint8_t *data = exact((size_t)st.st_size);
	size_t size = fread(data, 1, (size_t)st.st_size, file);
	REQUIRE(size == (size_t)st.st_size && !ferror(file), "%s: cannot be read", path);
	fclose(file);
	printf("# %s\n", path);
	fflush(stdout);
	alarm(SECONDS);
	LLVMFuzzerTestOneInput(data, size);
	alarm(0);
	printf("ok %u - %s\n", ++fed, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void feed_directory(const char *directory)
{
	struct dirent **entries;
	char path[4096];

	int n = scandir(directory, &entries, is_visible, alphasort);
	REQUIRE(n >= 0, "%s: %m", directory);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
		feed(path);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		REQUIRE(stat(argv[i], &st) == 0, "%s: %m", argv[i]);
		if (S_ISDIR(st.st_mode))
			feed_directory(argv[i]);
		else
			feed(argv[i]);
	}
	printf("1..%u\n", fed);
	return fed ? 0 : 1;
}
