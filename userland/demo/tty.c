/*
 * tty - the terminal's line discipline, switched off.
 *
 * In canonical mode the kernel collects a line, echoes what is typed and turns
 * ^C into a signal. This program asks for raw mode and shows each byte it gets;
 * try the arrow keys. q ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;

static void restore(void)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
}

int main(void)
{
	struct winsize ws;
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved) < 0) {
		perror("standard input is no terminal");
		return 1;
	}
	atexit(restore); /* leave the terminal as it was, however we end */

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		printf("%d rows, %d columns. Type keys, q ends.\n", ws.ws_row, ws.ws_col);

	raw = saved;
	raw.c_lflag &= ~(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1; /* read(2) returns as soon as there is one byte */
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);

	unsigned char c;
	while (read(STDIN_FILENO, &c, 1) == 1 && c != 'q')
		printf("%3d  0x%02x  %s%c\n", c, c, c < 32 || c == 127 ? "^" : "", c < 32 || c == 127 ? c ^ 64 : c);
	return 0;
}
