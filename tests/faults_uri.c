/* SPDX-License-Identifier: MIT
 *
 * faults_uri.c - URIs that are wrong: -EINVAL, nothing opened, and words that name what is known.
 */
#include "faults.h"

struct wrong {
	const char *name, *uri;
	const char *words[6]; /* all of them are in the error text */
};

static const struct wrong wrongs[] = {
	{"empty", "", {"empty", "scheme:name"}},
	{"no_scheme", "/tmp/x", {"no scheme", "/tmp/x"}},
	{"unknown_scheme", "carrier:pigeon", {"carrier", "pipe:", "fifo:", "unix:", "tcp:"}},
	{"scheme_case", "UNIX:/tmp/x", {"UNIX", "unix:"}},
	{"not_a_pair", "unix:/tmp/x?type", {"type", "key=value"}},
	{"no_key", "unix:/tmp/x?=1", {"key=value"}},
	{"bad_percent", "unix:/tmp/%zz", {"%", "hexadecimal"}},
	{"nul_in_name", "unix:/tmp/a%00b", {"hexadecimal"}},
	{"half_percent", "unix:/tmp/a%4", {"hexadecimal"}},
	{"no_name_fifo", "fifo:", {"fifo:/path"}},
	{"no_name_unix", "unix:", {"unix:/path", "unix:@name"}},
	{"no_name_tcp", "tcp:", {"tcp:host:port"}},
	{"no_port", "tcp:127.0.0.1", {"tcp:host:port"}},
	{"port_letters", "tcp:127.0.0.1:http", {"port", "65535"}},
	{"port_too_large", "tcp:127.0.0.1:65536", {"port", "65535"}},
	{"port_negative", "tcp:127.0.0.1:-1", {"port", "65535"}},
	{"bare_ipv6", "tcp:::1:7000", {"brackets"}},
	{"host_name", "tcp:example.invalid:7000", {"example.invalid", "resolve=yes"}},
	{"pipe_with_a_name", "pipe:/tmp/x", {"pipe", "no name"}},
	{"pipe_of_nothing", "pipe:", {"sinew_pair", "read="}},
	{"size_too_large", "unix:/tmp/x?max=3G", {"max=3G", "size"}},
	{"size_of_nothing", "unix:/tmp/x?max=0", {"max=0"}},
	{"size_overflow", "unix:/tmp/x?max=99999999999G", {"max="}},
	{"size_suffix", "unix:/tmp/x?max=1Q", {"max=1Q", "size"}},
	{"mode_decimal", "unix:/tmp/x?mode=0698", {"mode=0698", "octal"}},
	{"mode_setuid", "unix:/tmp/x?mode=4755", {"mode=4755"}},
	{"line_on_packets", "unix:/tmp/x?type=dgram&frame=line", {"frame="}},
	{"chunk_of_lines", "fifo:/tmp/x?chunk=1&frame=line", {"chunk", "frame=length"}},
	{"too_many_users", "unix:/tmp/x?allow=1,2,x", {"allow=1,2,x", "uid"}},
};

TEST_SUITE(wrong_uri, wrongs);

static void check_words(const char *uri, const char *const *words)
{
	const char *text = sinew_error_text();

	for (unsigned i = 0; i < 6 && words[i]; i++)
		if (!strstr(text, words[i]))
			FAIL("the error of %s does not say \"%s\": %s", uri, words[i], text);
}

TEST_EACH(wrong_uri, refused, struct wrong, row)
{
	sinew_channel *channel = (sinew_channel *)&wrongs;

	for (unsigned side = SINEW_LISTEN; side <= SINEW_CONNECT; side *= 2) {
		CHECK_ERR(sinew_open(&channel, row->uri, side | SINEW_IN, SINEW_NOW), -EINVAL);
		check_words(row->uri, row->words);
	}
	CHECK_EQ((void *)channel, (void *)&wrongs);
}

TEST(uri_too_long)
{
	char uri[8192] = "unix:/";
	sinew_channel *channel;

	memset(uri + 6, 'a', sizeof uri - 7);
	CHECK(sinew_open(&channel, uri, SINEW_LISTEN, SINEW_NOW) < 0);
	CHECK(strstr(sinew_error_text(), "at most"));
}

/* A path that fits a socket's name only just, and one that does not. */
TEST(path_too_long)
{
	char uri[300];
	sinew_channel *channel;

	snprintf(uri, sizeof uri, "unix:%s/%0*d", test_tmpdir(), 120, 0);
	CHECK_ERR(sinew_open(&channel, uri, SINEW_LISTEN, SINEW_NOW), -ENAMETOOLONG);
	CHECK_ERR(sinew_open(&channel, uri, SINEW_CONNECT, SINEW_NOW), -ENAMETOOLONG);
	CHECK(strstr(sinew_error_text(), "107"));
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

/* Every scheme refuses an option it does not have, and names all it has. */
TEST(unknown_keys)
{
	const struct sinew_scheme *scheme;
	const struct sinew_option *option;
	char uri[128];
	struct sinew_caps caps;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++) {
		snprintf(uri, sizeof uri, "%s:?colour=red", scheme->name);
		CHECK_ERR(sinew_caps(uri, &caps), -EINVAL);
		CHECK(strstr(sinew_error_text(), "colour"));
		for (unsigned k = 0; (option = sinew_option(scheme->name, k)); k++)
			check_words(uri, (const char *[6]){option->key});
	}
}

/* Every option refuses nonsense, and says what it takes. */
TEST(unknown_values)
{
	const struct sinew_scheme *scheme;
	const struct sinew_option *option;
	char uri[128];
	struct sinew_caps caps;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++)
		for (unsigned k = 0; (option = sinew_option(scheme->name, k)); k++) {
			snprintf(uri, sizeof uri, "%s:?%s=!no", scheme->name, option->key);
			CHECK_ERR(sinew_caps(uri, &caps), -EINVAL);
			check_words(uri, (const char *[6]){option->key, option->values, "!no"});
		}
}

/* Both sides at once is a contradiction; so is a pair of what has none. */
TEST(contradictions)
{
	sinew_channel *channel, *ends[2];

	CHECK_ERR(sinew_open(&channel, "unix:@x", SINEW_LISTEN | SINEW_CONNECT, 0), -EINVAL);
	CHECK_ERR(sinew_pair(ends, "tcp:127.0.0.1:0", 0), -EOPNOTSUPP);
	CHECK_ERR(sinew_open(&channel, "fifo:/tmp/x", SINEW_IN | SINEW_OUT, 0), -EINVAL);
}

/* Descriptors that are not there, not of this kind, or open the wrong way: refused, not closed. */
TEST(adopted_wrongly)
{
	sinew_channel *channel;
	char uri[64];
	int fds[2];

	CHECK_SYS(pipe(fds));
	CHECK_ERR(sinew_open(&channel, "pipe:read=999", SINEW_IN, SINEW_NOW), -EBADF);
	snprintf(uri, sizeof uri, "pipe:read=%d", fds[1]);
	CHECK_ERR(sinew_open(&channel, uri, SINEW_IN, SINEW_NOW), -EBADF);
	CHECK(strstr(sinew_error_text(), "reading"));
	snprintf(uri, sizeof uri, "pipe:write=%d", fds[0]);
	CHECK_ERR(sinew_open(&channel, uri, SINEW_OUT, SINEW_NOW), -EBADF);
	snprintf(uri, sizeof uri, "unix:?fd=%d", fds[0]);
	CHECK(sinew_open(&channel, uri, SINEW_IN, SINEW_NOW) < 0);
	CHECK_SYS(close(fds[0]));
	CHECK_SYS(close(fds[1]));
}
