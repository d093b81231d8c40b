/*
 * mmap - memory that appears when it is touched, and a file that is memory.
 *
 * 1. Sixteen pages are mapped; nothing is allocated. Each first touch is a page
 *    fault: compare getrusage's count before and after.
 * 2. A file is mapped shared; a store to memory changes the file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static long faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_minflt;
}

int main(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	long before = faults();
	for (int i = 0; i < 16; i++)
		mem[i * page] = 1; /* one fault per page, unless the kernel is generous */
	printf("16 pages at %p: %ld page faults\n", (void *)mem, faults() - before);
	munmap(mem, 16 * page);

	const char *path = "/tmp/mmap.demo";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, page) < 0) {
		perror(path);
		return 1;
	}
	char *file = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED) {
		perror("mmap of a file");
		return 1;
	}
	strcpy(file, "written through memory"); /* no write(2) anywhere */
	munmap(file, page);

	char buf[64] = "";
	if (pread(fd, buf, sizeof buf - 1, 0) < 0)
		perror("pread");
	printf("the file says: %s\n", buf);
	unlink(path);
	return strcmp(buf, "written through memory") != 0;
}
