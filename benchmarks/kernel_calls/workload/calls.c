/*
 * System calls and ioctls that the ready-made programs of the workload do not make: calls NAME [ARGUMENT]. Failures are expected (a device may be
 * missing) and ignored: only what the kernel calls on the way is of interest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fiemap.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/input.h>
#include <linux/netlink.h>
#include <linux/rtc.h>
#include <linux/rtnetlink.h>
#include <linux/uinput.h>
#include <linux/watchdog.h>
#include <linux/vt.h>
#include <linux/kd.h>
#include <mqueue.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static char block[1 << 16];
#define ASIDE (void)!

static void wait_for(int fd, short events)
{
	struct pollfd one = { fd, events, 0 };
	ASIDE poll(&one, 1, 200);
}

static void files(const char *folder)
{
	ASIDE chdir(folder);
	int fd = open("a", O_RDWR | O_CREAT | O_TRUNC, 0644);
	for (int i = 0; i < 20; i++)
		ASIDE write(fd, block, sizeof block);
	ASIDE pwrite(fd, "x", 1, 5 << 20);
	struct iovec parts[2] = { { block, 100 }, { block + 200, 300 } };
	ASIDE preadv(fd, parts, 2, 10);
	ASIDE pwritev2(fd, parts, 2, 4096, RWF_DSYNC);
	ASIDE lseek(fd, 0, SEEK_DATA);
	ASIDE lseek(fd, 0, SEEK_HOLE);
	ASIDE fallocate(fd, 0, 6 << 20, 1 << 20);
	ASIDE fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 16384);
	ASIDE fallocate(fd, FALLOC_FL_ZERO_RANGE, 65536, 16384);
	ASIDE fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 65536, 65536);
	ASIDE fallocate(fd, FALLOC_FL_INSERT_RANGE, 65536, 65536);
	ASIDE fsync(fd);
	ASIDE fdatasync(fd);
	ASIDE sync_file_range(fd, 0, 65536, SYNC_FILE_RANGE_WRITE);
	ASIDE posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	ASIDE readahead(fd, 0, 1 << 20);
	ASIDE read(fd, block, sizeof block);
	char *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED) {
		for (int i = 0; i < 1 << 20; i += 4096)
			at[i]++;
		ASIDE madvise(at, 1 << 20, MADV_RANDOM);
		ASIDE madvise(at, 1 << 20, MADV_WILLNEED);
		ASIDE msync(at, 1 << 20, MS_SYNC);
		ASIDE mremap(at, 1 << 20, 1 << 19, MREMAP_MAYMOVE);
		ASIDE munmap(at, 1 << 19);
	}
	at = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (at != MAP_FAILED) {
		at[0] = 1;
		ASIDE munmap(at, 65536);
	}
	ASIDE ftruncate(fd, 100000);
	ASIDE fchmod(fd, 0600);
	ASIDE fchown(fd, 1, 1);
	struct timespec times[2] = { { 1, 1 }, { 2, 2 } };
	ASIDE futimens(fd, times);
	ASIDE fsetxattr(fd, "user.one", "value", 5, 0);
	ASIDE fsetxattr(fd, "user.big", block, 2000, 0);
	ASIDE fsetxattr(fd, "trusted.one", "value", 5, 0);
	ASIDE fsetxattr(fd, "security.one", "value", 5, 0);
	ASIDE fgetxattr(fd, "user.one", block, 100);
	ASIDE flistxattr(fd, block, 1000);
	ASIDE fremovexattr(fd, "user.one");
	int flags = 0;
	unsigned long requests[] = { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_GETVERSION, FIGETBSZ, FIBMAP, FIONREAD, FS_IOC_FSGETXATTR, FIFREEZE, FITHAW, FITRIM,
		FICLONE };
	for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
		long room[32] = { flags };
		if (requests[i] != FIFREEZE && requests[i] != FICLONE)
			ASIDE ioctl(fd, requests[i], room);
	}
	ASIDE ioctl(fd, FICLONE, fd);
	struct { struct fiemap map; struct fiemap_extent extents[8]; } map = { { 0, ~0ULL, FIEMAP_FLAG_SYNC, 0, 8, 0 } };
	ASIDE ioctl(fd, FS_IOC_FIEMAP, &map);
	struct statfs fs;
	ASIDE fstatfs(fd, &fs);
	struct flock lock = { F_WRLCK, SEEK_SET, 0, 10, 0 };
	ASIDE fcntl(fd, F_SETLK, &lock);
	ASIDE fcntl(fd, F_GETLK, &lock);
	lock.l_type = F_UNLCK;
	ASIDE fcntl(fd, F_SETLK, &lock);
	ASIDE fcntl(fd, F_OFD_SETLK, &lock);
	ASIDE flock(fd, LOCK_EX);
	ASIDE flock(fd, LOCK_UN);
	ASIDE fcntl(fd, F_SETLEASE, F_WRLCK);
	ASIDE fcntl(fd, F_SETOWN, getpid());
	int other = open("b", O_RDWR | O_CREAT | O_TRUNC | O_SYNC, 0644);
	int ends[2];
	ASIDE pipe(ends);
	off_t from = 0;
	ASIDE sendfile(other, fd, &from, 50000);
	loff_t here = 0, there = 0;
	ASIDE copy_file_range(fd, &here, other, &there, 50000, 0);
	here = 0;
	ASIDE splice(fd, &here, ends[1], NULL, 4096, 0);
	there = 0;
	ASIDE splice(ends[0], NULL, other, &there, 4096, 0);
	close(other);
	int direct = open("b", O_RDWR | O_DIRECT);
	void *page;
	if (!posix_memalign(&page, 4096, 65536)) {
		ASIDE pwrite(direct, page, 65536, 0);
		ASIDE pread(direct, page, 65536, 0);
	}
	close(direct);
	close(open(".", O_TMPFILE | O_RDWR, 0600));
	ASIDE link("a", "c");
	ASIDE symlink("a", "d");
	ASIDE symlink("a long way to nothing, longer than what an inode holds, so that it takes a block of its own, which is read by another function", "e");
	ASIDE readlink("e", block, 1000);
	ASIDE readlink("d", block, 1000);
	close(open("d", O_RDONLY));
	ASIDE mkdir("f", 0755);
	ASIDE mkdir("f/g", 0755);
	for (int i = 0; i < 200; i++) {
		char name[64];
		snprintf(name, sizeof name, "f/file-%d-with-a-long-name", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	ASIDE mknod("f/fifo", S_IFIFO | 0600, 0);
	ASIDE mknod("f/null", S_IFCHR | 0600, 0x103);
	ASIDE mknod("f/sock", S_IFSOCK | 0600, 0);
	ASIDE rename("b", "f/b");
	ASIDE rename("f/g", "g");
	ASIDE syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "f/b", RENAME_EXCHANGE);
	ASIDE syscall(SYS_renameat2, AT_FDCWD, "c", AT_FDCWD, "h", RENAME_WHITEOUT);
	int dir = open("f", O_RDONLY | O_DIRECTORY);
	while (syscall(SYS_getdents64, dir, block, 1024) > 0)
		;
	ASIDE fcntl(dir, F_NOTIFY, DN_CREATE);
	ASIDE fsync(dir);
	ASIDE lseek(dir, 0, SEEK_SET);
	close(dir);
	union { struct file_handle handle; char room[200]; } named;
	named.handle.handle_bytes = 128;
	int mount_id;
	if (!name_to_handle_at(AT_FDCWD, "f/b", &named.handle, &mount_id, 0)) {
		int root = open(".", O_RDONLY);
		ASIDE syscall(SYS_close, open_by_handle_at(root, &named.handle, O_RDONLY));
		close(root);
	}
	struct statx state;
	ASIDE statx(AT_FDCWD, "f", 0, STATX_ALL | STATX_BTIME, &state);
	ASIDE access("f/b", R_OK);
	ASIDE utimensat(AT_FDCWD, "d", times, AT_SYMLINK_NOFOLLOW);
	ASIDE lsetxattr("d", "trusted.x", "y", 1, 0);
	ASIDE truncate("f/b", 10);
	ASIDE truncate("f/b", 1 << 20);
	ASIDE syncfs(fd);
	ASIDE ioctl(fd, FIFREEZE, 0);
	ASIDE ioctl(fd, FITHAW, 0);
	for (int i = 0; i < 150; i++) {
		char name[64];
		snprintf(name, sizeof name, "f/file-%d-with-a-long-name", i);
		ASIDE unlink(name);
	}
	ASIDE unlink("d");
	ASIDE unlink("e");
	ASIDE rmdir("g");
	close(fd);
	sync();
}

static int listening(int family, int type, int protocol, struct sockaddr *address, socklen_t size)
{
	int fd = socket(family, type, protocol);
	int one = 1;
	ASIDE setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	ASIDE bind(fd, address, size);
	ASIDE listen(fd, 5);
	return fd;
}

static void stream_pair(int family, struct sockaddr *address, socklen_t size, int protocol)
{
	int server = listening(family, SOCK_STREAM, protocol, address, size);
	int client = socket(family, SOCK_STREAM | SOCK_NONBLOCK, protocol);
	ASIDE connect(client, address, size);
	wait_for(server, POLLIN);
	int taken = accept4(server, NULL, NULL, SOCK_NONBLOCK);
	wait_for(client, POLLOUT);
	int one = 1;
	struct linger linger = { 1, 1 };
	ASIDE setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	ASIDE setsockopt(client, IPPROTO_TCP, TCP_CORK, &one, sizeof one);
	ASIDE setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	ASIDE setsockopt(client, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one);
	ASIDE setsockopt(client, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one);
	char name[16];
	socklen_t length = sizeof name;
	ASIDE getsockopt(client, IPPROTO_TCP, TCP_CONGESTION, name, &length);
	for (const char *const *other = (const char *const[]){ "bic", "vegas", "reno", "cubic", NULL }; *other; other++)
		ASIDE setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, *other, strlen(*other));
	char info[300];
	length = sizeof info;
	ASIDE getsockopt(client, IPPROTO_TCP, TCP_INFO, info, &length);
	for (int i = 0; i < 50; i++) {
		ASIDE send(client, block, sizeof block, i % 5 ? MSG_NOSIGNAL : MSG_ZEROCOPY | MSG_NOSIGNAL);
		ASIDE recv(taken, block, 30000, 0);
	}
	ASIDE send(client, "!", 1, MSG_OOB);
	ASIDE recv(taken, block, 1, MSG_OOB);
	ASIDE recv(taken, block, 10, MSG_PEEK);
	int ends[2], waiting = 0;
	ASIDE pipe(ends);
	ASIDE splice(taken, NULL, ends[1], NULL, 4096, SPLICE_F_NONBLOCK);
	ASIDE splice(ends[0], NULL, client, NULL, 4096, SPLICE_F_NONBLOCK);
	int file = open("/proc/self/exe", O_RDONLY);
	ASIDE sendfile(client, file, NULL, 100000);
	ASIDE ioctl(taken, FIONREAD, &waiting);
	ASIDE fcntl(taken, F_SETFL, O_ASYNC);
	struct sockaddr_storage who;
	length = sizeof who;
	ASIDE getpeername(client, (struct sockaddr *)&who, &length);
	ASIDE getsockname(client, (struct sockaddr *)&who, &length);
	while (recv(taken, block, sizeof block, 0) > 0)
		;
	ASIDE shutdown(client, SHUT_WR);
	wait_for(taken, POLLIN);
	ASIDE recv(taken, block, 1, 0);
	ASIDE setsockopt(taken, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(taken);
	close(client);
	close(server);
}

static void datagrams(int family, struct sockaddr *address, socklen_t size)
{
	int server = socket(family, SOCK_DGRAM, 0), client = socket(family, SOCK_DGRAM, 0), one = 1;
	ASIDE bind(server, address, size);
	ASIDE connect(client, address, size);
	ASIDE setsockopt(client, IPPROTO_UDP, UDP_CORK, &one, sizeof one);
	ASIDE send(client, block, 1000, 0);
	ASIDE send(client, block, 30000, 0);
	one = 0;
	ASIDE setsockopt(client, IPPROTO_UDP, UDP_CORK, &one, sizeof one);
	one = 1;
	ASIDE setsockopt(server, SOL_IP, IP_PKTINFO, &one, sizeof one);
	ASIDE setsockopt(server, SOL_IP, IP_RECVERR, &one, sizeof one);
	ASIDE setsockopt(server, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	for (int i = 0; i < 10; i++)
		ASIDE send(client, block, 100 * i, MSG_DONTWAIT);
	char control[500];
	struct iovec part = { block, 2000 };
	struct msghdr message = { NULL, 0, &part, 1, control, sizeof control, 0 };
	for (int i = 0; i < 10; i++)
		ASIDE recvmsg(server, &message, MSG_DONTWAIT);
	struct mmsghdr many[2] = { { message, 0 }, { message, 0 } };
	many[0].msg_hdr.msg_controllen = many[1].msg_hdr.msg_controllen = 0;
	ASIDE sendmmsg(client, many, 2, 0);
	ASIDE recvmmsg(server, many, 2, MSG_DONTWAIT, NULL);
	close(server);
	ASIDE send(client, block, 100, MSG_DONTWAIT);
	usleep(2000);
	ASIDE recvmsg(client, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
	close(client);
}

static void sockets(const char *unused)
{
	struct sockaddr_in four = { AF_INET, htons(7777), { htonl(INADDR_LOOPBACK) }, "" };
	struct sockaddr_in6 six = { AF_INET6, htons(7778), 0, IN6ADDR_LOOPBACK_INIT, 0 };
	struct sockaddr_un local = { AF_UNIX, "/tmp/socket" };
	stream_pair(AF_INET, (void *)&four, sizeof four, 0);
	stream_pair(AF_INET6, (void *)&six, sizeof six, 0);
	stream_pair(AF_INET, (void *)&four, sizeof four, 262);
	unlink(local.sun_path);
	stream_pair(AF_UNIX, (void *)&local, sizeof local, 0);
	unlink(local.sun_path);
	datagrams(AF_INET, (void *)&four, sizeof four);
	datagrams(AF_INET6, (void *)&six, sizeof six);
	datagrams(AF_UNIX, (void *)&local, sizeof local);
	unlink(local.sun_path);
	int pair[2], fd = open("/dev/null", O_RDWR);
	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
		if (socketpair(AF_UNIX, type, 0, pair))
			continue;
		char control[CMSG_SPACE(sizeof fd)] = "";
		struct iovec part = { block, 10 };
		struct msghdr message = { NULL, 0, &part, 1, control, sizeof control, 0 };
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(head), &fd, sizeof fd);
		ASIDE sendmsg(pair[0], &message, 0);
		ASIDE recvmsg(pair[1], &message, MSG_DONTWAIT);
		ASIDE sendmsg(pair[0], &message, MSG_DONTWAIT);
		close(pair[0]);
		close(pair[1]);
	}
	int kinds[][3] = { { AF_INET, SOCK_RAW, IPPROTO_ICMP }, { AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 }, { AF_INET, SOCK_RAW, IPPROTO_RAW }, { AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE }, { AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE }, { AF_PACKET, SOCK_RAW, 0x300 }, { AF_PACKET, SOCK_DGRAM, 0x300 },
		{ AF_INET, SOCK_STREAM, 132 }, { 40, SOCK_STREAM, 0 }, { 44, SOCK_RAW, 0 }, { 29, SOCK_RAW, 1 } };
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		fd = socket(kinds[i][0], kinds[i][1], kinds[i][2]);
		if (fd < 0)
			continue;
		char echo[64] = { 8 };
		struct sockaddr_in self = { AF_INET, htons(99), { htonl(INADDR_LOOPBACK) }, "" };
		ASIDE sendto(fd, echo, sizeof echo, 0, (void *)&self, sizeof self);
		struct ifreq request = { .ifr_name = "lo" };
		int numbers[] = { SIOCGIFCONF, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFHWADDR, SIOCGIFMTU, SIOCGIFINDEX, SIOCGIFTXQLEN, SIOCGIFBRDADDR, 0x8946, 0x8906, 0x8907 };
		for (unsigned n = 1; n < sizeof numbers / sizeof *numbers; n++)
			ASIDE ioctl(fd, numbers[n], &request);
		int version = 2;
		ASIDE setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version);
		struct tpacket_req ring = { 4096, 4, 2048, 8 };
		ASIDE setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring);
		void *at = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		usleep(2000);
		ASIDE recv(fd, block, 2000, MSG_DONTWAIT);
		if (at != MAP_FAILED)
			ASIDE munmap(at, 16384);
		close(fd);
	}
	int group = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct ip_mreq join = { { inet_addr("239.1.2.3") }, { htonl(INADDR_LOOPBACK) } };
	ASIDE setsockopt(group, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join);
	ASIDE setsockopt(group, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof on);
	struct sockaddr_in many = { AF_INET, htons(5000), { inet_addr("239.1.2.3") }, "" };
	ASIDE sendto(group, "x", 1, 0, (void *)&many, sizeof many);
	ASIDE setsockopt(group, IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof join);
	close(group);
	for (int protocol = 0; protocol < 22; protocol++) {
		fd = socket(AF_NETLINK, SOCK_RAW, protocol);
		if (fd < 0)
			continue;
		struct sockaddr_nl self = { AF_NETLINK, 0, 0, ~0U };
		ASIDE bind(fd, (void *)&self, sizeof self);
		for (int kind = 16; kind < 120; kind++) {
			struct { struct nlmsghdr head; char body[64]; } ask = { { 80, kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { 0 } };
			if (protocol != NETLINK_ROUTE || kind % 4 == 2)
				ASIDE send(fd, &ask, sizeof ask, MSG_DONTWAIT);
			while (recv(fd, block, sizeof block, MSG_DONTWAIT) > 0)
				;
		}
		close(fd);
	}
}

static void waiting(const char *unused)
{
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0), event = eventfd(0, EFD_NONBLOCK), ends[2];
	int realtime = timerfd_create(CLOCK_REALTIME, 0), alarm_timer = timerfd_create(CLOCK_BOOTTIME, 0);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGPROF);
	sigaddset(&set, SIGVTALRM);
	ASIDE sigprocmask(SIG_BLOCK, &set, NULL);
	int signals = signalfd(-1, &set, SFD_NONBLOCK), watch = inotify_init1(IN_NONBLOCK);
	int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	ASIDE pipe2(ends, O_NONBLOCK);
	ASIDE inotify_add_watch(watch, "/tmp", IN_ALL_EVENTS);
	ASIDE fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_CLOSE | FAN_MODIFY, AT_FDCWD, "/tmp");
	ASIDE fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, "/tmp");
	int inner = epoll_create1(0);
	int list[] = { timer, event, signals, watch, fan, ends[0], realtime, alarm_timer, inner };
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
		struct epoll_event one = { EPOLLIN | (i % 2 ? EPOLLET : 0), { .fd = list[i] } };
		ASIDE epoll_ctl(epoll, EPOLL_CTL_ADD, list[i], &one);
	}
	struct itimerspec soon = { { 0, 3000000 }, { 0, 1000000 } };
	ASIDE timerfd_settime(timer, 0, &soon, NULL);
	ASIDE timerfd_settime(realtime, 0, &soon, NULL);
	ASIDE timerfd_settime(alarm_timer, 0, &soon, NULL);
	struct sigevent notice = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };
	timer_t timers[8];
	for (int i = 0; i < 8; i++) {
		struct timespec now;
		ASIDE clock_gettime(clocks[i], &now);
		ASIDE syscall(SYS_clock_gettime, clocks[i], &now);
		ASIDE syscall(SYS_clock_getres, clocks[i], &now);
		now = (struct timespec){ 0, 1000000 };
		ASIDE syscall(SYS_clock_nanosleep, clocks[i], 0, &now, NULL);
		if (!timer_create(clocks[i], &notice, &timers[i])) {
			ASIDE timer_settime(timers[i], 0, &soon, NULL);
			ASIDE timer_gettime(timers[i], &soon);
			ASIDE timer_getoverrun(timers[i]);
		}
	}
	for (int which = 0; which < 3; which++) {
		struct itimerval value = { { 0, 2000 }, { 0, 2000 } };
		ASIDE setitimer(which, &value, NULL);
	}
	close(open("/tmp/touched", O_CREAT | O_WRONLY, 0600));
	unsigned long long one = 1;
	ASIDE write(event, &one, 8);
	ASIDE write(ends[1], "x", 1);
	ASIDE kill(getpid(), SIGUSR1);
	for (int round = 0; round < 20; round++) {
		struct epoll_event ready[8];
		int count = epoll_wait(epoll, ready, 8, 10);
		for (volatile int spin = 0; spin < 300000; spin++)
			;
		for (int i = 0; i < count; i++)
			ASIDE read(ready[i].data.fd, block, 1000);
	}
	fd_set reading;
	FD_ZERO(&reading);
	FD_SET(ends[0], &reading);
	FD_SET(timer, &reading);
	struct timeval limit = { 0, 5000 };
	ASIDE select(timer + 1, &reading, NULL, NULL, &limit);
	mqd_t queue = mq_open("/queue", O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL);
	ASIDE mq_notify(queue, &notice);
	ASIDE mq_send(queue, "x", 1, 1);
	ASIDE mq_receive(queue, block, sizeof block, NULL);
	mq_close(queue);
	mq_unlink("/queue");
	struct timex change = { .modes = 0 };
	ASIDE adjtimex(&change);
	pid_t child = fork();
	if (!child) {
		ASIDE prctl(PR_SET_PDEATHSIG, SIGKILL);
		usleep(3000);
		abort();
	}
	int handle = syscall(SYS_pidfd_open, child, 0);
	wait_for(handle, POLLIN);
	ASIDE waitpid(child, NULL, 0);
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
		close(list[i]);
}

static void terminals(const char *unused)
{
	int master = open("/dev/ptmx", O_RDWR | O_NONBLOCK), zero = 0;
	ASIDE ioctl(master, TIOCSPTLCK, &zero);
	int slave = open(ptsname(master), O_RDWR | O_NONBLOCK | O_NOCTTY);
	const char *paths[] = { "/dev/ttyS0", "/dev/ttyS1", "/dev/tty1", "/dev/tty2", "/dev/console", "/dev/tty0", "/dev/hvc0", "/dev/ttyUSB0", "/dev/ttyACM0" };
	for (int i = -1; i < (int)(sizeof paths / sizeof *paths); i++) {
		int fd = i < 0 ? slave : open(paths[i], O_RDWR | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			continue;
		struct termios state, raw;
		ASIDE tcgetattr(fd, &state);
		raw = state;
		cfmakeraw(&raw);
		ASIDE tcsetattr(fd, TCSANOW, &raw);
		cfsetspeed(&raw, B9600);
		if (i != 0)
			ASIDE tcsetattr(fd, TCSANOW, &raw);
		ASIDE tcsetattr(fd, TCSANOW, &state);
		ASIDE write(fd, "text\r\n\t\033[1mbold\033[0m\033[2J\033[5;5H\033[?25l\033[K\n", 40);
		unsigned long numbers[] = { TIOCMGET, TIOCGWINSZ, TIOCOUTQ, FIONREAD, TIOCGSERIAL, TIOCGICOUNT, TIOCGPGRP, TIOCGSID, TIOCGETD, VT_GETSTATE, KDGETMODE, KDGKBMODE,
			KDGKBTYPE, VT_OPENQRY, KDGETLED, TIOCGRS485 };
		for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; n++)
			ASIDE ioctl(fd, numbers[n], block);
		struct winsize size = { 30, 100, 0, 0 };
		ASIDE ioctl(fd, TIOCSWINSZ, &size);
		if (i != 0 && i != 4) {
			ASIDE tcsendbreak(fd, 0);
			ASIDE tcflow(fd, TCOOFF);
			ASIDE tcflow(fd, TCOON);
			for (int discipline = 30; discipline >= 0; discipline--) {
				ASIDE ioctl(fd, TIOCSETD, &discipline);
				if (i < 0)
					ASIDE write(master, "~\377}some input~\n", 15);
				usleep(500);
				ASIDE read(fd, block, 100);
				ASIDE write(fd, "out", 3);
			}
		}
		if (i < 0) {
			ASIDE write(master, "line\003\004\032edit\177\n", 14);
			usleep(2000);
			ASIDE read(slave, block, 100);
			ASIDE ioctl(master, TIOCPKT, &zero);
			ASIDE read(master, block, 1000);
			ASIDE tcdrain(slave);
			ASIDE tcflush(slave, TCIOFLUSH);
		}
		close(fd);
	}
	close(master);
	int console = open("/dev/tty0", O_RDWR);
	for (int number = 2; number >= 1; number--) {
		ASIDE ioctl(console, VT_ACTIVATE, number);
		ASIDE usleep(20000);
	}
	ASIDE ioctl(console, KDSETLED, 7);
	ASIDE ioctl(console, KIOCSOUND, 1000);
	ASIDE ioctl(console, KIOCSOUND, 0);
	close(console);
}

static void ciphers(const char *unused)
{
	FILE *list = fopen("/proc/crypto", "r");
	char line[300], name[200] = "", kind[100] = "";
	while (list && fgets(line, sizeof line, list)) {
		sscanf(line, "name : %199s", name);
		if (sscanf(line, "type : %99s", kind) != 1)
			continue;
		struct sockaddr_alg address = { .salg_family = AF_ALG };
		const char *type = strstr(kind, "hash") ? "hash" : strstr(kind, "skcipher") ? "skcipher" : !strcmp(kind, "aead") ? "aead" : !strcmp(kind, "rng") ? "rng" : "skcipher";
		strcpy((char *)address.salg_type, type);
		snprintf((char *)address.salg_name, sizeof address.salg_name, "%.60s", name);
		int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);
		if (!bind(fd, (void *)&address, sizeof address)) {
			for (int size = 64; size >= 0; size -= 8)
				if (!setsockopt(fd, SOL_ALG, ALG_SET_KEY, block, size))
					break;
			int operation = accept(fd, NULL, NULL);
			for (unsigned encrypt = 0; encrypt < 2 && operation >= 0; encrypt++) {
				char control[CMSG_SPACE(4) + CMSG_SPACE(20)] = "";
				struct iovec part = { block, 256 };
				struct msghdr message = { NULL, 0, &part, 1, control, sizeof control, 0 };
				struct cmsghdr *head = CMSG_FIRSTHDR(&message);
				head->cmsg_level = SOL_ALG;
				head->cmsg_type = ALG_SET_OP;
				head->cmsg_len = CMSG_LEN(4);
				memcpy(CMSG_DATA(head), &encrypt, 4);
				head = CMSG_NXTHDR(&message, head);
				head->cmsg_level = SOL_ALG;
				head->cmsg_type = ALG_SET_IV;
				head->cmsg_len = CMSG_LEN(20);
				*(int *)CMSG_DATA(head) = 16;
				if (type[0] == 'h')
					message.msg_control = NULL, message.msg_controllen = 0;
				ASIDE sendmsg(operation, &message, MSG_DONTWAIT);
				ASIDE recv(operation, block, 256, MSG_DONTWAIT);
				ASIDE send(operation, block, 100, MSG_MORE | MSG_DONTWAIT);
				int copy = accept(operation, NULL, NULL);
				ASIDE send(copy, block, 10, MSG_DONTWAIT);
				ASIDE recv(copy, block, 64, MSG_DONTWAIT);
				close(copy);
				ASIDE recv(operation, block, 64, MSG_DONTWAIT);
			}
			close(operation);
		}
		close(fd);
	}
}

static void devices(const char *unused)
{
	int fd = open("/dev/uinput", O_RDWR | O_NONBLOCK);
	if (fd >= 0) {
		ASIDE ioctl(fd, UI_SET_EVBIT, EV_KEY);
		ASIDE ioctl(fd, UI_SET_EVBIT, EV_REL);
		ASIDE ioctl(fd, UI_SET_EVBIT, EV_REP);
		ASIDE ioctl(fd, UI_SET_RELBIT, REL_X);
		ASIDE ioctl(fd, UI_SET_EVBIT, EV_FF);
		ASIDE ioctl(fd, UI_SET_FFBIT, FF_RUMBLE);
		for (int key = 1; key < 200; key++)
			ASIDE ioctl(fd, UI_SET_KEYBIT, key);
		struct uinput_setup setup = { { BUS_USB, 1, 2, 3 }, "made up", 4 };
		ASIDE ioctl(fd, UI_DEV_SETUP, &setup);
		ASIDE ioctl(fd, UI_DEV_CREATE);
	}
	char path[64];
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof path, "/dev/input/event%d", i);
		int event = open(path, O_RDWR | O_NONBLOCK);
		if (event < 0)
			continue;
		struct input_event events[4] = { { .type = EV_LED, .code = LED_CAPSL, .value = 1 }, { .type = EV_SYN } };
		ASIDE write(event, events, sizeof *events * 2);
		ASIDE ioctl(event, EVIOCGNAME(100), block);
		ASIDE ioctl(event, EVIOCGBIT(0, 100), block);
		ASIDE ioctl(event, EVIOCGKEY(100), block);
		ASIDE ioctl(event, EVIOCGRAB, 1);
		ASIDE ioctl(event, EVIOCGRAB, 0);
		struct ff_effect effect = { .type = FF_RUMBLE, .id = -1 };
		ASIDE ioctl(event, EVIOCSFF, &effect);
		unsigned int repeat[2] = { 200, 30 };
		ASIDE ioctl(event, EVIOCSREP, repeat);
		unsigned int code[2] = { 30, 48 };
		ASIDE ioctl(event, EVIOCGKEYCODE, code);
		ASIDE ioctl(event, EVIOCSKEYCODE, code);
		if (fd >= 0) {
			struct input_event press[4] = { { .type = EV_KEY, .code = 30, .value = 1 }, { .type = EV_REL, .code = REL_X, .value = 5 }, { .type = EV_SYN } };
			ASIDE write(fd, press, sizeof *press * 3);
			press[0].value = 0;
			ASIDE write(fd, press, sizeof *press * 3);
		}
		usleep(1000);
		ASIDE fcntl(event, F_SETFL, O_ASYNC | O_NONBLOCK);
		wait_for(event, POLLIN);
		ASIDE read(event, block, 1000);
		close(event);
	}
	if (fd >= 0) {
		ASIDE ioctl(fd, UI_DEV_DESTROY);
		close(fd);
	}
	fd = open("/dev/rtc0", O_RDONLY | O_NONBLOCK);
	struct rtc_time when;
	ASIDE ioctl(fd, RTC_RD_TIME, &when);
	ASIDE ioctl(fd, RTC_SET_TIME, &when);
	ASIDE ioctl(fd, RTC_ALM_READ, &when);
	when.tm_sec = (when.tm_sec + 2) % 60;
	ASIDE ioctl(fd, RTC_ALM_SET, &when);
	ASIDE ioctl(fd, RTC_AIE_ON, 0);
	ASIDE ioctl(fd, RTC_UIE_ON, 0);
	ASIDE ioctl(fd, RTC_IRQP_SET, 64);
	ASIDE ioctl(fd, RTC_PIE_ON, 0);
	for (int i = 0; i < 5; i++) {
		wait_for(fd, POLLIN);
		ASIDE read(fd, block, 8);
	}
	sleep(2);
	ASIDE ioctl(fd, RTC_PIE_OFF, 0);
	ASIDE ioctl(fd, RTC_UIE_OFF, 0);
	ASIDE ioctl(fd, RTC_AIE_OFF, 0);
	close(fd);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "/dev/watchdog%d", i);
		fd = open(path, O_RDWR);
		if (fd < 0)
			continue;
		int limit = 30;
		ASIDE ioctl(fd, WDIOC_GETSUPPORT, block);
		ASIDE ioctl(fd, WDIOC_SETTIMEOUT, &limit);
		ASIDE ioctl(fd, WDIOC_SETPRETIMEOUT, &limit);
		ASIDE ioctl(fd, WDIOC_GETTIMELEFT, &limit);
		ASIDE ioctl(fd, WDIOC_GETSTATUS, &limit);
		ASIDE ioctl(fd, WDIOC_KEEPALIVE, 0);
		ASIDE write(fd, "x", 1);
		ASIDE write(fd, "V", 1);
		close(fd);
	}
	const char *readable[] = { "/dev/hwrng", "/dev/random", "/dev/urandom", "/dev/zero", "/dev/full", "/dev/mem", "/dev/port", "/dev/kmsg", "/dev/cpu/0/msr", "/dev/cpu/0/cpuid",
		"/dev/snapshot", "/dev/psaux", "/dev/mice", "/dev/input/mice", "/dev/input/mouse0", "/dev/nvram", "/dev/fb0", "/dev/vcs", "/dev/vcsa1", "/dev/vcsu",
		"/dev/usbmon0", "/dev/hidraw0", "/dev/snd/timer", "/dev/snd/seq", "/dev/i2c-0", "/dev/sg0", "/dev/nvme0", "/dev/btrfs-control", "/dev/mapper/control",
		"/dev/loop-control", "/dev/ppp", "/dev/autofs", "/dev/cuse", "/dev/fuse", "/dev/uhid", "/dev/userio", "/dev/vhost-net", "/dev/ptp0", "/dev/pps0",
		"/dev/sequencer", "/dev/mixer", "/dev/dsp", "/dev/rfkill", "/dev/gpiochip0", "/dev/dri/card0", "/dev/cpu_dma_latency", "/dev/udmabuf", "/dev/vga_arbiter" };
	for (unsigned i = 0; i < sizeof readable / sizeof *readable; i++) {
		fd = open(readable[i], O_RDWR | O_NONBLOCK);
		if (fd < 0)
			fd = open(readable[i], O_RDONLY | O_NONBLOCK);
		if (fd < 0)
			continue;
		wait_for(fd, POLLIN);
		ASIDE read(fd, block, 64);
		ASIDE lseek(fd, 4096, SEEK_SET);
		ASIDE pread(fd, block, 64, 0x1000);
		ASIDE ioctl(fd, TCGETS, block);
		void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		if (at != MAP_FAILED)
			ASIDE munmap(at, 4096);
		at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		if (at != MAP_FAILED)
			ASIDE munmap(at, 4096);
		ASIDE fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
		close(fd);
	}
}

static void tunnel(const char *unused)
{
	for (int kind = IFF_TUN; kind <= IFF_TAP; kind++) {
		int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
		struct ifreq request = { .ifr_flags = kind | IFF_NO_PI };
		snprintf(request.ifr_name, sizeof request.ifr_name, "way%d", kind);
		ASIDE ioctl(fd, TUNSETIFF, &request);
		ASIDE ioctl(fd, TUNGETFEATURES, block);
		char command[200];
		snprintf(command, sizeof command, "ip addr add 10.9.%d.1/24 dev way%d; ip link set way%d up; ping -c 1 -W 1 10.9.%d.2", kind, kind, kind, kind);
		ASIDE system(command);
		unsigned char packet[60] = { 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 1, 2, 10, 9, 1, 1, 8 };
		ASIDE write(fd, packet, sizeof packet);
		while (read(fd, block, 2000) > 0)
			;
		close(fd);
	}
}

static void keys(const char *unused)
{
	const char *kinds[] = { "user", "logon", "keyring", "big_key", "asymmetric", "encrypted" };
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		int key = syscall(SYS_add_key, kinds[i], "test:one", i == 2 ? NULL : "payload", i == 2 ? 0 : 7, -3);
		for (int operation = 0; operation < 32; operation++)
			if (operation != 1 && operation != 11)
				ASIDE syscall(SYS_keyctl, operation, key, block, 100, 0);
		ASIDE syscall(SYS_request_key, kinds[i], "test:one", NULL, -3);
	}
}

static void spaces(const char *unused)
{
	int kinds[] = { CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWCGROUP, 0x80, CLONE_FILES | CLONE_FS | CLONE_SYSVSEM };
	const char *names[] = { "mnt", "uts", "ipc", "net", "user", "pid", "cgroup", "time" };
	for (unsigned i = 0; i < 9; i++) {
		pid_t child = fork();
		if (!child) {
			ASIDE unshare(kinds[i]);
			ASIDE sethostname("other", 5);
			if (!fork())
				_exit(system("ip link set lo up; ping -c 1 -W 1 127.0.0.1; ls /proc") & 1);
			wait(NULL);
			_exit(0);
		}
		ASIDE waitpid(child, NULL, 0);
	}
	for (int i = 0; i < 8; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		int fd = open(path, O_RDONLY);
		ASIDE ioctl(fd, 0xb701);
		ASIDE ioctl(fd, 0xb702);
		ASIDE ioctl(fd, 0xb703);
		ASIDE setns(fd, 0);
		close(fd);
	}
}

static const struct { const char *name; void (*run)(const char *); } parts[] = {
	{ "files", files }, { "sockets", sockets }, { "waiting", waiting }, { "terminals", terminals }, { "ciphers", ciphers },
	{ "devices", devices }, { "tunnel", tunnel }, { "keys", keys }, { "spaces", spaces },
};

int main(int count, char **words)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	for (unsigned i = 0; count > 1 && i < sizeof parts / sizeof *parts; i++)
		if (!strcmp(parts[i].name, words[1]))
			parts[i].run(count > 2 ? words[2] : ".");
	return 0;
}
