# SPDX-License-Identifier: MIT
"""The injection kit: what the lab's own faults (vpc) cannot do. Everything is undone by Lab.heal().

    host.shim(service="zonevipd") -> Shim   the service runs with the shim before libc from its next start on
        .clock(realtime_s=0, steady_s=0)    CLOCK_REALTIME, and MONOTONIC with BOOTTIME, are off by so much
        .fail(call, error, ...)             the call fails with that errno ("EIO") -> Rule
        .stall(call, ...)                   whoever makes the call stands there until rule.release() -> Rule
        .spin(call, ...)                    the same at full speed -> Rule
        .count(call, ...)                   only counts -> Rule
            what=    "udp" "tcp" "unix" "netlink", or a part of the path behind the descriptor or named
                     in the call ("/var/lib/zonevip", "eventfd")
            thread=  "main", "other" (not main), or a thread's name ("zonevip-keeper", "zonevip-mysql")
            own=True only calls made by the program itself, not by its libraries
            skip=K   the first K pass;  times=N  then N are acted upon (None: all)
        Rule: .seen .hits .waiting, .release()
        .clear()                            no rule, true clocks
        The calls are those of libc that shim.c lists: malloc calloc realloc posix_memalign socket bind connect listen
        accept4 getsockname getsockopt setsockopt send sendto sendmsg recv recvfrom recvmsg read write pread
        pwrite writev fsync fdatasync ftruncate fstat stat lstat fstatat rename renameat unlink unlinkat fchmod
        fchmodat flock opendir fopen fdopen mmap mlock madvise epoll_create1 epoll_ctl epoll_wait poll eventfd
        timerfd_create pipe2 pipe fork setrlimit getrandom gethostname close open openat fcntl prctl
        pthread_create getaddrinfo syscall. A stall of epoll_wait in thread="main" is a main loop that hangs.
    host.unshim(service="zonevipd")         from its next start on without it
    lab.relay(seed, **manner) -> Relay      every heartbeat between the DB hosts passes a relay: see relay.py
    host.small_fs(path, size="64k")         an empty small file system on a directory, its owner and mode kept;
                                            programs that hold files open there must be started again
    host.fill(path)                         writes until nothing more goes into it
    host.big_fs(path)                       away with it
    host.memory_limit(service, bytes)       a memory group for the service's processes; beyond it the kernel kills
    host.memory_unlimit()
"""

import vpc  # noqa: F401  first: its hosts use the parts of this package
