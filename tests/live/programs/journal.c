/*
 * Sends the record in RECORD to the journal before anything else runs: as a program of its own, or as a library that
 * LD_PRELOAD puts into a program whose name journald knows.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

__attribute__((constructor)) static void send_record(void)
{
	struct sockaddr_un journal = { AF_UNIX, "/run/systemd/journal/socket" };
	const char *record = getenv("RECORD");
	int socket_fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (record && sendto(socket_fd, record, strlen(record), 0, (void *)&journal, sizeof(journal)) < 0)
		_exit(1);
	sleep(1); /* journald looks at /proc/PID after it has received the record */
	_exit(0);
}

int main(void)
{
	return 1;
}
